"""Rule `missing-source`: what COPY and ADD name and the build context does not hold."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flowship.dockerfile.copies import Index, Source, go_match, sources
from flowship.dockerfile.rules.findings import Finding, View, span
from flowship.dockerfile.stages import Step

if TYPE_CHECKING:
    from flowship.project.context import Context


def missing_sources(view: View) -> Iterator[Finding]:
    """The sources that are missing, left out, or outside the context."""
    if view.index is None or view.facts.context is None:
        return
    for step in view.copies():
        # What ONBUILD stores is copied from another project's context.
        if step.stored or "from" in step.instruction.flag_names:
            continue
        for source in sources(step):
            if source.kind != "context" or not source.value.known:
                continue
            if source.outside:
                yield from _outside(view, view.index, step, source)
                continue
            if "**" in source.path:
                continue
            if view.index.leads_through_link(source.path):
                continue
            if not view.index.matches(source):
                yield from _missing(view, view.index, view.facts.context, step, source)


def _outside(view: View, index: Index, step: Step, source: Source) -> Iterator[Finding]:
    """A source above the context: the classic builder stops, BuildKit drops the dots."""
    inside = source.path or "."
    there = bool(index.matches(source))
    taken = there and view.trace.buildkit
    outcome = f'BuildKit takes "{inside}" instead' if taken else "it cannot be copied"
    yield from view.finding(
        "missing-source",
        span(source.word),
        f'"{source.word.raw}" is outside the build context: {outcome}',
        f'write "{inside}": sources begin in the project folder'
        if there
        else "move it into the project folder",
        severity="warning" if taken else "error",
        step=step,
    )


def _missing(
    view: View, index: Index, context: Context, step: Step, source: Source
) -> Iterator[Finding]:
    written = source.word.raw
    reason = _reason_left_out(context, source)
    close = difflib.get_close_matches(source.path, index.names, n=1)
    advice = f'did you mean "{close[0]}"?' if close and close[0] else "check the spelling"
    if reason:
        message = f'"{written}" is not in the build context: {reason}'
        advice = f'let it through with "!{source.path}" in .dockerignore, or do not copy it'
        if reason.endswith("secrets"):
            advice = "do not copy it: give it to the run, by a Prefect block or the block's env"
    elif source.is_glob:
        message = (
            f'"{written}" matches nothing in the build context: BuildKit copies nothing and says'
            " nothing, the classic builder stops"
        )
        advice = "check the pattern, or remove it"
    else:
        message = f'"{written}" is not in the build context'
    yield from view.finding("missing-source", span(source.word), message, advice, step=step)


def _reason_left_out(context: Context, source: Source) -> str:
    """Which rule kept a source, or the folder around it, out of the context."""
    path = source.path
    while path:
        if path in context.left_out:
            return told(path, source.path, context.left_out[path])
        path = path.rpartition("/")[0]
    if source.is_glob:
        pattern = go_match(source.path)
        matched = next((p for p in context.left_out if pattern.match(p)), None)
        if matched:
            return told(matched, source.path, context.left_out[matched])
    inside = [p for p in context.left_out if p.startswith(f"{source.path}/")]
    return told(inside[0], source.path, context.left_out[inside[0]]) if inside else ""


def told(path: str, asked: str, reason: str) -> str:
    """Why `asked` is not sent: by its own rule, or by that of the folder `path` around it."""
    which = "it is" if path == asked else f'"{path}" is'
    return reason if reason.startswith("left out") else f"{which} left out by {reason}"
