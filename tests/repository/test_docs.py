"""The pages: complete, in step with the code, and true when their commands are run."""

from __future__ import annotations

import ast
import html
import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from parts.night import Night
from parts.night import night as deployed
from parts.ports import free_port

from flowship import cli as command_line
from flowship.cli import app
from flowship.config import loading, settings
from flowship.config.keys import kebab
from flowship.deployment import desired
from flowship.deployment.draft import draft
from flowship.errors import ExitCode
from flowship.project.ignore import LEFT_OUT
from flowship.registry import Fault
from parts import session
from support import night
from support.commands import world
from support.paths import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
PAGE_NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


NIGHT = "docs/guides/the-0500-run.md"
FIRST_FLOW = "docs/guides/first-flow.md"
OWN_FLOW = "docs/guides/your-own-flow.md"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading of the second level, up to the next one."""
    parts = re.split(r"^## ", without_fences(text, keep_places=True), flags=re.MULTILINE)
    at = 0
    for part in parts:
        if part.splitlines()[:1] == [heading] or part.startswith(heading):
            return text[at : at + len(part)]
        at += len(part) + len("## ")
    raise AssertionError(f'there is no heading "{heading}"')


def without_fences(text: str, *, keep_places: bool = False) -> str:
    """The text with its fenced blocks taken out, or overwritten with dots."""
    return re.sub(
        r"^ *```.*?^ *```$",
        lambda found: "." * len(found[0]) if keep_places else "",
        text,
        flags=re.DOTALL | re.MULTILINE,
    )


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, without their indentation."""
    found = re.finditer(rf"^( *)```{language}\n(.*?)^ *```$", text, flags=re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{f[1]}", "", f[2], flags=re.MULTILINE) for f in found]


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


def targets(text: str) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", without_fences(text))
    return [target for target in found if not re.match(r"https?:", target)]


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
    [sample] = blocks(section(read(OWN_FLOW), "A complete configuration"), "toml")
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


# --- commands that are run -----------------------------------------------------------------------


class Shown(NamedTuple):
    """A command in a page and what it prints there; "…" stands for anything."""

    command: str
    output: str


def shown(text: str) -> list[Shown]:
    examples = []
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            examples.append(Shown(command, output))
    return examples


TYPED = "[y/N] y"
"""A question on the terminal, and what the reader types."""
VARYING = (
    (re.escape(TYPED), "[y/N]"),
    (r"(127\.0\.0\.1|localhost):\d+", "HOST"),
    (r"sha256:[0-9a-f]{12,64}", "sha256:#"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
    (r"\b[0-9a-f]{12}\b", "#"),
    (r"\d+(\.\d+)? (B|kB|MB|GB|s)\b", "SIZE"),
    (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
    (r"\b\d\d:\d\d:\d\d\b", "TIME"),
    (r"\b\d+\.\d+\.\d+\b", "VERSION"),
    (r"\bpid \d+", "pid"),
    (r"\b(measure)-[0-9a-f]{3}\b", r"\1-#"),
    # The states of a run are asked for, so a state comes before or after the logs of its moment.
    (r"(?m)^• (Scheduled|Submitting|Pending|Running)$", ""),
    (r"\s+", " "),  # a page may break a long line
)


def normalised(text: str) -> str:
    run = re.search(r"started (\S+) of", text)
    if run:
        text = text.replace(run[1], "RUN")
    for pattern, name in VARYING:
        text = re.sub(pattern, name, text)
    return text.strip()


def agree(page: str, real: str) -> bool:
    pieces = [re.escape(piece.strip()) for piece in normalised(page).split("…")]
    return re.fullmatch(r"\s*.*?\s*".join(pieces), normalised(real)) is not None


def test_an_output_that_differs_from_its_page_would_be_seen():
    page = "✓ built a:6e475e67812b (524 MB)\n…\nnext: `flowship build`\n"
    assert agree(page, "✓ built a:aaaabbbbcccc (1.2 GB)\n  more\nnext: `flowship build`")
    assert not agree(page, "✓ built b:aaaabbbbcccc (1.2 GB)\n  more\nnext: `flowship build`")
    assert not agree(page, "✓ built a:aaaabbbbcccc (1.2 GB)\n  more\nnext: `flowship ship`")
    assert not agree(page, "✓ built a:aaaabbbbcccc (1.2 GB)\nnext: `flowship build`\nmore")


@pytest.mark.parametrize(
    ("name", "configuration"),
    [
        ("README.md", ""),
        ("docs/check.md", 'entrypoint = "flow.py:taxi"\ndockerfile = "Dockerfile"\n'),
    ],
)
def test_the_check_finds_what_the_page_shows(name, configuration, tmp_path, cli):
    [dockerfile] = blocks(section(read("README.md"), "Why flowship"), "dockerfile")
    (tmp_path / "Dockerfile").write_text(dockerfile)
    (tmp_path / "flow.py").write_text("from prefect import flow\n\n\n@flow\ndef taxi(): ...\n")
    if configuration:
        (tmp_path / "flowship.toml").write_text(configuration)
    example = next(e for e in shown(read(name)) if e.command.startswith("flowship check"))
    done = cli(*shlex.split(example.command)[1:])
    assert done.code == ExitCode.CONFIG
    assert agree(example.output, done.stderr), done.stderr
    done = cli(*shlex.split(example.command)[1:], "--fix")
    assert done.code == 0
    assert "COPY flow.py /opt/prefect/flows/" in (tmp_path / "Dockerfile").read_text()


def test_the_sample_of_an_own_dockerfile_has_no_problems(tmp_path, cli):
    [dockerfile] = blocks(read(OWN_FLOW), "dockerfile")
    (tmp_path / "Dockerfile").write_text(dockerfile)
    (tmp_path / "requirements.txt").write_text("pandas\n")
    (tmp_path / "flow.py").touch()
    (tmp_path / "flowship.toml").write_text(
        'entrypoint = "flow.py:taxi"\ndockerfile = "Dockerfile"\n'
    )
    done = cli("check", "--json")
    assert done.code == 0, done.stderr
    assert json.loads(done.stdout)["findings"] == []


def test_init_writes_only_the_configuration_into_a_folder_with_python_files(tmp_path, cli):
    (tmp_path / "trips.py").write_text("from prefect import flow\n\n\n@flow\ndef nightly(): ...\n")
    assert cli("init").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(".dockerignore", "flowship.toml", "trips.py")
    ]


def test_init_prints_what_its_page_shows(tmp_path, cli):
    folder = tmp_path / "hello"
    folder.mkdir()
    [example] = shown(read("docs/init.md"))
    done = cli(*shlex.split(example.command)[1:], cwd=folder)
    assert agree(example.output, done.stderr + done.stdout), done.stderr


@pytest.mark.engine
def test_a_missing_module_is_reported_as_the_guide_shows(tmp_path, cli, base_image):
    own = read(OWN_FLOW)
    (tmp_path / "flowship.toml").write_text(blocks(own, "toml")[0])
    (tmp_path / "docker-requirements.txt").touch()
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/trips.py").write_text(
        "from prefect import flow\nimport pandas\n\n\n@flow\ndef nightly(): ...\n"
    )
    example = next(e for e in shown(own) if e.command == "flowship build")
    done = cli("build", env={"FLOWSHIP_BASE_IMAGE": base_image})
    assert done.code == ExitCode.BUILD
    assert agree(example.output, done.stderr), done.stderr


def in_the_picture() -> dict[str, str]:
    """Each command in the picture of a session, and the output that is drawn below it."""
    drawn = re.findall(r"<text[^>]*>(.*)</text>", session.PICTURE.read_text(encoding="utf-8"))
    lines = "\n".join(html.unescape(line) for line in drawn)
    return dict(shown(f"```console\n{lines}\n```"))


def test_the_picture_has_the_commands_of_the_readme():
    assert tuple(in_the_picture()) == session.TOUR
    in_readme = re.findall(r"^ {4}(flowship .*?)  ", read("README.md"), flags=re.MULTILINE)
    assert in_readme == [*session.TOUR, "flowship down"]
    assert "](docs/images/session.svg)" in read("README.md")


@pytest.mark.engine
@pytest.mark.server
def test_the_first_flow_runs_as_its_guide_and_the_picture_show(
    tmp_path, cli, engine, base_image, registry
):
    folder = tmp_path / "hello"
    folder.mkdir()
    env = {"FLOWSHIP_BASE_IMAGE": base_image, "FLOWSHIP_STATE_DIR": str(tmp_path / "state")}
    examples = shown(read(FIRST_FLOW))
    picture = in_the_picture()
    assert [e.command for e in examples if e.command in picture] == list(session.TOUR)
    # The pages of these commands show the same project; its repository is in the configuration.
    examples[-1:-1] = [shown(read(f"docs/{page}.md"))[0] for page in ("deploy", "run")]
    try:
        for example in examples:
            if example.command.startswith("flowship deploy"):
                env["FLOWSHIP_REPO"] = f"{registry.address}/hello"
            words = shlex.split(example.command.replace("localhost:5000", registry.address))[1:]
            words += ["--port", str(free_port())] if words == ["up"] else []
            done = cli(*words, cwd=folder, env=env)
            assert done.code == 0, done.stderr
            for output in (example.output, picture.get(example.command, "…")):
                assert agree(output, done.stderr + done.stdout), (
                    f"{example.command} prints\n{done.stderr}{done.stdout}"
                )
            if words == ["init"]:  # the image of an earlier test must not be found
                with (folder / "docker-requirements.txt").open("a") as file:
                    file.write(f"# {tmp_path}\n")
    finally:
        cli("down", cwd=folder, env=env)
        name = cli("build", cwd=folder, env=env).stdout.strip()
        tags = [tag for image in engine.api.images() for tag in image["RepoTags"] or ()]
        for tag in tags:
            if tag in (name, f"{registry.address}/{name}"):
                engine.api.remove_image(tag, force=True)


def test_the_page_of_doctor_has_a_row_for_each_check_in_the_same_order():
    from flowship.doctor.catalog import CHECKS

    rows = re.findall(
        r"^\| `([a-z-]+)` \|", section(read("docs/doctor.md"), "The checks"), re.MULTILINE
    )
    assert rows == [check.code for check in CHECKS]


# --- the guide "The 05:00 run did not happen" ----------------------------------------------------


@pytest.fixture
def trips(tmp_path, engine, base_image, registry) -> Iterator[Night]:
    """A project that runs every night."""
    env = world(
        tmp_path / "home",
        FLOWSHIP_BASE_IMAGE=base_image,
        FLOWSHIP_STATE_DIR=str(tmp_path / "state"),
    )
    (tmp_path / "home" / ".prefect").mkdir(parents=True)
    with deployed(tmp_path, env, registry.address, engine) as found:
        yield found


@pytest.mark.engine
@pytest.mark.server
def test_every_step_of_the_guide_leads_to_what_it_shows(trips):
    examples = shown(read(NIGHT))
    assert len(examples) == len(night.BEFORE)
    for example, event in zip(examples, night.BEFORE, strict=True):
        if event:
            event(trips)
        words = shlex.split(example.command)[1:]
        typed = "y\n" if TYPED in example.output else ""
        done = trips.run(*words, ok=words != ["doctor"], typed=typed)  # doctor found a problem
        assert agree(example.output, done.stderr + done.stdout), (
            f"{example.command} prints\n{done.stderr}{done.stdout}"
        )


def test_each_cause_has_its_section():
    text = read(NIGHT)
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert len(headings) > 6
    linked = [target[1:] for target in targets(text) if target.startswith("#")]
    assert linked == [heading.lower().replace(" ", "-") for heading in headings]


def test_the_guide_runs_each_command_that_it_names():
    text = read(NIGHT)
    run = {example.command.split()[1] for example in shown(text)}
    named = set(re.findall(r"`flowship ([a-z]+)", without_fences(text)))
    assert named - run == {"up", "down", "ship"}  # which start and deploy what is there
    assert {"plan", "deploy", "history", "rollback", "unlock"} <= run
