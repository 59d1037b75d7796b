"""Where COPY and ADD put the files of the build context.

The builder's rules, followed without building: a folder's contents go into the destination, a
file goes below it or becomes it, globs match as Go's `filepath.Match` does. Where the outcome
depends on what only a running build knows, the answer is a doubt, not a guess.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from flowship.dockerfile.instructions import Word
from flowship.dockerfile.stages import (
    Stage,
    Step,
    Trace,
    Value,
    clean,
    is_prefect_base,
    is_within,
    join,
    repository_of,
)
from flowship.errors import ConfigError
from flowship.project.context import Context, IgnoreFile, Pattern

# Bases whose content is known well enough to say what is not in them.
_KNOWN_BASES = {"scratch", "alpine", "debian", "ubuntu", "python", "busybox"}

# Commands that install, tidy or prepare, and never put a project's file anywhere.
_HARMLESS = frozenset(
    {"apt-get", "apt", "apk", "yum", "dnf", "microdnf", "pip", "pip3", "uv", "poetry", "pipenv"}
    | {"conda", "mamba", "micromamba", "npm", "rm", "rmdir", "mkdir", "chmod", "chown", "chgrp"}
    | {"useradd", "adduser", "groupadd", "addgroup", "usermod", "echo", "printf", "set", "export"}
    | {"true", "false", ":", "test", "[", "cd", "locale-gen", "ldconfig", "ls", "which", "command"}
    | {"update-ca-certificates", "prefect", "id", "env", "sync", "type"}
)

_ARCHIVE = re.compile(r"\.(tar|tgz|tbz2?|txz|tar\.\w+)\Z")
_REMOTE = re.compile(r"(?i)(https?|ftp|git|ssh)://|git@|github\.com/")

SourceKind = Literal["context", "remote", "heredoc"]


@dataclass(frozen=True)
class Source:
    """One source of a COPY or ADD."""

    word: Word
    value: Value
    kind: SourceKind

    @property
    def path(self) -> str:
        """The path in the context as the builder sees it: clean, inside the context."""
        clean = posixpath.normpath("/" + self.value.text).lstrip("/")
        return "" if clean == "." else clean

    @property
    def outside(self) -> bool:
        """Whether it tries to leave the context."""
        relative = posixpath.normpath(self.value.text.lstrip("/"))
        return relative == ".." or relative.startswith("../")

    @property
    def is_glob(self) -> bool:
        """Whether it holds wildcards."""
        return any(char in self.value.text for char in "*?[")


def sources(step: Step) -> list[Source]:
    """The sources of a COPY or ADD, in order."""
    found = []
    for word in step.instruction.words[:-1]:
        kind: SourceKind = "context"
        if not word.quoted and re.match(r"\d*<<", word.raw):
            kind = "heredoc"
        elif step.instruction.keyword == "ADD" and _REMOTE.match(word.raw):
            kind = "remote"
        found.append(Source(word, step.expand(word), kind))
    return found


class Index:
    """The names in a build context, prepared for look-ups."""

    def __init__(self, context: Context) -> None:
        self.files = context.paths
        self.links = {e.path for e in context.entries if e.kind == "link"}
        self.folders = {""} | {e.path for e in context.entries if e.path not in self.files}
        for path in self.files | self.folders:
            parent = path.rpartition("/")[0]
            while parent not in self.folders:
                self.folders.add(parent)
                parent = parent.rpartition("/")[0]
        self.names = sorted(self.files | self.folders)

    def matches(self, source: Source) -> list[str]:
        """The files and folders that a source names; a folder stands for all below it."""
        if not source.is_glob:
            path = source.path
            return [path] if path in self.files or path in self.folders else []
        pattern = go_match(source.path)
        return [name for name in self.names if name and pattern.match(name)]

    def is_folder(self, source: Source) -> bool:
        """Whether a source names a folder, whose contents make the destination one."""
        return any(name in self.folders for name in self.matches(source))

    def leads_through_link(self, path: str) -> bool:
        """Whether `path` is or lies behind a symbolic link, which is not followed here."""
        return any(path == link or path.startswith(f"{link}/") for link in self.links)

    def below(self, name: str) -> list[str]:
        """The files that `name` stands for: itself, or all below the folder."""
        if name in self.files:
            return [name]
        prefix = f"{name}/" if name else ""
        return sorted(file for file in self.files if file.startswith(prefix))


def go_match(pattern: str) -> re.Pattern[str]:
    """Go's `filepath.Match` as a regular expression; a bad pattern matches only itself."""
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
    """What ``--exclude`` keeps out of a copy: patterns as in .dockerignore, for each source anew.

    They hold for what lies within a folder that is copied; a file that is named itself comes along
    all the same (moby/buildkit, issue 5489).
    """
    patterns = []
    for word in step.instruction.flags:
        name, _, written = word.raw[2:].partition("=")
        if name == "exclude":
            try:
                patterns.append(Pattern.compile(step.expand(written).text, "--exclude"))
            except ConfigError:
                continue  # BuildKit will say so
    return IgnoreFile(tuple(pattern for pattern in patterns if pattern))


