"""Writes a first project into an empty folder, or a configuration for existing flows."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowship.config import pyproject
from flowship.config.discovery import SKIPPED, FoundFlow, find_flows, python_files, unreadable
from flowship.config.names import PREFECT_NAME
from flowship.errors import ConfigError
from flowship.project import gitignore, ignore, packages
from flowship.project.git_index import GitIndex, repository_of
from flowship.project.locks import choice, workspace
from flowship.project.served import KINDS, Served, served

if TYPE_CHECKING:
    from flowship.project.prefect_yaml import Left, Translation

LIST = "docker-requirements.txt"

FLOW = '''\
"""A first flow: greets a person and counts the letters of the name."""

from prefect import flow, task


@task
def measure(name: str) -> int:
    """The number of letters in `name`."""
    return len(name)


@flow(log_prints=True)
def hello(name: str = "world") -> int:
    """Greet a person.

    Args:
        name: The name to greet.
    """
    letters = measure(name)
    print(f"hello {name}: {letters} letters")
    return letters
'''

REQUIREMENTS = """\
# What the flow needs in addition to Prefect, one package per line, such as:
# pandas>=2.2
"""

CONFIGURATION = """\
name = {name}
entrypoint = {entrypoint}
{dockerfile}# Pinned, so that every laptop and CI job builds the same image.
base-image = {base_image}
{more}# Where `flowship push` sends the image: "user/repo" on Docker Hub, "ghcr.io/a/b", …
# repo = "user/{repo}"

