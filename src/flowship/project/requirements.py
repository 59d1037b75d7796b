"""The dependencies that go into the image, as one self-contained text.

Only this text is copied before the dependencies are installed, so it must not depend on other
files: the content of ``-r`` includes is inserted, and a line that refers to a local file is an
error. Which of the lists of a project is used is in `read`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowship.config import files, pyproject
from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.project import groups
from flowship.project.local_requirements import LocalFolders
from flowship.project.locks import choice, workspace
from flowship.project.requirement_lines import read_lines, validate_line

FOR_IMAGE = "docker-requirements.txt"
"""A list that was written for the image, so it is used before all others that are found."""

USUAL = "requirements.txt"


@dataclass(frozen=True)
class Requirements:
    """What the flow needs in addition to its base image.

    Attributes:
        text: The lines, in pip's requirements format.
        source: The file that they come from, relative to the project folder.
        shown: The source for people, with how it was read: "uv.lock (uv export)".
        count: How many packages the text and the following fields have.
        locked: Whether these are all packages, each with its version, as a lockfile lists them.
        unhashed: More lines, of a lockfile's packages that have no hashes.
        folders: More packages of a lockfile: folders, relative to the project folder.
        names_project: Whether they install the project itself (``-e .``).
        made_from: The file that a lockfile was made from, relative to the project folder.
        relock: What makes the lockfile again, such as ``run `uv lock```.
    """

    text: str
    source: str
    shown: str = ""
    count: int = 0
    locked: bool = False
    unhashed: str = ""
    folders: tuple[str, ...] = ()
    names_project: bool = False
    made_from: str = ""
    relock: str = ""

    @property
    def written(self) -> str:
        """Where people write the dependencies, for advice; never a lockfile."""
        if not self.locked:
            return self.source
        return f"{self.made_from or 'the list that it was made from'} (then {self.relock})"

    def version_of(self, package: str, python: str = "") -> str | None:
        """The version that a package is pinned to; None if it is not pinned, or not listed.

        Args:
            package: Its name.
            python: The version of Python in the image: a lockfile can have a version for each.
        """
        pattern = rf"(?mi)^\s*{re.escape(package)}(?:\[[^]]*\])?\s*==\s*([\w.!+]+)(?![\w.*])(.*)"
        found = re.findall(pattern, self.text)
        fitting = [version for version, rest in found if _is_for(rest, python)] if python else []
        return next(iter((*fitting, *(version for version, _ in found))), None)


def _is_for(rest: str, python: str) -> bool:
    """Whether the marker after a requirement allows a version of Python."""
    from packaging.markers import InvalidMarker, Marker

    text = re.split(r"\s--", rest, maxsplit=1)[0].strip().removeprefix(";").strip()
    image = {"python_version": python, "python_full_version": f"{python}.99"}
    try:
        return not text or Marker(text).evaluate({**image, "sys_platform": "linux"})
    except InvalidMarker:
        return True


def read(settings: Settings) -> Requirements | None:
    """The project's dependencies, or None if it has none.

    What the configuration names comes first: `requirements`, then the path in `lock`. Then come
    a list that was written for the image, a lockfile, the dependencies in pyproject.toml, and
    requirements.txt.

    Raises:
        ConfigError: The file is missing or outside the project, or a line cannot be installed in
            the image; or the lockfile is stale or cannot be exported.
    """
    if settings.requirements:
        return _configured(settings, settings.requirements)
    if settings.lock in ("auto", "none") and files.is_file(settings.root / FOR_IMAGE):
        return _from_file(settings, FOR_IMAGE)
    lock = choice.chosen(settings)
    if lock:
        return _from_lock(settings, lock)
    found = _from_pyproject(settings, pyproject.NAME, required=False)
    if found:
        return found
    if files.is_file(settings.root / USUAL):
        return _from_file(settings, USUAL)
    _refuse_groups(settings, "the project has no pyproject.toml with dependencies")
    _refuse_conda(settings)
    return None


def _configured(settings: Settings, name: str) -> Requirements | None:
    where = settings.place("requirements")
    path = files.inside(settings.root, Path(name), f"requirements: {name}", where=where)
    if not files.is_file(path):
        raise ConfigError(
            f"requirements: {name} does not exist in the project folder",
            code="requirements-not-found",
            hint="create the file, or set requirements = … to another one",
            where=where,
        )
    if path.name in (exporter.file for exporter in choice.EXPORTERS):
        raise ConfigError(
            f"requirements: {name} is a lockfile",
            code="invalid-value",
            hint=f'set lock = "{name}" instead',
            where=where,
        )
    if Path(name).suffix == ".toml":
        return _from_pyproject(settings, name, required=True)
    return _from_file(settings, name)


def _from_file(settings: Settings, name: str) -> Requirements | None:
    _refuse_groups(settings, f"the dependencies come from {name}")
    folders = LocalFolders(settings)
    lines = read_lines(settings.root, name, folders.provided)
    if not any(lines) and not folders.names_project:
        return None
    count = sum(not line.startswith("-") for line in lines)
    return Requirements(_text(lines), name, name, count, names_project=folders.names_project)


def _from_lock(settings: Settings, lock: Path) -> Requirements | None:
    member = workspace.member_of(lock, settings.root)
    folder = settings.root if member else lock.parent
    exporter = choice.exporter_of(lock)
    made_from = folder / exporter.made_from
    if exporter.file != "pylock.toml":  # which lists its own groups and extras
        groups.validate(settings, made_from)
    found = choice.export(lock, settings)
    if not found.count:
        return None
    name = choice.shown(lock, settings.root)
    options = list(found.options)
    return Requirements(
        text=_text([*options, *found.pinned]) if found.pinned else "",
        source=name,
        shown=f"{name} ({exporter.shown}{f' --package {member}' if member else ''})",
        count=found.count,
        locked=True,
        unhashed=_text([*options, *found.unhashed]) if found.unhashed else "",
        folders=found.folders,
        made_from=choice.shown(made_from, settings.root) if files.is_file(made_from) else "",
        relock=choice.relock(lock, settings.root),
    )


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _from_pyproject(settings: Settings, name: str, *, required: bool) -> Requirements | None:
    project = pyproject.read(settings.root / name)
    if project is None:
        return None
    lines = (*project.dependencies, *groups.requirements(settings, project))
    if lines:
        folders = LocalFolders(settings)
        found: list[str] = []
        for line in lines:
            provided = folders.provided(line, settings.root)
            if provided is None:
                validate_line(line, f"{project.path}: dependencies")
            found += [line] if provided is None else provided
        unique = list(dict.fromkeys(found))
        selected = [f"{key} {', '.join(names)}" for key, names in _selected(settings) if names]
        shown = f"{name} ({'; '.join(selected)})" if selected else name
        return Requirements(_text(unique), name, shown, len(unique))
    if required or "dependencies" in project.dynamic:
        raise ConfigError(
            f"{name} has no [project] dependencies to install",
            code="no-dependencies",
            hint='list them in a file and set requirements = "docker-requirements.txt"',
            where=str(project.path),
        )
    return None


def _selected(settings: Settings) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("extras", settings.extras), ("groups", settings.groups)


def _refuse_groups(settings: Settings, reason: str) -> None:
    for key, names in _selected(settings):
        if names:
            raise ConfigError(
                f"{key} has no effect: {reason}",
                code="dependency-group-unused",
                hint=f"remove {key}, or use pyproject.toml or a lockfile: requirements ="
                ' "pyproject.toml", or lock = …',
                where=settings.place(key),
            )


# --- what to say about it ------------------------------------------------------------------------

CONDA = ("environment.yml", "environment.yaml")


def _refuse_conda(settings: Settings) -> None:
    """An environment of conda as the only list: its flow would miss every package."""
    for name in CONDA:
        path = settings.root / name
        if files.is_file(path) and "dependencies" in files.read_text(path, name):
            raise ConfigError(
                f"{name} lists conda packages, which pip cannot install in the image",
                code="conda-environment",
                hint=f"write the packages that the flow imports, by their names on the package"
                f" index, to {FOR_IMAGE}; Debian packages go into apt = […]; or build on a conda"
                ' image with your own Dockerfile: dockerfile = "Dockerfile"',
                where=str(path),
            )


def notes(settings: Settings, used: Requirements | None) -> tuple[str, ...]:
    """What is installed, where the project has several lists or a lockfile."""
    if used is None:
        return ()
    names = (FOR_IMAGE, *choice.found(settings.root), USUAL, *CONDA)
    others = [n for n in names if n != used.source and files.is_file(settings.root / n)]
    if not others and not used.locked and used.shown == used.source:
        return ()
    packages = f"{used.count} package{'s' * (used.count != 1)}"
    unused = f"; not used: {', '.join(others)}" if others else ""
    whose = f" of the image {settings.label}" if settings.whole else ""
    return (f"dependencies{whose}: {used.shown}, {packages}{unused}",)


# File → what it contains if it lists dependencies, and a command that makes flowship's list of it.
_OTHER_FILES = {
    "Pipfile": ("packages", "pipenv lock"),
    "conda.yml": ("dependencies", ""),
    "conda.yaml": ("dependencies", ""),
    "pixi.toml": ("dependencies", ""),
    "setup.py": ("install_requires", ""),
    "setup.cfg": ("install_requires", ""),
}
_OTHER_TOOLS = {"poetry": "poetry lock", "pixi": "", "pdm": "pdm lock"}


def unused(settings: Settings, used: Requirements | None) -> tuple[str, ...]:
    """A warning if the project lists dependencies where flowship does not read them.

    There is no warning if the project has a list that flowship does read: then the other one is the
    developers' own environment.
    """
    if used or settings.requirements:
        return ()
    name, command = next(_other_lists(settings.root), ("", ""))
    if not name:
        return ()
    how = f"run `{command}`, whose lockfile flowship reads, or " if command else ""
    return (
        f"the dependencies of {name} are not installed in the image: flowship reads [project]"
        f" dependencies, a lockfile or a requirements file; {how}write docker-requirements.txt",
    )


def _other_lists(root: Path) -> Iterator[tuple[str, str]]:
    """Where other tools list dependencies, each with a command that makes a lockfile of them."""
    for tool in pyproject.tools(root / pyproject.NAME):
        if tool in _OTHER_TOOLS:
            yield f"[tool.{tool}] in pyproject.toml", _OTHER_TOOLS[tool]
    for name, (word, command) in _OTHER_FILES.items():
        if files.is_file(root / name) and word in files.read_text(root / name, name):
            yield name, command
