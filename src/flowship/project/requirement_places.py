"""Where a project lists its requirements: each one with its file, line and column."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flowship.config import files, pyproject
from flowship.config.settings import Settings
from flowship.project import groups


@dataclass(frozen=True)
class Line:
    """A requirement and its place.

    Attributes:
        text: The requirement.
        path: Its file.
        place: Its place there, as ``line:column``; empty if it is not known.
        is_key: Whether it is written as a key and a value, as Poetry and Pipenv do.
        written: The file to change for it, if that is another one: of a lockfile.
        then: What to do after that, such as ``run `uv lock```.
    """

    text: str
    path: Path
    place: str
    is_key: bool = False
    written: str = ""
    then: str = ""

    @property
    def where(self) -> str:
        """The place for an error."""
        return f"{self.path}:{self.place}" if self.place else str(self.path)

    @property
    def shown(self) -> str:
        """The place for a text that names it."""
        return f"{self.path.name}:{self.place}" if self.place else self.path.name


def lines_of(root: Path, source: str, settings: Settings | None = None) -> list[Line]:
    """The requirements that a file of the project lists; none if it has another format.

    Args:
        root: The project folder.
        source: A requirements file or pyproject.toml, relative to it.
        settings: They name the extras and groups of a pyproject.toml.
    """
    path = root / source
    if path.suffix in (".txt", ".in"):
        return list(_of_file(root, path, set()))
    project = pyproject.read(path) if path.suffix == ".toml" and "lock" not in path.name else None
    if project is None:
        return []
    more = groups.requirements(settings, project) if settings else ()
    return list(_of_pyproject(path, (*project.dependencies, *more)))


def _of_file(root: Path, path: Path, seen: set[Path]) -> Iterator[Line]:
    """The lines of a requirements file and of those that it includes, each of them once."""
    path = files.inside(root, path, path.name)
    if path in seen or not files.is_file(path):
        return
    seen.add(path)
    for number, line in enumerate(files.read_text(path, path.name).splitlines(), start=1):
        text = re.split(r"(?:^|\s)#|\s--|\\$", line, maxsplit=1)[0].strip()
        include = re.fullmatch(r"(?:-r|--requirement)[ =]?\s*(\S+)", text)
        if include and "://" not in text:
            yield from _of_file(root, path.parent / include[1], seen)
        elif text:
            column = len(line) - len(line.lstrip()) + 1
            yield Line(text, path, f"{number}:{column}")


def _of_pyproject(path: Path, requirements: Iterable[str]) -> Iterator[Line]:
    text = _without_comments(files.read_text(path, path.name))
    begin = max(text.find("dependencies"), 0)
    for each in dict.fromkeys(requirements):
        quoted = [text.find(q, begin) for q in (json.dumps(each), f"'{each}'")]
        at = min((place for place in quoted if place >= 0), default=-1)
        yield Line(each, path, _place(text, at) if at >= 0 else "")


def _without_comments(text: str) -> str:
    """A TOML file with blanks in place of the lines that are comments."""
    return re.sub(r"(?m)^[ \t]*#.*$", lambda line: " " * len(line[0]), text)


def _place(text: str, at: int) -> str:
    return f"{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


def files_of_dockerfile(text: str, paths: Iterable[str]) -> list[str]:
    """The requirements files of the project that the commands of a Dockerfile install.

    Args:
        text: The Dockerfile.
        paths: The files of the project. A file is found by its name, as it may be copied to
            anywhere, unless several have the same.
    """
    named = re.findall(r"(?:\s-r|--requirements?)[ =]?\s*[\"']?([^\s\"';&|\\]+\.(?:txt|in))", text)
    wanted = {posixpath.basename(name) for name in named}
    found: dict[str, list[str]] = {}
    for path in paths:
        if posixpath.basename(path) in wanted:
            found.setdefault(posixpath.basename(path), []).append(path)
    return sorted(same[0] for same in found.values() if len(same) == 1)


# --- what a lockfile is made from ----------------------------------------------------------------


def pins(path: Path, package: str) -> list[Line]:
    """The places in a pyproject.toml or a Pipfile that say which versions of a package to use.

    Poetry's and Pipenv's ``package = "^0.2.4"`` becomes a requirement in Python's format.
    """
    if not files.is_file(path):
        return []
    text = _without_comments(files.read_text(path, path.name))
    name = r"[-_.]+".join(map(re.escape, re.split(r"[-_.]+", package)))
    value = r"""["'](?P<versions>[^"'\n]*)["']"""
    key = rf"""^[ \t]*["']?(?P<key>{name})["']?[ \t]*=[ \t]*(?:\{{[^}}\n]*?version[ \t]*=[ \t]*)?"""
    table = rf"""^[ \t]*\[(?:[^\]\n]*\.)?["']?(?P<table>{name})["']?\]\s*?\n(?:(?!\s*\[).*\n)*?"""
    quoted = rf"""(?P<quote>["'])(?P<text>{name}(?![\w.-])(?:(?!(?P=quote)).)*)(?P=quote)"""
    found = []
    for pattern in (quoted, key + value, rf"{table}[ \t]*version[ \t]*=[ \t]*{value}"):
        for match in re.finditer(pattern, text, re.IGNORECASE | re.MULTILINE):
            parts = match.groupdict()
            is_key = not parts.get("text")
            start = match.end("versions") if is_key else match.start()
            start = text.rfind("\n", 0, start) + 1 if is_key else start
            start += len(text[start:]) - len(text[start:].lstrip())
            line = parts.get("text") or f"{package}{_versions(parts['versions'])}"
            found.append(Line(line, path, _place(text, start), is_key=is_key))
    return found


def _versions(given: str) -> str:
    """Poetry's or Pipenv's versions in Python's format: ``^0.2.4`` is ``>=0.2.4,<0.3``."""
    parts = (each.strip() for each in given.split(","))
    return ",".join(_specifier(part) for part in parts if part not in ("", "*"))


def _specifier(part: str) -> str:
    found = re.fullmatch(r"(\^|~(?!=))\s*(\d+(?:\.\d+)*)\S*", part)
    if not found:
        return f"=={part}" if part[0].isdigit() else part
    numbers = [int(number) for number in found[2].split(".")]
    first = next((i for i, number in enumerate(numbers) if number), len(numbers) - 1)
    last = first if found[1] == "^" else min(1, len(numbers) - 1)
    after = [*numbers[:last], numbers[last] + 1]
    return f">={found[2]},<{'.'.join(map(str, after))}"


def in_lock(path: Path, package: str) -> str:
    """The place of a package in a lockfile, as ``line:column``; empty if it is not found."""
    text = files.read_text(path, path.name)
    name = r"[-_.]+".join(map(re.escape, re.split(r"[-_.]+", package)))
    pattern = rf"""^[ \t]*(?:name[ \t]*=[ \t]*["'](?P<toml>{name})["']|"(?P<json>{name})":)"""
    found = re.search(pattern, text, re.IGNORECASE | re.MULTILINE)
    start = found.start() + len(found[0]) - len(found[0].lstrip()) if found else 0
    return _place(text, start) if found else ""