[[deployments]]
name = {deployment}
{schedule}{parameters}{others}"""

EXAMPLE = ('cron = "0 5 * * *"', 'timezone = "Europe/Berlin"')

OTHERS = """
# The other flows of this folder. All deployments share one image: remove the "# " of those to run.
"""

IGNORED = """\
# What is not sent to the engine, and so not in the image. flowship also leaves out .git, virtual
# environments, caches and files such as .env. Add what the flow does not need, such as:
# data/
.dockerignore
.gitignore
.gitattributes
**/*.log
"""

FROM_GIT = """\
# From .gitignore, which has no effect on the image if there is a .dockerignore:
"""

OWN_DOCKERFILE = """\
# The image is built from flowship's template. To use the Dockerfile in this folder instead:
# dockerfile = "Dockerfile"
"""

DOCKERFILE_NOTE = (
    "the Dockerfile in this folder is not used; the image is built from flowship's template:"
    ' to use it, set dockerfile = "Dockerfile" in flowship.toml and run `flowship check`'
)


INCLUDE = "# The folders that pyproject.toml takes dependencies from.\n"

PREFECT_YAML = "prefect.yaml"

PREFECT_YAML_NOTE = (
    "the prefect.yaml in this folder is not used; to import its deployments, remove"
    " flowship.toml and run `flowship init --from prefect.yaml`"
)


STORED_SCHEDULES_NOTE = (
    "flowship keeps the schedules that a server has from `prefect deploy`, and adds its own: remove"
    " the old ones with `prefect deployment schedule clear FLOW/DEPLOYMENT` before `flowship ship`,"
    " or each time runs twice"
)


@dataclass(frozen=True)
class Scaffold:
    """What `init` has written.

    Attributes:
        written: The names of the new files, relative to the folder.
        entrypoint: The flow that the configuration names.
        others: Other flows in the folder; the configuration lists them as comments.
        notes: What in the folder is not used, and how to use it.
        deployments: The names of the deployments that came from a ``prefect.yaml``.
        left: What of that file has no counterpart.
    """

    written: tuple[str, ...]
    entrypoint: str
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()


def init(folder: Path, *, name: str, base_image: str) -> Scaffold:
    """Write a first project, or only the configuration if there are Python files already.

    Never overwrites a file.

    Raises:
        ConfigError: There is a configuration already, there are Python files without a flow, or
            the folder cannot be written to.
    """
    _refuse_configured(folder)
    files: dict[str, str] = {}
    if python_files(folder):
        flows = _flows(folder)
    else:
        flows = [FoundFlow("flow.py", "hello", 1)]
        files = _first_flow(folder)
    has_dockerfile = (folder / "Dockerfile").is_file()
    known = _known(folder, flows[0])
    files["flowship.toml"] = CONFIGURATION.format(
        name=_quoted(name),
        repo=name,
        entrypoint=_quoted(flows[0].entrypoint),
        schedule="".join(f"# {line}\n" for line in _schedule(known) or EXAMPLE),
        others=_others(folder, flows[1:], _name(flows[0], known)),
        dockerfile=OWN_DOCKERFILE if has_dockerfile else "",
        base_image=_quoted(base_image),
        more=(f'requirements = "{LIST}"\n' if LIST in files else "") + _include(folder),
        deployment=_quoted(_name(flows[0], known)),
        parameters='# parameters = { name = "world" }\n' if files else "",
    )
    files[ignore.NAME] = IGNORED + _from_gitignore(folder)
    written = tuple(file for file in files if not os.path.lexists(folder / file))
    _write(folder, {file: files[file] for file in written})
    notes = (
        *_lock_notes(folder),
        *((DOCKERFILE_NOTE,) * has_dockerfile),
        *((PREFECT_YAML_NOTE,) * (folder / PREFECT_YAML).is_file()),
    )
    entrypoint, *others = (flow.entrypoint for flow in flows)
    return Scaffold(written, entrypoint, tuple(others), notes)


def _include(folder: Path) -> str:
    above = _above(folder)
    return f"{INCLUDE}include = {json.dumps(above, ensure_ascii=False)}\n" if above else ""


def _above(folder: Path) -> list[str]:
    """The folders above the project that it depends on, according to pyproject.toml files.

    Only those of the same repository, because what ``include`` names is sent to the engine.
    """
    root = Path(os.path.realpath(folder))
    repository = repository_of(root)
    if repository is None:
        return []
    found = [root]
    for here in found:  # which grows
        for _, path in packages.local_sources(here):
            place = Path(os.path.realpath(here / path))
            related = place.is_relative_to(root) or root.is_relative_to(place)
            allowed = place.is_dir() and place.is_relative_to(repository) and not related
            if allowed and place not in found:
                found.append(place)
    return [Path(os.path.relpath(place, root)).as_posix() for place in found[1:]]


def _known(folder: Path, flow: FoundFlow) -> Served:
    """How the code serves the flow, or else the folder's ``prefect.yaml`` deploys it."""
    known = served(folder, flow)
    if known != Served() or not (folder / PREFECT_YAML).is_file():
        return known
    from flowship.project.prefect_yaml import translate

    try:
        taken = translate(folder / PREFECT_YAML)
    except ConfigError:  # `init --from` explains it
        return known
    found = [each for each in taken.deployments if each.get("entrypoint") == flow.entrypoint]
    table = found[0] if found else {}
    kind = next((kind for kind in KINDS if kind in table), "")
    timezone = str(table.get("timezone", ""))
    return Served(str(table.get("name", "")), kind, table.get(kind, ""), timezone)


def _name(flow: FoundFlow, known: Served) -> str:
    own = re.sub(r"[_.]", "-", flow.function)
    return known.name if re.fullmatch(PREFECT_NAME, known.name) else own


def _schedule(known: Served) -> list[str]:
    """The lines of a schedule; none without one."""
    if not known.kind:
        return []
    value = known.schedule
    lines = [f"{known.kind} = {_quoted(value) if isinstance(value, str) else value}"]
    return [*lines, f"timezone = {_quoted(known.timezone)}"] if known.timezone else lines


def _others(folder: Path, flows: Sequence[FoundFlow], first: str) -> str:
    """The other flows as deployments that are comments, each with a name of its own.

    Args:
        folder: The project's.
        flows: Those after the first.
        first: The name of the first one's deployment.
    """
    names = {first}
    blocks: list[str] = []
    for flow in flows:
        known = _known(folder, flow)
        name = _name(flow, known)
        path = re.sub(r"[/_. ]", "-", flow.path.removesuffix(".py"))
        name = name if name not in names else f"{path}-{name}"
        names.add(name)
        lines = ["[[deployments]]", f"name = {_quoted(name)}"]
        lines += [f"entrypoint = {_quoted(flow.entrypoint)}", *_schedule(known)]
        blocks.append("".join(f"# {line}\n" for line in lines))
    return OTHERS + "\n".join(blocks) if blocks else ""


def _lock_notes(folder: Path) -> tuple[str, ...]:
    """Where the dependencies come from, if there is a lockfile."""
    found = choice.found(folder)
    if len(found) > 1:
        return (f'several lockfiles: {", ".join(found)}; choose one with lock = "{found[0]}"',)
    above = None if found else workspace.lock_of(folder)
    if not (found or above) or (folder / LIST).exists():
        return ()
    name = choice.shown(above, folder) if above else found[0]
    return (f"the dependencies come from {name}; lock = false uses another list",)


def from_prefect_yaml(folder: Path, taken: Translation, *, name: str, base_image: str) -> Scaffold:
    """Write the configuration that does what a ``prefect.yaml`` does.

    Raises:
        ConfigError: There is a configuration already, or the folder cannot be written to.
    """
    from flowship.project.prefect_yaml.writing import configuration

    _refuse_configured(folder)
    above = [] if "dockerfile" in taken.settings else _above(folder)
    if above:
        taken = replace(taken, settings={**taken.settings, "include": above})
    files = {
        "flowship.toml": configuration(taken, name=name, base_image=base_image),
        ignore.NAME: IGNORED + _from_gitignore(folder),
    }
    written = tuple(file for file in files if not os.path.lexists(folder / file))
    _write(folder, {file: files[file] for file in written})
    return Scaffold(
        written,
        entrypoint=str(taken.deployments[0]["entrypoint"]) if taken.deployments else "",
        notes=(STORED_SCHEDULES_NOTE,),
        deployments=tuple(str(each["name"]) for each in taken.deployments),
        left=taken.left,
    )


def _write(folder: Path, files: dict[str, str]) -> None:
    """Write all files or none."""
    done: list[Path] = []
    try:
        for name, text in files.items():
            with (folder / name).open("x", encoding="utf-8") as stream:
                done.append(folder / name)
                stream.write(text)
    except OSError as exc:
        for path in done:
            path.unlink(missing_ok=True)
        raise ConfigError(
            f"cannot write {exc.filename or done[-1].name}: {exc.strerror}; nothing was written",
            code="unwritable-file",
            hint="check the free disk space and the permissions of the folder",
            where=str(folder),
        ) from exc


def _from_gitignore(folder: Path) -> str:
    """The lines of the project's .gitignore files as a .dockerignore writes them."""
    repository = GitIndex.of(folder).repository
    rules = list(gitignore.rules_above(folder, repository))
    pending = [(folder, "")]
    while pending:
        here, prefix = pending.pop()
        rules += gitignore.rules_in(here, prefix)
        known = tuple(rules)
        for name in _folders_in(here):
            if gitignore.decide(known, prefix + name, is_folder=True) is None:
                pending.append((here / name, f"{prefix}{name}/"))
    lines: list[str] = []
    usual = IGNORED.splitlines()
    for line in (rule.docker for rule in rules if rule.docker):
        # An exception (!) makes the order count, so from there on nothing is left out.
        if line not in usual or any(earlier.startswith("!") for earlier in lines):
            lines.append(line)
    return FROM_GIT + "".join(f"{line}\n" for line in lines) if lines else ""


def _folders_in(folder: Path) -> list[str]:
    """The folders that can hold the project's own files."""
    try:
        items = list(os.scandir(folder))
    except OSError:
        return []
    names = [item.name for item in items if item.is_dir(follow_symlinks=False)]
    return [name for name in names if name not in SKIPPED and not name.startswith(".")]


def _flows(folder: Path) -> list[FoundFlow]:
    """The flows of `folder`, the most likely entrypoint first."""
    flows = find_flows(folder)
    if not flows:
        raise ConfigError(
            f"no @flow function found in the Python files of {folder}",
            code="no-flow-found",
            hint="decorate a function with @flow (from prefect import flow), or name the flow"
            ' in a flowship.toml: entrypoint = "file.py:name"',
            details="\n".join(unreadable(folder)),
        )
    return sorted(flows, key=_parents_first)


def _first_flow(folder: Path) -> dict[str, str]:
    """A flow, and its list of requirements unless the folder has one already."""
    has_requirements = any(
        (folder / name).exists() for name in ("pyproject.toml", "requirements.txt")
    )
    return {"flow.py": FLOW} | ({} if has_requirements else {LIST: REQUIREMENTS})


def _quoted(text: str) -> str:
    """As a TOML string; TOML understands the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False)


def _refuse_configured(folder: Path) -> None:
    project = folder / pyproject.NAME
    own = folder / "flowship.toml"
    if os.path.lexists(own) and not own.is_file():
        what = "is a broken link" if own.is_symlink() else "is not a file"
        raise ConfigError(
            f"flowship.toml exists, but {what}; nothing was written",
            code="not-a-file",
            hint="remove or rename it",
            where=str(own),
        )
    holding = project if pyproject.configures_flowship(project) else own
    if holding.is_file():
        raise ConfigError(
            f"{holding.name} already has a flowship configuration; nothing was written",
            code="already-configured",
            hint="run `flowship build` next",
            where=str(holding),
        )


def _parents_first(flow: FoundFlow) -> tuple[bool, str, int]:
    """Sort key: first the flows that are called main, parent or pipeline, as likely entrypoints."""
    likely = any(word in flow.function for word in ("parent", "main", "pipeline"))
    return (not likely, flow.path, flow.line)
