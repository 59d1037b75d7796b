"""The pages: complete, and in step with the code. `test_shown.py` runs the commands in them."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from flowship import cli as command_line
from flowship.cli import app
from flowship.config import loading, settings
from flowship.config.keys import kebab
from flowship.deployment import desired
from flowship.deployment.draft import draft
from flowship.errors import ExitCode
from flowship.project.ignore import LEFT_OUT
from flowship.registry import Fault
from support.pages import blocks, read, section, targets, without_fences
from support.paths import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
PAGE_NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


# --- the commands --------------------------------------------------------------------------------

ROOT_COMMAND: Any = typer.main.get_command(app)


def commands(command: Any = ROOT_COMMAND, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """``"profile set-api"`` → its command, for every command and group; the root is ``""``."""
    found = {" ".join(path): command}
    for name, below in getattr(command, "commands", {}).items():
        found |= commands(below, (*path, name))
    return found


COMMANDS = commands()


def page_of(command: str) -> str:
    first = command.split(" ")[0]
    return f"docs/{ {'': 'README', 'down': 'up', 'resume': 'pause'}.get(first, first) }.md"


def options(command: Any) -> dict[str, bool]:
    """Every spelling of every option, and whether it takes a value."""
    return {
        spelling: not parameter.is_flag
        for parameter in command.params
        if parameter.param_type_name == "option"
        for spelling in (*parameter.opts, *parameter.secondary_opts)
    }


def mentions(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_so_has_every_option(name):
    command = COMMANDS[name]
    assert command.help
    assert [p.name for p in command.params if not p.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_arguments_of_a_command_are_in_capitals_and_optional_ones_in_brackets(name):
    context = COMMANDS[name].make_context("x", [], resilient_parsing=True)
    _, *arguments = COMMANDS[name].collect_usage_pieces(context)
    assert [a for a in arguments if a.islower() or "[[" in a] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_page_that_names_it_its_arguments_and_all_its_options(name):
    page = read(page_of(name))
    assert f"flowship {name}".strip() in page
    arguments = [p.name.upper() for p in COMMANDS[name].params if p.param_type_name == "argument"]
    expected = {*arguments, *options(COMMANDS[name])}
    assert [word for word in sorted(expected) if not mentions(page, word)] == []


@pytest.mark.parametrize("name", ["README.md", "docs/README.md"])
def test_every_page_of_a_command_is_linked_from_the_lists(name):
    linked = {os.path.normpath(Path(name).parent / target) for target in links(read(name))}
    assert {page_of(command) for command in COMMANDS if command} - linked == set()


@pytest.mark.parametrize("name", ["README.md", "docs/README.md"])
def test_the_lists_have_the_headings_of_the_help_in_its_order(name):
    panels: dict[str, set[str]] = {}
    for command, found in ROOT_COMMAND.commands.items():
        panels.setdefault(found.rich_help_panel, set()).add(command)
    tables = re.split(r"^##+ ", read(name), flags=re.MULTILINE)
    listed = {
        heading: set(
            re.findall(r"`flowship ([a-z]+)", "".join(re.findall(r"^\|[^|]+\|", rest, re.M)))
        )
        for heading, _, rest in (table.partition("\n") for table in tables)
        if heading in panels
    }
    assert listed == panels
    ours = [getattr(command_line, n) for n in ("BEGIN", "SHIP", "OBSERVE", "OPERATE", "SET_UP")]
    assert list(listed) == ours


def typed(text: str) -> Iterator[str]:
    """What a reader is told to type: the code of a page, without what is printed."""
    for block in blocks(text, "console"):
        yield from (line[2:] for line in block.splitlines() if line.startswith("$ "))
    rest = without_fences(text)
    yield from re.findall(r"^ {4}(\S.*)$", rest, flags=re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", rest)


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_no_page_names_a_command_or_an_option_that_is_not_there(name):
    unknown = []
    for line in typed(read(name)):
        for found in re.findall(r"(?:^|\$\(|&& )flowship ([^;&|#)]*)", line):
            unknown += [f"{problem} in: {line}" for problem in unknown_words(found)]
    assert unknown == []


def unknown_words(text: str) -> list[str]:
    """The commands and options in `text` that the application does not have."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    command, known, problems = ROOT_COMMAND, {"--help": False, **options(ROOT_COMMAND)}, []
    value = False
    for word in words:
        below = getattr(command, "commands", {})
        if value:
            value = False
        elif word.startswith("-"):
            name, equals, _ = word.partition("=")
            problems += [] if name in known else [word]
            value = not equals and known.get(name, False)
        elif word in below:
            command = below[word]
            known |= options(command)
        elif below and re.fullmatch("[a-z-]+", word):
            problems.append(word)
    return problems


def test_a_wrong_command_in_a_page_would_be_seen():
    assert unknown_words("bild") == ["bild"]
    assert unknown_words("deploy --corn '0 5 * * *'") == ["--corn"]
    assert unknown_words("profile get-api URL") == ["get-api"]
    assert unknown_words("-C x profile set-api URL --no-check") == []
    assert unknown_words("deploy --cron '0 5 * * *' -p months=1") == []


# --- links ---------------------------------------------------------------------------------------


def links(text: str) -> list[str]:
    """The targets of links to files, anchors taken off."""
    return [target.partition("#")[0] for target in targets(text) if not target.startswith("#")]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_fences(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_every_link_leads_somewhere(name):
    broken = []
    for target in targets(read(name)):
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        text = path.read_text(encoding="utf-8") if path.suffix == ".md" and path.is_file() else ""
        if not path.exists() or (anchor and anchor not in anchors(text)):
            broken.append(target)
    assert broken == []


def test_the_readme_opens_with_two_scripts_that_can_be_run():
    lines = read("README.md").splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("    "))
    assert len([line for line in lines[1:first] if line]) <= 3
    scripts = [line.split()[0] for line in lines[first : first + 2]]
    assert scripts == ["scripts/demo", "scripts/test"]
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)


