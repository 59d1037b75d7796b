"""Rules for the repository as a whole: who imports whom, limits, and what no file may contain."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from parts import architecture
from support.paths import ROOT
from support.tracked import lines

PACKAGE = ROOT / "src" / "flowship"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def matching(pattern: str, *, but_in: str = "") -> list[str]:
    found = re.compile(pattern, re.IGNORECASE)
    return [
        f"{place}: {line.strip()[:120]}"
        for place, line in lines()
        if found.search(line) and place.rpartition(":")[0] != but_in
    ]


# --- what no file may contain (the patterns are in pieces, so that this file passes too) ---------


def test_no_file_names_a_package_registry_by_its_host():
    hosts = ["py" + "pi.org", "python" + "hosted.org", "deb.deb" + "ian.org", "npm" + "js.org"]
    hosts += ["security.deb" + "ian.org", "archive.ubu" + "ntu.com"]
    assert matching("|".join(re.escape(host) for host in hosts)) == []


def test_no_file_names_a_folder_of_the_machine_it_was_written_on():
    folders = [
        "/wo" + r"rk/(main|shared)\b",
        r"/tm" + r"p/w/",
        "/root/" + r"\.pyenv",
        "/opt/wh" + "eels",
    ]
    assert matching("|".join(folders)) == []


def test_only_ci_uses_a_folder_next_to_the_repository():
    assert matching(r"\.\./sha" + "red/", but_in=".ci/run") == []


def test_no_file_holds_a_merge_conflict():
    assert matching("^(<{7}|>{7}) ") == []


# --- scripts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["scripts/test", "scripts/lock", ".ci/run"])
def test_a_promised_script_can_be_run(name):
    path = ROOT / name
    assert os.access(path, os.X_OK), f"{name} is not executable"
    subprocess.run(["bash", "-n", str(path)], check=True)


# --- the picture and the map ---------------------------------------------------------------------


def test_the_picture_of_the_architecture_is_up_to_date():
    committed = architecture.PICTURE.read_text(encoding="utf-8")
    command = "PYTHONPATH=scripts .venv/bin/python -m parts.architecture"
    assert committed == architecture.picture(), f"run: {command}"


def test_the_map_for_developers_names_every_module_and_no_other():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("## The package, by folder")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z_]+(?:\.py|/))`", table)) - {"data/"}
    here = {m if "/" not in m else m.partition("/")[0] + "/" for m in MODULES}
    assert named == here - {"__init__.py"}


# --- the design's rules --------------------------------------------------------------------------


def tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


def imported(node: ast.AST) -> Iterator[str]:
    """The dotted names that an import statement may bring in; relative ones made absolute."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        start = ".".join(filter(None, ["flowship" if node.level else "", node.module or ""]))
        yield start
        yield from (f"{start}.{alias.name}" for alias in node.names)


def all_imports(module: str) -> set[str]:
    return {name for node in ast.walk(tree(module)) for name in imported(node)}


def imports_at_start(module: str) -> set[str]:
    """What importing the module imports: not what functions import, nor what only types need."""

    def walk(statements: list[ast.stmt]) -> Iterator[str]:
        for statement in statements:
            yield from imported(statement)
            if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
                yield from walk(statement.orelse)
            elif isinstance(statement, ast.If | ast.Try | ast.With | ast.ClassDef):
                for part in ("body", "orelse", "finalbody"):
                    yield from walk(getattr(statement, part, []))
                for handler in getattr(statement, "handlers", []):
                    yield from walk(handler.body)

    return set(walk(tree(module).body))


def within(names: set[str], *packages: str) -> list[str]:
    return sorted(n for n in names if any(n == p or n.startswith(f"{p}.") for p in packages))


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is(module):
    if (PACKAGE / module).read_text(encoding="utf-8").strip():
        assert ast.get_docstring(tree(module)), f"{module} has no docstring"


KNOW_DOCKER = {
    f"engine/{m}.py"
    for m in ("attached", "builder", "client", "containers", "errors", "images", "inspection")
}


@pytest.mark.parametrize("module", sorted(set(MODULES) - KNOW_DOCKER))
def test_only_the_engines_modules_know_docker(module):
    assert within(all_imports(module), "docker") == []


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m != "http_client.py" and not m.startswith("etl/")]
)
def test_httpx_is_imported_without_its_unused_parts(module):
    assert within(all_imports(module), "httpx") == []


# The text of probe/inside/ and of trial/script.py runs in the image, like etl/.
@pytest.mark.parametrize(
    "module",
    [
        m
        for m in MODULES
        if m not in ("blocks.py", "trial/script.py") and not m.startswith(("probe/inside/", "etl/"))
    ],
)
def test_only_what_runs_in_the_image_and_the_block_type_import_prefect(module):
    assert within(all_imports(module), "prefect", "prefect_docker", "prefect_gcp") == []


HEAVY = ("docker", "prefect", "pandas", "pyarrow", "httpx", "pydantic", "jinja2")
TERMINAL = ("typer", "rich", "flowship.output", "flowship.commands", "flowship.cli")
ENGINE = ("docker", *(f"flowship.{m}" for m in ("engine", "image", "push", "probe.container")))
HTTP = ("httpx", "flowship.http_client")
STEPS = tuple(
    f"flowship.{step}"
    for step in (
        "pipeline",
        "check",
        "image",
        "image_choice",
        "per_image",
        "push",
        "deploy",
        "promotion",
        "scope",
    )
)

