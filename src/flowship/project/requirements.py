"""The dependency list that goes into the image, as one self-contained text.

Only this text is copied before the dependencies are installed, so it must not lean on other
files: ``-r`` includes are written in place, and what cannot travel is refused with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowship.config import pyproject
from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.redaction import has_login

# Looked for, in this order, where the configuration names none.
USUAL = ("docker-requirements.txt", "requirements.txt")


@dataclass(frozen=True)
class Requirements:
    """What the flow needs beyond its base image.

    Attributes:
        text: The lines, in pip's requirements format.
        source: The file they came from, relative to the project folder.
    """

    text: str
    source: str


def read(settings: Settings) -> Requirements | None:
    """The project's dependencies, or None where it names none.

    Raises:
        ConfigError: The file is missing, or a line cannot travel into the image.
    """
    if settings.requirements:
        name = settings.requirements
        if not (settings.root / name).is_file():
            raise ConfigError(
                f"requirements: there is no {name} in the project folder",
                hint="write the file, or name another one with requirements = …",
                where=str(settings.root / name),
            )
        if Path(name).suffix == ".toml":
            return _from_pyproject(settings.root, name, demanded=True)
        return _from_file(settings.root, name)
    found = _from_pyproject(settings.root, "pyproject.toml", demanded=False)
    if found:
        return found
    usual = [name for name in USUAL if (settings.root / name).is_file()]
    return _from_file(settings.root, usual[0]) if usual else None


def _from_file(root: Path, name: str) -> Requirements | None:
    lines = _expand(root / name, str(root / name))
    return Requirements("\n".join(lines) + "\n", name) if any(lines) else None


def _from_pyproject(root: Path, name: str, *, demanded: bool) -> Requirements | None:
    project = pyproject.read(root / name)
    if project is None:
        return None
    if project.dependencies:
        for line in project.dependencies:
            _refuse_what_cannot_travel(line, f"{project.path}: [project] dependencies")
        return Requirements("".join(f"{line}\n" for line in project.dependencies), name)
    if demanded or "dependencies" in project.dynamic:
        raise ConfigError(
            f"{name} has no [project] dependencies to install",
            hint='list them in a file and set requirements = "docker-requirements.txt"',
            where=str(project.path),
        )
    return None


def _expand(path: Path, place: str, including: tuple[Path, ...] = ()) -> list[str]:
    """The file's lines with those of the files it includes; `place` is what names it."""
    if path in including:
        raise ConfigError(f"{path.name} includes itself", where=place)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise ConfigError(f"{path} cannot be read: {reason}", where=place) from exc
    lines: list[str] = []
    for number, line in _logical_lines(text):
        where = f"{path}:{number}:1"
        include = re.match(r"(?:-r|--requirement)[ =]?\s*(\S+)$", line)
        if include:
            lines += _expand(path.parent / include[1], where, (*including, path))
        else:
            _refuse_what_cannot_travel(line, where)
            lines.append(line)
    return lines


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each requirement with the number of its first line: a backslash continues it on the next."""
    begun: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        first = first if begun else number
        begun.append(bare.removesuffix("\\").strip())
        if not bare.endswith("\\"):
            whole, begun = " ".join(filter(None, begun)), []
            if whole:
                yield first, whole
    if whole := " ".join(filter(None, begun)):
        yield first, whole


def _refuse_what_cannot_travel(line: str, where: str) -> None:
    if has_login(line):  # first of all: what is refused below is repeated
        raise ConfigError(
            "an address with a login in it would stay readable in the image",
            hint="leave the login out; let the index trust the build machine, or build from a base"
            " image that has the package",
            where=where,
        )
    if re.match(r"-c\b|--constraint\b", line):
        raise ConfigError(
            f"a constraint file cannot be named inside the requirements: {line}",
            hint='set constraints = "…" in [packages] instead',
            where=where,
        )
    links = re.match(r"(?:-f|--find-links)[ =]?\s*(\S+)", line)
    local = re.match(r"(-e\b|--editable\b|\.{1,2}(/|$)|/|file:)", line)
    if local or re.search(r"@\s*file:", line) or (links and "://" not in links[1]):
        raise ConfigError(
            f"a local path cannot be installed in the image: {line}",
            hint="take the line out: the project folder is copied, and src/ is on the path; wheels"
            " of your own are served by an index, index-url in [packages]",
            where=where,
        )
    if re.match(r"--pre\b", line):
        raise ConfigError(
            "--pre would be passed over: uv, which installs in the image, takes it from no file",
            hint="name the pre-release itself: package>=2.0rc1",
            where=where,
        )
    if not line.startswith("-"):
        _refuse_malformed(line, where)


def _refuse_malformed(line: str, where: str) -> None:
    """What no installer reads is told here, with its line, and not from within the image."""
    from packaging.requirements import InvalidRequirement, Requirement

    text = re.split(r"\s--", line, maxsplit=1)[0]  # --hash and other options of this one line
    bare_address = re.match(r"[\w+.-]+://", text)
    if bare_address or "${" in text:
        return
    try:
        Requirement(text)
    except InvalidRequirement as exc:
        raise ConfigError(
            f'"{line}" is not a requirement: {str(exc).splitlines()[0]}',
            hint="one package a line, for instance pandas>=2.2",
            where=where,
        ) from exc