def copied(step: Step, index: Index) -> list[tuple[Source, list[str]]]:
    """What each source of a COPY from the context takes along, by context path."""
    if "from" in step.instruction.flag_names:
        return []
    taken = []
    excluded = exclusions(step)
    for source in sources(step):
        if source.kind == "context" and source.value.known:
            pairs = [(name, file) for name in index.matches(source) for file in index.below(name)]
            files = [f for name, f in pairs if not _left_out(excluded, step, source, name, f)]
            taken.append((source, files))
    return taken


def _left_out(excluded: IgnoreFile, step: Step, source: Source, name: str, file: str) -> bool:
    """Whether ``--exclude`` keeps `file` out, which comes along with `name`, itself or a folder."""
    parents = step.instruction.flag("parents") is not None
    within = _parents_path(source, file) if parents else file[len(name) :].lstrip("/")
    return bool(within and excluded.reason(within))


@dataclass(frozen=True)
class Destination:
    """The last word of a COPY or ADD.

    Attributes:
        path: Where that is in the image; None when it cannot be told.
        absolute: Whether it is; None when it begins with something that cannot be told.
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
    """How many files and folders the sources surely name; a pattern's, where the context tells."""
    told = index is not None and not step.stored and "from" not in step.instruction.flag_names
    count = 0
    for source in sources(step):
        if source.value.known and not source.is_glob:
            count += 1
        elif source.value.known and told and index is not None:
            count += len(index.matches(source))
    return count


# --- where one file ends up ------------------------------------------------------------------


@dataclass
class _Image:
    """What is known of an image's files while it is put together."""

    files: dict[str, tuple[str, Step]] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {"/"})
    doubts: list[str] = field(default_factory=list)  # below these, anything may lie

    def may_hold(self, path: str) -> bool:
        return any(is_within(path, doubt) or is_within(doubt, path) for doubt in self.doubts)


@dataclass(frozen=True)
class Outcome:
    """Whether a file of the image is there.

    Attributes:
        found: The copied file that lies at the wanted place.
        doubtful: Whether it may lie there although no COPY says so.
        elsewhere: Where the project's own file went instead, with the step that put it there.
    """

    found: str | None
    doubtful: bool
    elsewhere: tuple[tuple[str, Step], ...] = ()


def look_for(
    target: str,
    own: str | None,
    trace: Trace,
    index: Index,
    *,
    moved: Mapping[int, str] | None = None,
) -> Outcome:
    """Whether the finished image holds `target`.

    Args:
        target: Absolute path in the image.
        own: The context path of the file that should be there, to say where it went.
        trace: The Dockerfile.
        index: The context's names.
        moved: Destinations to take instead, by the instruction's offset: "if this were fixed".
    """
    simulation = _Simulation(target, trace, index, moved or {})
    image = simulation.image(trace.stages[-1])
    found = image.files.get(target)
    elsewhere = tuple(
        (path, step) for path, (source, step) in sorted(image.files.items()) if source == own
    )
    base_unknown = not _is_known_base(trace.stages[-1].root)
    doubtful = image.may_hold(target) or (base_unknown and not elsewhere)
    return Outcome(found[0] if found else None, doubtful, elsewhere)


def _is_known_base(image: str | None) -> bool:
    if image is None:
        return False
    name = repository_of(image).removeprefix("docker.io/").removeprefix("library/")
    return name in _KNOWN_BASES or is_prefect_base(image)


