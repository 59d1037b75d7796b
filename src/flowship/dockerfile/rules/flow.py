"""Rule `flow-not-in-place`: the flow's file must be where the deployment looks for it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from flowship.dockerfile.copies import Index, destination, least_sources
from flowship.dockerfile.placement import find_file
from flowship.dockerfile.rules.destinations import advice_on_workdir, intended_path
from flowship.dockerfile.rules.findings import Edit, Finding, View, from_place, from_step, span
from flowship.dockerfile.rules.multiple_sources import needs_slash, slash_edit
from flowship.dockerfile.rules.sources import excluded_by
from flowship.dockerfile.stages import Step

# Instructions that find the same files wherever a COPY above them puts its files.
_NEEDS_NO_FILES = frozenset({"ARG", "EXPOSE", "LABEL", "MAINTAINER", "STOPSIGNAL", "USER"})


def flow_in_place(view: View, findings: list[Finding]) -> Iterator[Finding]:
    """Report each flow that is not in its place, unless the fixes of errors put it there."""
    if view.index is None or not view.trace.stages:
        return
    for file in dict.fromkeys(e.rpartition(":")[0] or e for e in view.facts.entrypoints):
        yield from _in_place(view, view.index, file, findings)


def _in_place(view: View, index: Index, file: str, findings: list[Finding]) -> Iterator[Finding]:
    target = posixpath.normpath(posixpath.join("/", view.facts.flows_dir, file))
    own = _own_path(index, file)
    placement = find_file(target, own, view.trace, index)
    if placement.found or placement.doubtful or _is_fixed(view, findings, target, own):
        return
    origin: Step | None
    edit = None
    if placement.elsewhere:
        path, origin = _nearest(placement.elsewhere, target)
        place = span(origin.instruction.words[-1])
        reason = f"this copies it to {path}"
        right = _right_destination(target, path, origin)
        advice = f'copy it to "{right}"'
        where = destination(origin)
        if not where.absolute:
            first = advice_on_workdir(view, origin)
            edit = None if first else _move(view, origin, right, target, own)
            advice = first or advice
        elif view.text[slice(*place)] + "/" == right:
            edit = Edit(place[1], place[1], "/")
    elif origin := _overwriting(view, target, own):
        path = str(destination(origin).path)
        place = span(origin.instruction.words[-1])
        reason = f"this copies it to {path}, where another source overwrites it"
        advice = f'copy it to "{path}/"'
        edit = slash_edit(view, destination(origin))
    else:
        final = view.trace.stages[-1]
        place, origin = from_place(final), from_step(final)
        reason, advice = _absent(view, own, file, target)
    yield from view.finding(
        "flow-not-in-place",
        place,
        f"the deployment looks for the flow at {target}, but {reason}",
        advice,
        edit=edit,
        step=origin,
    )


def _overwriting(view: View, target: str, own: str | None) -> Step | None:
    """The copy of several sources that would bring the flow if its destination had a slash."""
    for step in view.copies():
        where = destination(step)
        if where.path and view.index and needs_slash(view, step, where):
            moved = {step.instruction.start: f"{where.path}/"}
            if find_file(target, own, view.trace, view.index, moved=moved).found:
                return step
    return None


def _nearest(elsewhere: Sequence[tuple[str, Step]], target: str) -> tuple[str, Step]:
    """The copy that was meant for `target`: the nearest folder, and of several the last copy."""

    def nearness(copy: tuple[str, Step]) -> tuple[int, int]:
        path, step = copy
        return len(posixpath.commonpath([path, target])), step.instruction.start

    return max(elsewhere, key=nearness)


def _right_destination(target: str, path: str, step: Step) -> str:
    """The destination with which `step` would copy the flow to `target` instead of `path`.

    A folder that is copied as a whole keeps its layout.
    """
    current = destination(step).path
    within = posixpath.relpath(path, current) if current else ""
    if within not in ("", ".") and not within.startswith("../"):
        head = target.removesuffix(f"/{within}")
        if head != target:
            return f"{head}/"
    return f"{posixpath.dirname(target)}/"


def _move(view: View, step: Step, right: str, target: str, own: str | None) -> Edit | None:
    """The fix of ``COPY flow.py .``: the right destination, if nothing else needs the file here."""
    place = span(step.instruction.words[-1])
    if view.text[slice(*place)] not in {".", "./"} or view.index is None:
        return None
    later = [s for s in view.trace.steps if s.instruction.start > step.instruction.start]
    if any(s.instruction.keyword not in _NEEDS_NO_FILES for s in later):
        return None
    moved = {step.instruction.start: right}
    works = find_file(target, own, view.trace, view.index, moved=moved).found
    return Edit(*place, right) if works else None


def _own_path(index: Index, file: str) -> str | None:
    """The flow's file in the context: as configured, below ``project/``, or by its name."""
    for path in (file, f"project/{file}"):
        if path in index.files:
            return path
    name = posixpath.basename(file)
    ending = sorted(p for p in index.files if posixpath.basename(p) == name)
    return ending[0] if len(ending) == 1 else None


def _is_fixed(view: View, findings: list[Finding], target: str, own: str | None) -> bool:
    """Whether applying the fixes in `findings` would put the flow in its place."""
    rule = "relative-destination"
    edits = {f.edit.start for f in findings if f.edit and f.rule == rule and f.is_blocking}
    moved: dict[int, str] = {}
    for step in view.copies():
        where = destination(step)
        start, _ = span(where.word)
        if start in edits or start + 1 in edits:
            intended = intended_path(where.value.text, step.workdir.path)
            if intended is not None:
                several = least_sources(step, view.index) > 1  # then the slash is added as well
                moved[step.instruction.start] = f"{intended}/" if several else intended
    if not moved or view.index is None:
        return False
    return find_file(target, own, view.trace, view.index, moved=moved).found is not None


def _absent(view: View, own: str | None, file: str, target: str) -> tuple[str, str]:
    """Why nothing copies the flow, and what to do."""
    advice = f"add COPY {own or file} {target}"
    if own is not None:
        return f"no instruction copies {view.in_project(own)} into the image", advice
    context = view.facts.context
    for whole in (file, f"project/{file}"):
        reason = excluded_by(view, context, whole) if context else ""
        if reason:
            return reason, f"add !{file} to .dockerignore"
    return f"{file} is not in the build context", advice
