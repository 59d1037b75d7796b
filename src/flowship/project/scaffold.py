"""What is in a folder, and a first project for one that is empty.

Flows are found by reading the source, never by running it.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from flowship.config import pyproject
from flowship.config.discovery import FoundFlow, find_flows, python_files, unreadable
from flowship.errors import ConfigError

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