class _Simulation:
    def __init__(self, target: str, trace: Trace, index: Index, moved: Mapping[int, str]) -> None:
        self.trace = trace
        self.index = index
        self.moved = moved
        name = posixpath.basename(target)
        # Only files that can end up under the wanted name are followed.
        self.followed = [f for f in index.files if posixpath.basename(f) == name]
        self.images: dict[int, _Image] = {}

    def image(self, stage: Stage) -> _Image:
        for earlier in self.trace.stages[: stage.index + 1]:
            if earlier.index not in self.images:
                self.images[earlier.index] = self._build(earlier)
        return self.images[stage.index]

    def _build(self, stage: Stage) -> _Image:
        image = _Image()
        if stage.parent:
            parent = self.images[stage.parent.index]
            image = _Image(dict(parent.files), set(parent.folders), list(parent.doubts))
        elif stage.workdir.path:
            _add_folder(image, stage.workdir.path)
        for step in stage.steps:
            if not step.stored:
                self._carry_out(image, step)
        return image

    def _carry_out(self, image: _Image, step: Step) -> None:
        keyword = step.instruction.keyword
        if step.workdir.path:
            _add_folder(image, step.workdir.path)
        if keyword == "RUN":
            if not is_harmless(step):
                image.doubts.append("/")
            for made in re.findall(r"/[\w./-]+", step.instruction.rest.text):
                _add_folder(image, made)
        elif keyword in {"COPY", "ADD"} and len(step.instruction.words) >= 2:
            self._copy(image, step)

    def _copy(self, image: _Image, step: Step) -> None:
        where = self.moved.get(step.instruction.start) or destination(step).path
        if where is None:
            image.doubts.append("/")
            return
        origin = step.instruction.flag("from")
        # Of several sources the classic builder demands the slash: only BuildKit goes without.
        several = least_sources(step, self.index) > 1 and not self.trace.buildkit
        for source in sources(step):
            into = several or self._is_folder(image, step, where)
            if into:
                _add_folder(image, where)
            if source.kind != "context" or not source.value.known:
                image.doubts.append(where)
            elif origin is not None:
                self._copy_from(image, step, source, where, into, origin)
            else:
                self._copy_context(image, step, source, where, into)

    def _is_folder(self, image: _Image, step: Step, where: str) -> bool:
        return (
            where.endswith("/")
            or clean(where) in image.folders
            or step.instruction.flag("parents") is not None
        )

    def _copy_context(
        self, image: _Image, step: Step, source: Source, where: str, into: bool
    ) -> None:
        if self.index.leads_through_link(source.path) or (
            step.instruction.keyword == "ADD" and _ARCHIVE.search(source.path)
        ):
            image.doubts.append(where)
        if self.index.is_folder(source):
            _add_folder(image, where)
        parents = step.instruction.flag("parents") is not None
        excluded = exclusions(step)
        for name in self.index.matches(source):
            candidates = [name] if name in self.index.files else self.followed
            for file in candidates:
                if not is_within(file, name) or _left_out(excluded, step, source, name, file):
                    continue
                if parents:
                    path = _below(where, _parents_path(source, file))
                else:
                    path = _landing(file, name, where, into)
                _add_file(image, path, file, step)

    def _copy_from(
        self, image: _Image, step: Step, source: Source, where: str, into: bool, origin: str
    ) -> None:
        stage = self.trace.stage(step.expand(origin).text)
        if stage is None or stage.index not in self.images or source.is_glob:
            image.doubts.append(where)
            return
        other = self.images[stage.index]
        name = "/" + source.path
        if other.may_hold(name):
            image.doubts.append(where)
        for path, (file, _) in list(other.files.items()):
            if is_within(path, name):
                _add_file(image, _landing(path, name, where, into), file, step)


def _landing(file: str, name: str, where: str, into: bool) -> str:
    """Where `file` lands when `name` (itself, or a folder above it) is copied to `where`."""
    if file == name:
        return _below(where, posixpath.basename(file)) if into else clean(where)
    return _below(where, file[len(name) :].lstrip("/") if name else file)


def _parents_path(source: Source, file: str) -> str:
    """What ``--parents`` keeps of the path: all, or what follows ``/./``."""
    pivot, dot, _ = source.value.text.partition("/./")
    return posixpath.relpath(file, pivot.strip("/") or ".") if dot else file


def _below(folder: str, path: str) -> str:
    return clean(posixpath.join(folder, path))


def _add_file(image: _Image, path: str, file: str, step: Step) -> None:
    image.files[path] = (file, step)
    _add_folder(image, posixpath.dirname(path))


def _add_folder(image: _Image, path: str) -> None:
    path = clean(path)
    while path not in image.folders:
        image.folders.add(path)
        path = posixpath.dirname(path)


def is_harmless(step: Step) -> bool:
    """Whether a RUN surely puts no file of the project anywhere."""
    if step.instruction.heredocs:
        return False
    text = re.sub(r"\"[^\"]*\"|'[^']*'", "quoted", command_of(step))
    text = re.sub(r"\d?>&\d|\d?>\s*/dev/null|>=", "", text)
    if ">" in text:
        return False
    return all(_is_harmless_command(part) for part in re.split(r"&&|\|\||[;|&\n]", text))


def _is_harmless_command(command: str) -> bool:
    words = [w for w in command.split() if not re.match(r"\w+=", w)]
    if not words:
        return True
    name = posixpath.basename(words[0].strip("\"'"))
    if re.fullmatch(r"python[\d.]*", name):
        return words[1:3] in (["-m", "pip"], ["-m", "venv"], ["-m", "ensurepip"])
    return name in _HARMLESS


def command_of(step: Step) -> str:
    """The command of a RUN as one line, in JSON form too."""
    text = step.instruction.rest.text
    if text.startswith("["):
        try:
            words = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return " ".join(words)
    return text
