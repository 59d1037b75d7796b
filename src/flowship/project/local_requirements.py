"""Requirements that are folders: ``-e .``, ``../shared``, and names of what ``include`` brings.

They are not downloaded: the image has their code. What they need themselves is installed with the
other dependencies.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.project import packages
from flowship.project.layout import include_hint, layout
from flowship.project.packages import Package


def local_path(line: str) -> str:
    """The path that a line of a requirements file installs; "" if it installs something else."""
    line = re.split(r"\s;|\s--|\s#", line, maxsplit=1)[0].strip()
    editable = re.match(r"(?:-e|--editable)[ =]?\s*(.+)", line)
    text = (editable[1] if editable else line).strip().strip("\"'")
    if direct := re.match(r"[\w.-]+\s*(?:\[[^]]*\])?\s*@\s*(file:.*)", text):
        text = direct[1]
    if text.startswith("file:"):
        return unquote(urlsplit(text).path) or text.removeprefix("file:")
    if (
        "://" in text
        or text.startswith("git+")
        or not (editable or re.match(r"\.{1,2}(/|$|\[)|/", text))
    ):
        return ""
    return re.sub(r"\[[^]]*\]$", "", text)


def extras_of(line: str) -> tuple[str, ...]:
    """``gcs`` and ``s3`` of ``-e .[gcs,s3]``."""
    found = re.search(r"[\w./-]\[([\w.,\s-]+)\]", line)
    return tuple(packages.normalized(e.strip()) for e in found[1].split(",")) if found else ()


def find(path: str, folder: Path, settings: Settings, known: Iterable[Package]) -> Package | None:
    """The package that a path in a requirements file means; None if the image does not have it.

    Args:
        path: As `local_path` returns it.
        folder: The folder of the file that has the line.
        settings: The project.
        known: The packages that the project includes.
    """
    # pip reads a path from where it runs, uv from the file.
    places = {os.path.realpath(base / path) for base in (folder, settings.root)}
    if os.path.realpath(settings.root) in places and packages.has_build_system(settings.root):
        return packages.describe(settings.root, "")
    return next((each for each in known if str(each.source) in places), None)


def lines_for(package: Package, extras: Iterable[str], *, main: bool) -> list[str]:
    """What a package needs: with `main` its dependencies, and those of its extras."""
    lines = list(package.dependencies) if main else []
    for extra in extras:
        lines += package.extras.get(extra, ())
    return lines


def completed(text: str, local: Iterable[Package]) -> str:
    """The requirements with what the included packages need, and without the packages themselves.

    A list with hashes is complete: it comes from a lock that knows the included packages.
    """
    local = tuple(local)
    names = {package.name for package in local if package.name}
    lines = [line for line in text.splitlines() if _name(line) not in names]
    if "--hash" not in text:
        needed = [line for package in local for line in package.dependencies]
        lines += [line for line in _once(needed) if _name(line) not in names and line not in lines]
    return "\n".join(lines) + "\n" if lines else ""


def _once(lines: Iterable[str]) -> Iterator[str]:
    yield from dict.fromkeys(lines)


def _name(line: str) -> str:
    found = re.match(r"[A-Za-z0-9][\w.-]*", line)
    return packages.normalized(found[0].rstrip(".-_")) if found else ""


def refuse_absent(settings: Settings, text: str, local: Iterable[Package]) -> None:
    """Refuse a dependency that the developers' tool takes from a folder, if it is not included.

    A package of the same name on the index would be another one, and perhaps not a harmless one.

    Raises:
        ConfigError: ``[tool.uv.sources]`` or Poetry names a folder that ``include`` does not.
    """
    included = {package.name for package in local}
    required = {_name(line) for line in text.splitlines()}
    for name, path in packages.local_sources(settings.root):
        if name in included or name not in required:
            continue
        raise ConfigError(
            f"{name} is a folder, {path}, according to pyproject.toml, and not in the image",
            code="local-requirement",
            hint=include_hint(settings, path),
            where=str(settings.root / "pyproject.toml"),
        )


class LocalFolders:
    """The lines of a project's requirements that name folders which the image has."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.names_project = False

    def provided(self, line: str, folder: Path) -> list[str] | None:
        """What a local package needs, if the image has it; None for every other line."""
        path = local_path(line)
        if not path:
            return None
        package = find(path, folder, self._settings, layout(self._settings).local)
        if package is None:
            return None
        own = package.source == self._settings.root
        self.names_project = self.names_project or own
        return lines_for(package, extras_of(line), main=own)
