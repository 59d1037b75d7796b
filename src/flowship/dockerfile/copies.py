"""COPY and ADD: which files of the build context they take, and where these go in the image.

Globs match as Go's `filepath.Match` does.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from enum import Enum

from flowship.dockerfile.instructions import Word
from flowship.dockerfile.paths import join
from flowship.dockerfile.stages import Step
from flowship.dockerfile.variables import Value
from flowship.errors import ConfigError
from flowship.project.context import Context
from flowship.project.ignore import IgnoreFile, LeftOut, LeftOutKind, Pattern

_REMOTE = re.compile(r"(?i)(https?|ftp|git|ssh)://|git@|github\.com/")


_MOST_STEPS = 1000  # folders and links on the way of one path; a circle of links never ends


class SourceKind(Enum):
    """Where a source comes from."""

    CONTEXT = "context"
    REMOTE = "remote"
    HEREDOC = "heredoc"


@dataclass(frozen=True)
class Source:
    """One source of a COPY or ADD."""

    word: Word
    value: Value
    kind: SourceKind

    @property
    def path(self) -> str:
        """The normalized path in the context; ``..`` cannot leave the context."""
        path = posixpath.normpath("/" + self.value.text).lstrip("/")
        return "" if path == "." else path

    @property
    def outside(self) -> bool:
        """Whether it points outside the context."""
        relative = posixpath.normpath(self.value.text.lstrip("/"))
        return relative == ".." or relative.startswith("../")

    @property
    def is_glob(self) -> bool:
        """Whether it contains wildcards."""
        return any(char in self.value.text for char in "*?[")


def sources(step: Step) -> list[Source]:
    """The sources of a COPY or ADD, in order."""
    found = []
    for word in step.instruction.words[:-1]:
        kind = SourceKind.CONTEXT
        if not word.quoted and re.match(r"\d*<<", word.raw):
            kind = SourceKind.HEREDOC
        elif step.instruction.keyword == "ADD" and _REMOTE.match(word.raw):
            kind = SourceKind.REMOTE
        found.append(Source(word, step.expand(word), kind))
    return found


class Index:
    """The paths of a build context, prepared for lookups."""

    def __init__(self, context: Context) -> None:
        self.files = context.paths
        self.links = {e.path: e.data.decode() for e in context.entries if e.kind == "link"}
        self.folders = {""} | {e.path for e in context.entries if e.path not in self.files}
        for path in self.files | self.folders:
            parent = path.rpartition("/")[0]
            while parent not in self.folders:
                self.folders.add(parent)
                parent = parent.rpartition("/")[0]
        self.names = sorted(self.files | self.folders)

    def matches(self, source: Source) -> list[str]:
        """The files and folders that a source names."""
        if not source.is_glob:
            path = source.path
            return [path] if path in self.files or path in self.folders else []
        pattern = go_match(source.path)
        return [name for name in self.names if name and pattern.match(name)]

    def is_folder(self, source: Source) -> bool:
        """Whether a source names a folder."""
        return any(name in self.folders for name in self.matches(source))

    def is_behind_link(self, path: str) -> bool:
        """Whether `path` is or is below a symbolic link; links are not followed."""
        return any(path == link or path.startswith(f"{link}/") for link in self.links)

    def leads_nowhere(self, path: str) -> str:
        """The target of the link that `path` is or goes through, if it is not in the context.

        Builders follow links within the context, as if it were the root of the file system.
        """
        done, todo, target = "", path.split("/"), ""
        for _ in range(_MOST_STEPS):
            if not todo:
                return "" if done in self.files or done in self.folders else target
            done = posixpath.normpath(f"/{done}/{todo.pop(0)}").lstrip("/")
            if done in self.links:
                target = self.links[done]
                base = "" if target.startswith("/") else done.rpartition("/")[0]
                done, todo = base, [*target.strip("/").split("/"), *todo]
        return target

    def below(self, name: str) -> list[str]:
        """The file `name` itself, or all files below the folder `name`."""
        if name in self.files:
            return [name]
        prefix = f"{name}/" if name else ""
        return sorted(file for file in self.files if file.startswith(prefix))


def go_match(pattern: str) -> re.Pattern[str]:
    """Go's `filepath.Match` as a regular expression; an invalid pattern matches only itself."""
    out = ""
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            out += ".*" if pattern.startswith("**", at) else "[^/]*"
            at += 1 if pattern.startswith("**", at) else 0
        elif char == "?":
            out += "[^/]"
        elif char == "[" and (end := pattern.find("]", at + 2)) > 0:
            inner = pattern[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            out += f"[{inner}]"
            at = end
        else:
            out += re.escape(char)
        at += 1
    try:
        return re.compile(out + r"\Z")
    except re.error:
        return re.compile(re.escape(pattern) + r"\Z")


def exclusions(step: Step) -> IgnoreFile:
    """The ``--exclude`` patterns of a COPY or ADD, with the syntax of .dockerignore.

    They apply to the content of each source folder. A file that is named as a source is copied
    even if a pattern matches it (moby/buildkit, issue 5489).
    """
    patterns = []
    for word in step.instruction.flags:
        name, _, written = word.raw[2:].partition("=")
        if name == "exclude":
            try:
                text = step.expand(written).text
                reason = LeftOut(LeftOutKind.EXCLUDE_FLAG, text)
                patterns.append(Pattern.compile(text, reason))
            except ConfigError:
                continue  # BuildKit reports it
    return IgnoreFile(tuple(pattern for pattern in patterns if pattern))


def copied(step: Step, index: Index) -> list[tuple[Source, list[str]]]:
    """The context files that each source of a COPY or ADD copies."""
    if "from" in step.instruction.flag_names:
        return []
    taken = []
    excluded = exclusions(step)
    for source in sources(step):
        if source.kind is SourceKind.CONTEXT and source.value.known:
            pairs = [(name, file) for name in index.matches(source) for file in index.below(name)]
            files = [f for name, f in pairs if not is_excluded(excluded, step, source, name, f)]
            taken.append((source, files))
    return taken


def is_excluded(excluded: IgnoreFile, step: Step, source: Source, name: str, file: str) -> bool:
    """Whether ``--exclude`` excludes `file`, which is `name` or is below the folder `name`."""
    parents = step.instruction.flag("parents") is not None
    within = path_with_parents(source, file) if parents else file[len(name) :].lstrip("/")
    return bool(within and excluded.reason(within))


def path_with_parents(source: Source, file: str) -> str:
    """The part of the path that ``--parents`` keeps: all of it, or what follows ``/./``."""
    pivot, dot, _ = source.value.text.partition("/./")
    return posixpath.relpath(file, pivot.strip("/") or ".") if dot else file


@dataclass(frozen=True)
class Destination:
    """The last word of a COPY or ADD.

    Attributes:
        path: The path in the image; None if it is unknown.
        absolute: Whether it is absolute; None if it starts with an unknown variable.
    """

    word: Word
    value: Value
    path: str | None
    absolute: bool | None


def destination(step: Step) -> Destination:
    """The destination of a COPY or ADD."""
    word = step.instruction.words[-1]
    value = step.expand(word)
    absolute = step.is_absolute(value) or (False if value.leading or value.known else None)
    path = None
    if value.known and absolute:
        path = value.text
    elif value.known and step.workdir.path is not None:
        path = join(step.workdir.path, value.text)
    return Destination(word, value, path, absolute)


def least_sources(step: Step, index: Index | None) -> int:
    """How many files and folders are copied at least; globs count if the context is known."""
    countable = index is not None and not step.stored and "from" not in step.instruction.flag_names
    count = 0
    for source in sources(step):
        if source.value.known and not source.is_glob:
            count += 1
        elif source.value.known and countable and index is not None:
            count += len(index.matches(source))
    return count
