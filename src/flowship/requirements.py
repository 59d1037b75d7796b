"""The dependency list that goes into the image, as one self-contained text.

Only this text is copied before the dependencies are installed, so it must not lean on other
files: ``-r`` includes are written in place, and what cannot travel is refused with its line.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from flowship.config import Settings
from flowship.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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
    lines = _expand(root / name, ())
    return Requirements("\n".join(lines) + "\n", name) if any(lines) else None


def _from_pyproject(root: Path, name: str, *, demanded: bool) -> Requirements | None:
    path = root / name
    if not path.is_file():
        return None
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{name} cannot be read: {exc}", where=str(path)) from exc
    dependencies = project.get("dependencies")
    if dependencies:
        return Requirements("".join(f"{line}\n" for line in dependencies), name)
    if demanded or "dependencies" in project.get("dynamic", ()):
        raise ConfigError(
            f"{name} has no [project] dependencies to install",
            hint='list them in a file and set requirements = "docker-requirements.txt"',
            where=str(path),
        )
    return None


def _expand(path: Path, including: tuple[Path, ...]) -> list[str]:
    if path in including:
        raise ConfigError(f"{path.name} includes itself", where=str(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"{path.name} cannot be read: {exc}",
            where=str(including[-1]) if including else str(path),
        ) from exc
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        include = re.match(r"(?:-r|--requirement)[ =]?\s*(\S+)$", bare)
        if include:
            lines += _expand(path.parent / include[1], (*including, path))
        elif bare:
            _refuse_what_cannot_travel(bare, f"{path}:{number}:1")
            lines.append(bare)
    return lines


def _refuse_what_cannot_travel(line: str, where: str) -> None:
    if re.match(r"-c\b|--constraint\b", line):
        raise ConfigError(
            f"a constraint file cannot be named inside the requirements: {line}",
            hint='set constraints = "…" in [packages] instead',
            where=where,
        )
    if re.match(r"(-e\b|--editable\b|\.{1,2}(/|$)|file:)", line) or re.search(r"@\s*file:", line):
        raise ConfigError(
            f"a local path cannot be installed in the image: {line}",
            hint="take the line out: the project folder is copied, and src/ is on the path",
            where=where,
        )
    if re.search(r"https?://[^/\s:@]+:[^/\s@]+@", line):
        raise ConfigError(
            "a password in the requirements would end up in the image",
            hint="use a token-free address, or a netrc on the index's side",
            where=where,
        )
