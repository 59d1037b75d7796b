"""Rule `flow-not-in-place`: the flow must lie where the deployment looks for it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from flowship.dockerfile.copies import Index, destination, least_sources, look_for
from flowship.dockerfile.rules.destinations import likely_meant
from flowship.dockerfile.rules.findings import Facts, Finding, View, beginning, span
from flowship.dockerfile.rules.sources import told
from flowship.dockerfile.stages import Step


def flow_in_place(view: View, findings: list[Finding]) -> Iterator[Finding]:
    """Where the flow's file ends up instead, unless following `findings` puts it right."""
    if view.index is None or not view.facts.entrypoint or not view.trace.stages:
        return
    file = view.facts.entrypoint.rpartition(":")[0] or view.facts.entrypoint
    target = posixpath.normpath(posixpath.join("/", view.facts.flows_dir, file))
    own = _own_path(view.index, file)
    outcome = look_for(target, own, view.trace, view.index)
    if outcome.found or outcome.doubtful or _is_fixed_otherwise(view, findings, target, own):
        return
    final = view.trace.stages[-1]
    looked = f"the deployment will look for the flow at {target}"
    if outcome.elsewhere:
        path, step = outcome.elsewhere[0]
        yield from view.finding(
            "flow-not-in-place",
            span(step.instruction.words[-1]),
            f"{looked}, but this puts it at {path}",
            f'copy it to "{_right_destination(target, path, step)}"',
            step=step,
        )
        return
    reason = _reason_absent(view.facts, own, file)
    place, step_of = beginning(final)
    advice = f"add COPY {own or file} {target}"
    yield from view.finding(
        "flow-not-in-place", place, f"{looked}, but {reason}", advice, step=step_of
    )


def _right_destination(target: str, path: str, step: Step) -> str:
    """The destination with which `step`, that puts the flow at `path`, would put it at `target`:
    a folder that is copied whole keeps the layout within it."""
    landed = destination(step).path
    within = posixpath.relpath(path, landed) if landed else ""
    if within not in ("", ".") and not within.startswith("../"):
        head = target.removesuffix(f"/{within}")
        if head != target:
            return f"{head}/"
    return f"{posixpath.dirname(target)}/"


def _own_path(index: Index, file: str) -> str | None:
    """The flow's file in the context: as configured, below ``project/``, or by its end."""
    for path in (file, f"project/{file}"):
        if path in index.files:
            return path
    name = posixpath.basename(file)
    ending = sorted(p for p in index.files if posixpath.basename(p) == name)
    return ending[0] if len(ending) == 1 else None


def _is_fixed_otherwise(view: View, findings: list[Finding], target: str, own: str | None) -> bool:
    """Whether following the other findings' advice would put the flow in its place."""
    edits = {f.edit.start for f in findings if f.edit and f.rule == "relative-destination"}
    moved: dict[int, str] = {}
    for step in view.copies():
        where = destination(step)
        start, _ = span(where.word)
        if start in edits or start + 1 in edits:
            meant = likely_meant(where.value.text, step.workdir.path)
            if meant is not None:
                several = least_sources(step, view.index) > 1  # then the slash is added as well
                moved[step.instruction.start] = f"{meant}/" if several else meant
    if not moved or view.index is None:
        return False
    return look_for(target, own, view.trace, view.index, moved=moved).found is not None


def _reason_absent(facts: Facts, own: str | None, file: str) -> str:
    if own is not None:
        return f"no instruction copies {own} into the image"
    left_out = facts.context.left_out if facts.context else {}
    for whole in (file, f"project/{file}"):
        path = whole
        while path:
            if path in left_out:
                return f"{told(path, whole, left_out[path])}, so it is not in the build context"
            path = path.rpartition("/")[0]
    return f"there is no {file} in the build context"
