"""The project's ``.gitignore`` files, for a project without a ``.dockerignore``.

Only the files in the repository count, not the user's own (``core.excludesFile``,
``.git/info/exclude``): two clones of one commit must give the same image.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowship.config import files
from flowship.errors import ConfigError
from flowship.project.glob import Matcher, compile_glob

NAME = ".gitignore"


@dataclass(frozen=True)
class Rule:
    """One line of a .gitignore.

    Attributes:
        text: The line.
        place: The file and the line, for messages.
        docker: The same pattern for a .dockerignore in the project folder; "" if none can say it.
    """

    text: str
    place: str
    docker: str
    takes_back: bool
    only_folders: bool
    above: str  # what to put before a path of the project, for a .gitignore above it
    matches: Matcher

    def applies(self, path: str, *, is_folder: bool) -> bool:
        """Whether the line names `path`, which is relative to the project folder."""
        return (is_folder or not self.only_folders) and self.matches(self.above + path)


def rules_in(folder: Path, inside: str, above: str = "") -> tuple[Rule, ...]:
    """The rules of the .gitignore in `folder`, if there is one.

    Args:
        folder: The folder.
        inside: Its path in the project, with a slash at the end; "" for the project folder and
            the folders above it.
        above: For a folder above the project: the way from there to the project, with a slash.
    """
    path = folder / NAME
    if path.is_symlink() or not files.is_file(path):  # git does not follow a link here either
        return ()
    try:
        text = files.read_text(path, NAME)
    except ConfigError:
        return ()
    return tuple(_rules(text, f"{inside}{NAME}" if not above else str(path), inside, above))


def rules_above(root: Path, repository: Path | None) -> tuple[Rule, ...]:
    """The rules of the folders between the root of the repository and the project."""
    root = Path(os.path.realpath(root))
    if repository is None or root == repository:
        return ()
    steps = root.relative_to(repository).parts
    found: list[Rule] = []
    for count in range(len(steps)):
        way = "/".join(steps[count:]) + "/"
        found += rules_in(repository.joinpath(*steps[:count]), "", way)
    return tuple(found)


def decide(rules: tuple[Rule, ...], path: str, *, is_folder: bool) -> Rule | None:
    """The rule that ignores `path`; the last line that names it decides."""
    for rule in reversed(rules):
        if rule.applies(path, is_folder=is_folder):
            return None if rule.takes_back else rule
    return None


def _rules(text: str, name: str, inside: str, above: str) -> Iterator[Rule]:
    for number, line in enumerate(text.split("\n"), start=1):
        written = re.sub(r"(?<!\\)[ \t]+\Z", "", line)
        if not written or written.startswith("#"):
            continue
        takes_back = written.startswith("!")
        pattern = written[takes_back:]
        only_folders = pattern.endswith("/")
        pattern = pattern.rstrip("/")
        anchored = "/" in pattern
        pattern = _as_docker_writes(pattern.lstrip("/"))
        if not pattern:
            continue
        base = _escaped(inside)
        whole = f"{base}{pattern}" if anchored else f"{base}**/{pattern}"
        try:
            matcher = compile_glob(whole)
        except re.error:
            continue  # git ignores an invalid pattern
        docker = whole if not above else _below(whole, above)
        docker = f"!{docker}" if takes_back and docker else docker
        place = f"{name} line {number}"
        yield Rule(written, place, docker, takes_back, only_folders, above, matcher)


def _as_docker_writes(pattern: str) -> str:
    """git's pattern with docker's spelling: ``**`` only between slashes, ``^`` in classes."""
    parts = [part if part == "**" else re.sub(r"\*\*+", "*", part) for part in pattern.split("/")]
    return "/".join(parts).replace("[!", "[^")


def _escaped(text: str) -> str:
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)


def _below(pattern: str, above: str) -> str:
    """A pattern of a folder above the project, as seen from the project."""
    if pattern.startswith("**/"):
        return pattern
    return pattern.removeprefix(above) if pattern.startswith(above) else ""
