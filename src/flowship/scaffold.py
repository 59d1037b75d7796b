"""What is in a folder, and a first project for one that is empty.

Flows are found by reading the source, never by running it.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowship import pyproject
from flowship.errors import ConfigError

# Folders that hold no code of the project's own.
SKIPPED = {"__pycache__", "node_modules", "venv", "env", "build", "dist", "site-packages"}


@dataclass(frozen=True)
class FoundFlow:
    """A function decorated with ``@flow``.

    Attributes:
        path: The file, relative to the folder searched, with forward slashes.
        function: The function's name, ``Class.method`` for a static or class method.
        line: Where the function is defined, counted from 1.
    """

    path: str
    function: str
    line: int

    @property
    def entrypoint(self) -> str:
        """``path/to/file.py:function``, as the configuration and Prefect write it."""
        return f"{self.path}:{self.function}"


def python_files(folder: Path) -> list[Path]:
    """Every Python file below `folder` that can be the project's own, sorted."""
    found = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(
            d
            for d in folders
            if d not in SKIPPED
            and not d.startswith(".")
            and not (Path(here, d) / "pyvenv.cfg").exists()
        )
        # A name that is not UTF-8, or not one line, can stand in no configuration.
        names = [n for n in sorted(files) if n.endswith(".py") and n.isprintable()]
        found += [Path(here, name) for name in names]
    return found


def find_flows(folder: Path) -> list[FoundFlow]:
    """Every function decorated with ``@flow`` below `folder`; unreadable files are passed over."""
    flows = []
    for path in python_files(folder):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError):
            continue
        relative = path.relative_to(folder).as_posix()
        flows += [FoundFlow(relative, name, line) for name, line in _flows_of(tree.body)]
    return flows


def _flows_of(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, int]]:
    """Name and line of each flow; of a class those that need no instance, as a run has none."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not owner:
            yield from _flows_of(node.body, node.name)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {_last_name(decorator) for decorator in node.decorator_list}
            if "flow" in decorators and (not owner or decorators & {"staticmethod", "classmethod"}):
                yield ".".join(filter(None, [owner, node.name])), node.lineno


def unreadable(folder: Path) -> list[str]:
    """The Python files that `find_flows` had to pass over: place and reason of each."""
    told = []
    for path in python_files(folder):
        relative = path.relative_to(folder).as_posix()
        try:
            ast.parse(path.read_bytes())
        except SyntaxError as exc:
            told.append(f"{relative}:{exc.lineno}: {exc.msg}")
        except (ValueError, OSError) as exc:
            told.append(f"{relative}: {exc}")
    return told


def _last_name(decorator: ast.expr) -> str:
    """``flow`` of ``@prefect.flow(name=…)``."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


# --- init ----------------------------------------------------------------------------------------

FLOW = '''\
"""A first flow: greet, and say how many letters the name has."""

from prefect import flow, task


@task
def measure(name: str) -> int:
    """The number of letters in `name`."""
    return len(name)


@flow(log_prints=True)
def hello(name: str = "world") -> int:
    """Greet somebody.

    Args:
        name: Whom to greet.
    """
    letters = measure(name)
    print(f"hello {name}: {letters} letters")
    return letters
'''

REQUIREMENTS = """\
# What the flow imports beyond Prefect itself, one package a line, for instance:
# pandas>=2.2
"""

CONFIGURATION = """\
name = {name}
entrypoint = {entrypoint}
{others}{dockerfile}# Pinned, so that every laptop and CI build the same image.
base-image = {base_image}
{requirements}# Where `flowship push` sends it, on Docker Hub or "registry.example.com/team/repo":
# repo = "user/{repo}"

[[deployments]]
name = {deployment}
# cron = "0 5 * * *"
# timezone = "Europe/Berlin"
{parameters}"""

OWN_DOCKERFILE = """\
# The image is built from flowship's own template. To build from the Dockerfile that is here:
# dockerfile = "Dockerfile"
"""


@dataclass(frozen=True)
class Scaffold:
    """What `init` wrote.

    Attributes:
        written: File names, relative to the folder.
        entrypoint: The flow that the configuration names.
        others: Further flows that were found; the configuration lists them as comments.
        notes: What in the folder was left aside, and how to have it used.
    """

    written: tuple[str, ...]
    entrypoint: str
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def init(folder: Path, *, name: str, base_image: str) -> Scaffold:
    """Write a first project into an empty folder, or only flowship.toml beside Python files.

    Never writes over anything.

    Raises:
        ConfigError: There is configuration already, or Python files without a flow.
    """
    _refuse_configured(folder)
    own_dockerfile = (folder / "Dockerfile").is_file()
    files: dict[str, str] = {}
    if python_files(folder):
        flows = find_flows(folder)
        if not flows:
            raise ConfigError(
                f"no @flow function was found in the Python files of {folder}",
                hint="decorate the function to schedule (from prefect import flow; @flow); for"
                ' one made otherwise write flowship.toml by hand: entrypoint = "file.py:name"',
                details="\n".join(unreadable(folder)),
            )
        entrypoint, *others = [flow.entrypoint for flow in sorted(flows, key=_parents_first)]
    else:
        entrypoint, others = "flow.py:hello", []
        files = {"flow.py": FLOW}
        # One that is there already keeps deciding what is installed.
        if not any((folder / name).exists() for name in ("pyproject.toml", "requirements.txt")):
            files["docker-requirements.txt"] = REQUIREMENTS
    function = entrypoint.rpartition(":")[2]
    files["flowship.toml"] = CONFIGURATION.format(
        name=_quoted(name),
        repo=name,
        entrypoint=_quoted(entrypoint),
        others="".join(f"# entrypoint = {_quoted(other)}\n" for other in others),
        dockerfile=OWN_DOCKERFILE if own_dockerfile else "",
        base_image=_quoted(base_image),
        requirements='requirements = "docker-requirements.txt"\n'
        if "docker-requirements.txt" in files
        else "",
        deployment=_quoted(re.sub(r"[_.]", "-", function)),
        parameters='# parameters = { name = "world" }\n' if files else "",
    )
    written = tuple(file for file in files if not os.path.lexists(folder / file))
    for file in written:
        with (folder / file).open("x", encoding="utf-8") as stream:
            stream.write(files[file])
    notes = (
        "the Dockerfile here is left aside, the image is built from flowship's template:"
        ' dockerfile = "Dockerfile" in flowship.toml has it used, and `flowship check` judges it',
    )
    return Scaffold(written, entrypoint, tuple(others), notes if own_dockerfile else ())


def _quoted(text: str) -> str:
    """As TOML text: JSON's, whose escapes TOML knows too."""
    return json.dumps(text, ensure_ascii=False)


def _refuse_configured(folder: Path) -> None:
    project = folder / pyproject.NAME
    own = folder / "flowship.toml"
    if os.path.lexists(own) and not own.is_file():
        what = "a link to nowhere" if own.is_symlink() else "no file"
        raise ConfigError(
            f"flowship.toml is there, and is {what}; nothing was written",
            hint="remove it, or give it another name",
            where=str(own),
        )
    holding = project if pyproject.is_flowships(project) else own
    if holding.is_file():
        raise ConfigError(
            f"{holding.name} already holds flowship's configuration; nothing was written",
            hint="`flowship build` is the next step",
            where=str(holding),
        )


def _parents_first(flow: FoundFlow) -> tuple[bool, str, int]:
    """What is called main, parent or pipeline is the likely one to schedule."""
    likely = any(word in flow.function for word in ("parent", "main", "pipeline"))
    return (not likely, flow.path, flow.line)