# What a folder or module must not import when it is itself imported.
RULES = {
    "cli.py": HEAVY,
    "commands/": (*HEAVY, "rich"),
    "http_client.py": ("flowship",),
    "errors.py": ("flowship",),
    "events.py": ("flowship",),
    "redaction.py": ("flowship",),
    "rewriting.py": (*TERMINAL, *HEAVY),
    "check/": (*TERMINAL, *ENGINE, *HTTP, "flowship.deploy", "flowship.push"),
    "image.py": (*TERMINAL, "flowship.deploy", "flowship.deployment", "flowship.prefect"),
    "push.py": (*TERMINAL, "flowship.deploy", "flowship.deployment", "flowship.prefect"),
    "deploy.py": (*TERMINAL, *ENGINE),
    "config/": (*TERMINAL, *STEPS, *ENGINE, *HTTP, "flowship.deployment", "flowship.prefect"),
    "project/": (*TERMINAL, *STEPS, *ENGINE, *HTTP, "flowship.deployment", "flowship.prefect"),
    "dockerfile/": (*TERMINAL, *STEPS, *ENGINE, *HTTP, "flowship.deployment"),
    "engine/": (*TERMINAL, *STEPS, *HTTP, "flowship.deployment", "flowship.prefect"),
    "probe/": (*TERMINAL, *STEPS, *HTTP, "flowship.deployment", "flowship.prefect"),
    "runs/": (*TERMINAL, *STEPS, *ENGINE),
    "status/": (*TERMINAL, *STEPS, *ENGINE),
    "operate/": (*TERMINAL, *HTTP, "docker", "flowship.pipeline"),
    "releases/": (*TERMINAL, *STEPS, *ENGINE, *HTTP, "flowship.config"),
    "scope.py": (*TERMINAL, *ENGINE, *HTTP),
    "doctor/": (*TERMINAL, *ENGINE, *HTTP, "flowship.pipeline", "flowship.deploy"),
    "trial/": (*TERMINAL, *STEPS, *HTTP),
    "registry/": (*TERMINAL, *STEPS, *ENGINE, "flowship.deployment", "flowship.prefect"),
    "planning/": (*TERMINAL, *STEPS, *ENGINE, *HTTP, "flowship.registry", "flowship.local"),
    "deployment/": (*TERMINAL, *STEPS, *ENGINE, "flowship.registry", "flowship.local"),
    "prefect/": (*TERMINAL, *STEPS, *ENGINE, "flowship.config", "flowship.deployment"),
    "local/": (*TERMINAL, *STEPS, *ENGINE, *HTTP),
    "output/": ("typer", *STEPS, *ENGINE, *HTTP, "flowship.commands"),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_folder_imports_only_what_is_below_it(rule):
    covered = [m for m in MODULES if m == rule or (rule.endswith("/") and m.startswith(rule))]
    assert covered, f"{rule} is not a module"
    for module in covered:
        assert within(imports_at_start(module), *RULES[rule]) == [], module


def test_no_modules_import_each_other_in_a_circle():
    graph = {}
    for module in MODULES:
        name = "flowship." + module.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        graph[name] = imports_at_start(module)
    done: set[str] = set()

    def follow(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join([*path[path.index(name) :], name])
        if name in done:
            return
        for below in graph[name] & graph.keys():
            if not name.startswith(f"{below}.") and below != name:
                follow(below, (*path, name))
        done.add(name)

    for name in graph:
        follow(name, ())


def test_the_root_holds_steps_and_foundations_and_no_more():
    assert len([m for m in MODULES if "/" not in m]) <= 17


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("etl/")])
def test_the_etl_flow_imports_nothing_else_of_flowship(module):
    others = within(all_imports(module), "flowship")
    assert [n for n in others if n != "flowship" and not n.startswith("flowship.etl")] == []


@pytest.mark.parametrize("module", MODULES)
def test_no_module_prints(module):
    calls = [n for n in ast.walk(tree(module)) if isinstance(n, ast.Call)]
    prints = [c.lineno for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
    assert prints == [], f"{module} prints in lines {prints}"


# --- limits --------------------------------------------------------------------------------------

LINES_OF_A_FILE = 500
LINES_OF_A_FUNCTION = 25  # for nine functions of ten

# Files that may be longer, each with its reason.
LONGER: dict[str, str] = {}

# Modules without the test of their name, each with its reason.
TESTED_ELSEWHERE: dict[str, str] = {}


def test_no_file_of_the_package_has_two_subjects():
    long = {
        path.relative_to(PACKAGE).as_posix(): count
        for path in PACKAGE.rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LINES_OF_A_FILE
    }
    assert {name: count for name, count in long.items() if name not in LONGER} == {}
    assert [name for name in LONGER if name not in long] == []


def functions() -> Iterator[tuple[int, str]]:
    """The length of each function of the package, its signature and docstring included."""
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (
                    (node.end_lineno or 0) - node.lineno + 1,
                    f"{module}:{node.lineno} {node.name}",
                )


def test_functions_are_short():
    lengths = sorted(functions())
    ninth, _ = lengths[len(lengths) * 9 // 10]
    assert ninth <= LINES_OF_A_FUNCTION, lengths[-20:]


@pytest.mark.parametrize("module", [m for m in MODULES if not m.endswith("__init__.py")])
def test_every_module_has_the_test_of_its_name(module):
    folder, _, name = module.rpartition("/")
    mirrored = [
        (ROOT / "tests" / kind / folder / f"test_{name}").relative_to(ROOT)
        for kind in ("unit", "integration")
    ]
    there = [path for path in mirrored if (ROOT / path).is_file()]
    assert bool(there) != (module in TESTED_ELSEWHERE), (
        f"one of {', '.join(map(str, mirrored))}" if not there else "no exception is needed"
    )


def test_the_layers_have_no_circle_of_folders():
    _, closing = architecture.without_circles(architecture.imports())
    assert closing == set(), "folders that import each other"
