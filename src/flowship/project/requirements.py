"""The dependency list that goes into the image, as one self-contained text.

Only this text is copied before the dependencies are installed, so it must not depend on other
files: the content of ``-r`` includes is inserted, and a line that refers to a local file is an
error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowship.config import files, pyproject
from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.project import local_requirements
from flowship.project.layout import layout
from flowship.redaction import MASK, has_login

# Used if the configuration does not name a file; the first one that exists wins.
USUAL = ("docker-requirements.txt", "requirements.txt")

LONGEST_QUOTE = 120
"""Characters of a line that an error message shows."""


@dataclass(frozen=True)
class Requirements:
    """What the flow needs in addition to its base image.

    Attributes:
        text: The lines, in pip's requirements format.
        source: The file that they come from, relative to the project folder.
        names_project: Whether they install the project itself (``-e .``).
    """

    text: str
    source: str
    names_project: bool = False


def read(settings: Settings) -> Requirements | None:
    """The project's dependencies, or None if it has none.

    Raises:
        ConfigError: The file is missing or outside the project, or a line cannot be installed in
            the image.
    """
    if settings.requirements:
        name = settings.requirements
        where = settings.place("requirements")
        path = files.inside(settings.root, Path(name), f"requirements: {name}", where=where)
        if not files.is_file(path):
            raise ConfigError(
                f"requirements: {name} does not exist in the project folder",
                code="requirements-not-found",
                hint="create the file, or set requirements = … to another one",
                where=str(path),
            )
        if Path(name).suffix == ".toml":
            return _from_pyproject(settings, name, required=True)
        return _from_file(settings, name)
    found = _from_pyproject(settings, "pyproject.toml", required=False)
    if found:
        return found
    usual = [name for name in USUAL if files.is_file(settings.root / name)]
    return _from_file(settings, usual[0]) if usual else None


def _from_file(settings: Settings, name: str) -> Requirements | None:
    reader, path = _Reader(settings), settings.root / name
    lines = reader.expand(path, name, str(path), ())
    if not any(lines) and not reader.names_project:
        return None
    text = "".join(f"{line}\n" for line in lines)
    return Requirements(text, name, reader.names_project)


def _from_pyproject(settings: Settings, name: str, *, required: bool) -> Requirements | None:
    project = pyproject.read(settings.root / name)
    if project is None:
        return None
    if project.dependencies:
        reader, where = _Reader(settings), f"{project.path}: [project] dependencies"
        lines: list[str] = []
        for line in project.dependencies:
            lines += reader.provided_or_valid(line, settings.root, where)
        return Requirements("".join(f"{line}\n" for line in lines), name)
    if required or "dependencies" in project.dynamic:
        raise ConfigError(
            f"{name} has no [project] dependencies to install",
            code="no-dependencies",
            hint='list them in a file and set requirements = "docker-requirements.txt"',
            where=str(project.path),
        )
    return None


DEEPEST = 50
"""Levels of ``-r``; pip itself ends with a traceback where there are very many."""


class _Reader:
    """Reads a requirements file with those that it includes; each of them once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._root = settings.root
        self._read: set[Path] = set()
        self.names_project = False

    def expand(self, path: Path, name: str, place: str, including: tuple[Path, ...]) -> list[str]:
        """The lines of a file.

        Args:
            path: The file.
            name: As it is written where it is named.
            place: Where it is named, for errors.
            including: The files that include this one.
        """
        path = files.inside(self._root, path, name, where=place)
        if path in including:
            raise ConfigError(f"{path.name} includes itself", code="recursive-include", where=place)
        if len(including) > DEEPEST:
            raise ConfigError(
                f"{path.name} is included more than {DEEPEST} levels deep",
                code="includes-too-deep",
                hint="put the requirements into fewer files",
                where=place,
            )
        if path in self._read:  # its lines are there already; twice each time would never end
            return []
        self._read.add(path)
        lines: list[str] = []
        text = files.read_text(path, name, where=place)
        for number, line in _logical_lines(text):
            where = f"{path}:{number}:1"
            include = re.match(r"(?:-r|--requirement)[ =]?\s*(\S+)$", line)
            if include:
                inner = path.parent / include[1]
                lines += self.expand(inner, include[1], where, (*including, path))
            else:
                lines += self.provided_or_valid(line, path.parent, where)
        return lines

    def provided_or_valid(self, line: str, folder: Path, where: str) -> list[str]:
        """The line, if an image can install it; for a local package, what that one needs."""
        provided = self._provided(line, folder)
        if provided is not None:
            return provided
        _validate_line(line, where)
        return [line]

    def _provided(self, line: str, folder: Path) -> list[str] | None:
        """What a local package needs, if the image has it; None for every other line."""
        path = local_requirements.local_path(line)
        if not path:
            return None
        known = layout(self._settings).local
        package = local_requirements.find(path, folder, self._settings, known)
        if package is None:
            return None
        own = package.source == self._settings.root
        self.names_project = self.names_project or own
        extras = local_requirements.extras_of(line)
        return local_requirements.lines_for(package, extras, main=own)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each requirement with its first line's number; a backslash joins a line with the next."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        first = first if parts else number
        parts.append(bare.removesuffix("\\").strip())
        if not bare.endswith("\\"):
            whole, parts = " ".join(filter(None, parts)), []
            if whole:
                yield first, whole
    if whole := " ".join(filter(None, parts)):
        yield first, whole


