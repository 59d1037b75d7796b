"""Reads a file in pip's requirements format, with its includes, and validates each line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from flowship.config import files
from flowship.errors import ConfigError
from flowship.project.local_requirements import local_path
from flowship.redaction import MASK, has_login

LONGEST_QUOTE = 120
"""Characters of a line that an error message shows."""

DEEPEST = 50
"""Levels of ``-r``; pip itself ends with a traceback where there are very many."""


Provided = Callable[[str, Path], list[str] | None]
"""What stands for a line in the list, given the folder of its file; None for the line itself."""


def _nothing(line: str, folder: Path) -> list[str] | None:
    return None


def read_lines(root: Path, name: str, provided: Provided = _nothing) -> list[str]:
    """The lines of a requirements file of the project, with those of the files that it includes.

    Args:
        root: The project folder.
        name: The file.
        provided: Knows the lines that name folders of the image.

    Raises:
        ConfigError: A file is missing or outside the project, or a line cannot be installed in
            the image.
    """
    return _Reader(root, provided).expand(root / name, name, str(root / name), ())


class _Reader:
    """Reads a requirements file with those that it includes; each of them once."""

    def __init__(self, root: Path, provided: Provided) -> None:
        self._root = root
        self._provided = provided
        self._read: set[Path] = set()

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
        for number, line in logical_lines(text):
            where = f"{path}:{number}:1"
            include = re.match(r"(?:-r|--requirement)[ =]?\s*(\S+)$", line)
            if include:
                inner = path.parent / include[1]
                lines += self.expand(inner, include[1], where, (*including, path))
            elif (instead := self._provided(line, path.parent)) is not None:
                lines += instead
            else:
                validate_line(line, where)
                lines.append(line)
        return lines


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
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


def validate_line(line: str, where: str) -> None:
    """Refuse a line that cannot work in the image.

    Args:
        line: One requirement or option.
        where: Its place, for the error.

    Raises:
        ConfigError: It has a login, names a local path, or is malformed.
    """
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
            f"the requirements cannot name a constraints file: {quotable(line)}",
            code="unsupported-requirement",
            hint='set constraints = "…" in [packages] instead',
            where=where,
        )
    links = re.match(r"(?:-f|--find-links)[ =]?\s*(\S+)", line)
    local = local_path(line)
    if local or (links and "://" not in links[1]):
        raise ConfigError(
            f"a local path cannot be installed in the image: {quotable(line)}",
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
            f'"{quotable(line)}" is not a requirement: {reason}',
            code="invalid-requirement",
            hint="write one package per line, such as pandas>=2.2",
            where=where,
        ) from exc


def quotable(line: str) -> str:
    """A line for an error message, without what may be a secret in a file of another kind."""
    words = line.split(maxsplit=1)
    if re.search(r"(?i)passw|pwd|secret|token|credential|key", line):
        return f"{re.split('[=:]', words[0])[0]}{MASK}"
    return line if len(line) <= LONGEST_QUOTE else f"{line[:LONGEST_QUOTE]}…"
