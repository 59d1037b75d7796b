"""Where one file of the build context ends up in the finished image.

The builder's rules, followed without building: the contents of a folder go into the destination, a
file goes below it or gets its name. What only a build can show is recorded as a doubt.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flowship.dockerfile.bases import is_known_base
from flowship.dockerfile.commands import is_harmless
from flowship.dockerfile.copies import (
    Index,
    Source,
    SourceKind,
    destination,
    exclusions,
    is_excluded,
    least_sources,
    path_with_parents,
    sources,
)
from flowship.dockerfile.paths import clean, is_within
from flowship.dockerfile.stages import Stage, Step, Trace

_ARCHIVE = re.compile(r"\.(tar|tgz|tbz2?|txz|tar\.\w+)\Z")


@dataclass
class _Image:
    """The known files of an image while its instructions are followed."""

    files: dict[str, tuple[str, Step]] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {"/"})
    doubts: list[str] = field(default_factory=list)  # folders that may contain anything

    def may_hold(self, path: str) -> bool:
        return any(is_within(path, doubt) or is_within(doubt, path) for doubt in self.doubts)


@dataclass(frozen=True)
class Placement:
    """Whether the image contains a file.

    Attributes:
        found: The context file that was copied to the target path.
        doubtful: Whether something other than a COPY may have put a file there.
        elsewhere: Other paths the project's file was copied to, with the step that copied it.
    """

    found: str | None
    doubtful: bool
    elsewhere: tuple[tuple[str, Step], ...] = ()


def find_file(
    target: str,
    own: str | None,
    trace: Trace,
    index: Index,
    *,
    moved: Mapping[int, str] | None = None,
) -> Placement:
    """Follow the Dockerfile to find out whether the finished image contains `target`.

    Args:
        target: Absolute path in the image.
        own: The context path of the file that should be there, to report where it went.
        trace: The Dockerfile.
        index: The paths of the context.
        moved: Corrected destinations by the offset of their instruction, to try out a fix.
    """
    simulation = _Simulation(target, trace, index, moved or {})
    image = simulation.image(trace.stages[-1])
    found = image.files.get(target)
    elsewhere = tuple(
        (path, step) for path, (source, step) in sorted(image.files.items()) if source == own
    )
    base_unknown = not is_known_base(trace.stages[-1].root)
    doubtful = image.may_hold(target) or (base_unknown and not elsewhere)
    return Placement(found[0] if found else None, doubtful, elsewhere)


class _Simulation:
    def __init__(self, target: str, trace: Trace, index: Index, moved: Mapping[int, str]) -> None:
        self.trace = trace
        self.index = index
        self.moved = moved
        name = posixpath.basename(target)
        # Only files that can end up with the target name are followed.
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
                self._execute(image, step)
        return image

    def _execute(self, image: _Image, step: Step) -> None:
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
        # With several sources the classic builder requires the slash; only BuildKit does not.
        several = least_sources(step, self.index) > 1 and not self.trace.buildkit
        for source in sources(step):
            into = several or self._is_folder(image, step, where)
            if into:
                _add_folder(image, where)
            if source.kind is not SourceKind.CONTEXT or not source.value.known:
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
        if self.index.is_behind_link(source.path) or (
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
                if not is_within(file, name) or is_excluded(excluded, step, source, name, file):
                    continue
                if parents:
                    path = _below(where, path_with_parents(source, file))
                else:
                    path = _target(file, name, where, into)
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
                _add_file(image, _target(path, name, where, into), file, step)


def _target(file: str, name: str, where: str, into: bool) -> str:
    """The path of `file` when `name` (the file or a folder above it) is copied to `where`."""
    if file == name:
        return _below(where, posixpath.basename(file)) if into else clean(where)
    return _below(where, file[len(name) :].lstrip("/") if name else file)


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