def _validate_line(line: str, where: str) -> None:
    if has_login(line):  # first, because the errors below show the line
        raise ConfigError(
            "a URL contains a login, which would be readable in the image",
            code="login-in-address",
            hint="remove the login; let the index trust the build machine, or use a base image"
            " that has the package",
            where=where,
        )
    if re.match(r"-c\b|--constraint\b", line):
        raise ConfigError(
            f"the requirements cannot name a constraints file: {_quotable(line)}",
            code="unsupported-requirement",
            hint='set constraints = "…" in [packages] instead',
            where=where,
        )
    links = re.match(r"(?:-f|--find-links)[ =]?\s*(\S+)", line)
    local = local_requirements.local_path(line)
    if local or (links and "://" not in links[1]):
        raise ConfigError(
            f"a local path cannot be installed in the image: {_quotable(line)}",
            code="local-requirement",
            hint=_local_hint(local, where),
            where=where,
        )
    if re.match(r"--pre\b", line):
        raise ConfigError(
            "--pre has no effect: uv, which installs in the image, ignores it in a file",
            code="unsupported-requirement",
            hint="allow the pre-release of one package: package>=2.0rc1",
            where=where,
        )
    if not line.startswith("-"):
        _validate_requirement(line, where)


def _local_hint(path: str, where: str) -> str:
    """How the image gets what a path names."""
    folder = Path(where.rpartition(":")[0].rpartition(":")[0]).parent
    if path in (".", "./"):
        return (
            "remove the line, as the project folder is copied, and src/ is on the path; or add a"
            " [build-system] table to pyproject.toml, so that it can be installed"
        )
    if path and (folder / path).is_dir() and not Path(path).is_absolute():
        return f'add include = ["{path}"] to the configuration: the line is then accepted'
    return (
        "remove the line: the project folder is copied, and src/ is on the path; for your own"
        " wheels use an index: index-url in [packages]"
    )


def _validate_requirement(line: str, where: str) -> None:
    """Refuse a malformed line now, with its number, and not during the build."""
    from packaging.requirements import InvalidRequirement, Requirement

    text = re.split(r"\s--", line, maxsplit=1)[0]  # without --hash and other options
    bare_address = re.match(r"[\w+.-]+://", text)
    if bare_address or "${" in text:
        return
    try:
        Requirement(text)
    except (InvalidRequirement, RecursionError) as exc:
        too_deep = isinstance(exc, RecursionError)
        reason = "its marker is nested too deeply" if too_deep else str(exc).splitlines()[0]
        raise ConfigError(
            f'"{_quotable(line)}" is not a requirement: {reason}',
            code="invalid-requirement",
            hint="write one package per line, such as pandas>=2.2",
            where=where,
        ) from exc


def _quotable(line: str) -> str:
    """A line for an error message, without what may be a secret in a file of another kind."""
    words = line.split(maxsplit=1)
    if re.search(r"(?i)passw|pwd|secret|token|credential|key", line):
        return f"{re.split('[=:]', words[0])[0]}{MASK}"
    return line if len(line) <= LONGEST_QUOTE else f"{line[:LONGEST_QUOTE]}…"


# --- other tools' dependencies -------------------------------------------------------------------

# File → what it contains if it lists dependencies, and a command that writes them down.
_OTHER_FILES = {
    "Pipfile": ("packages", "pipenv requirements > docker-requirements.txt"),
    "environment.yml": ("dependencies", ""),
    "environment.yaml": ("dependencies", ""),
    "conda.yml": ("dependencies", ""),
    "conda.yaml": ("dependencies", ""),
    "pixi.toml": ("dependencies", ""),
    "setup.py": ("install_requires", ""),
    "setup.cfg": ("install_requires", ""),
}
_OTHER_TOOLS = {
    "poetry": "poetry export -o docker-requirements.txt",
    "pixi": "",
    "pdm": "pdm export -o docker-requirements.txt",
}


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
    how = f", for example with `{command}`" if command else ""
    return (
        f"the dependencies of {name} are not installed in the image: flowship reads [project]"
        f" dependencies or a requirements file; write docker-requirements.txt{how}",
    )


def _other_lists(root: Path) -> Iterator[tuple[str, str]]:
    """Where other tools list dependencies, each with a command that writes them to a file."""
    for tool in pyproject.tools(root / pyproject.NAME):
        if tool in _OTHER_TOOLS:
            yield f"[tool.{tool}] in pyproject.toml", _OTHER_TOOLS[tool]
    for name, (word, command) in _OTHER_FILES.items():
        if files.is_file(root / name) and word in files.read_text(root / name, name):
            yield name, command