# --- configuration -------------------------------------------------------------------------------

KEYS = "docs/configuration.md"


def test_the_variables_of_the_examples_are_settings(tmp_path):
    examples = re.findall(r"`(FLOWSHIP_\w+)='?([^`]*?)'?[`;]", read(KEYS))
    assert len(examples) > 4
    (tmp_path / "flowship.toml").write_text('entrypoint = "flow.py:hello"')
    settings = loading.load(tmp_path, environ=dict(examples))
    assert settings.warnings == ()
    assert settings.block.mem_limit == "2g"
    assert settings.block.env == {"TZ": "UTC"}
    assert settings.deployments[0].cron == "0 5 * * *"


def samples() -> list[Any]:
    return [
        pytest.param(block, id=f"{name}-{number}")
        for name in PAGE_NAMES
        for number, block in enumerate(blocks(read(name), "toml"))
    ]


@pytest.mark.parametrize("sample", samples())
def test_every_sample_of_the_configuration_loads(sample, tmp_path):
    folder = tmp_path / "pipelines"  # a sample with a context above names its own folder
    folder.mkdir()
    text = sample if "entrypoint" in sample else f'entrypoint = "flow.py:hello"\n{sample}'
    (folder / "flowship.toml").write_text(text)
    settings = loading.load(folder, environ={})
    draft(settings, desired.Flags())


def test_the_complete_sample_shows_every_key_of_a_project_and_makes_a_dockerfile(tmp_path, cli):
    [sample] = blocks(
        section(read("docs/guides/your-own-flow.md"), "A complete configuration"), "toml"
    )
    written = set(re.findall(r"^(?:# )?([a-z-]+) =|^\[+([a-z]+)", sample, flags=re.MULTILINE))
    top = {kebab(n) for n, f in settings.Settings.model_fields.items() if not f.exclude}
    assert top - {word for pair in written for word in pair} == set()

    (tmp_path / "flowship.toml").write_text(sample)
    for name in ("flows/taxi.py", "data/zones.csv"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / "flows" / "taxi.py").write_text("def etl_parent_flow(): ...\n")
    (tmp_path / "docker-requirements.txt").write_text("pandas\n")
    (tmp_path / "constraints.txt").write_text("pandas<3\n")
    (tmp_path / "company-ca.pem").touch()
    assert "libpq5" in cli("build", "--print-dockerfile").stdout
    checked = cli("check", "--json")
    assert json.loads(checked.stdout)["findings"] == [], checked.stderr


# --- errors --------------------------------------------------------------------------------------


def raised_codes() -> set[str]:
    """Every code that an error can have: ``code="…"`` where one is made, and the classes' own."""
    found = {fault.code for fault in Fault}
    for path in sorted((ROOT / "src" / "flowship").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"\bcode(?:: str)? ?= ?\"([a-z][a-z0-9-]+)\"", text))
    return found


def test_every_error_code_has_its_row_and_no_row_is_left_over():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\|[^`]*`([a-z][a-z0-9-]+)` \|", page, re.MULTILINE))
    assert documented == raised_codes()


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_exit_code_is_documented(code):
    assert re.search(
        rf"^\| {int(code)} \| {code.name} \| .* \| \w", read("docs/errors.md"), re.MULTILINE
    )


@pytest.mark.parametrize("name", sorted({page_of(command) for command in COMMANDS if command}))
def test_every_page_of_a_command_has_its_exit_codes(name):
    page = read(name)
    assert re.search(r"^## Exit codes|\*\*Exit code\*\*", page, flags=re.MULTILINE)
    assert "](errors.md)" in page


PLACEHOLDERS = r"…|\b(?:REGISTRY|REPOSITORY|IMAGE|NAME)\b"


def written_texts() -> list[str]:
    """Every piece of text in the source; what an f-string fills in divides it."""
    return [
        node.value
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def told_messages(text: str) -> list[str]:
    """The column "message" of the tables that have it first, or after the column "code"."""
    tables = re.findall(
        r"^(\| code )?\| message \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, flags=re.MULTILINE
    )
    return [
        row.removeprefix("|").split(" | ")[1 if code else 0].strip()
        for code, table in tables
        for row in table.splitlines()
    ]


def test_the_messages_of_the_errors_page_are_the_programs_own():
    texts = written_texts()
    messages = told_messages(read("docs/errors.md"))
    assert len(messages) > 9
    strange = []
    for message in messages:
        pieces = [piece.strip(" :()") for piece in re.split(PLACEHOLDERS, message)]
        strange += [p for p in pieces if len(p) > 3 and not any(p in text for text in texts)]
    assert strange == []


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_what_is_excluded_by_default_is_documented(kind):
    page = read("docs/build.md")
    patterns = [p.lstrip("!").removeprefix("**/") for p in LEFT_OUT[kind]]
    assert [p for p in patterns if f"`{p}`" not in page] == []


# --- doctor --------------------------------------------------------------------------------------


def test_the_page_of_doctor_has_a_row_for_each_check_in_the_same_order():
    from flowship.doctor.catalog import CHECKS

    rows = re.findall(
        r"^\| `([a-z-]+)` \|", section(read("docs/doctor.md"), "The checks"), re.MULTILINE
    )
    assert rows == [check.code for check in CHECKS]
