"""Rule `syntax`, of several sources: they need a folder, and a slash that says so."""

from __future__ import annotations

from collections.abc import Iterator

from flowship.dockerfile.copies import Destination, destination, least_sources
from flowship.dockerfile.rules.findings import Edit, Finding, View, span, unquoted
from flowship.dockerfile.stages import Step, clean, is_within


def several_sources(view: View, findings: list[Finding]) -> Iterator[Finding]:
    """The classic builder insists on the slash; BuildKit copies one file over the other.

    Args:
        view: The Dockerfile.
        findings: What the other rules have found; where a fix of theirs writes the slash, this
            one does not.
    """
    buildkit = view.trace.buildkit
    for step in view.copies():
        where = destination(step)
        count = least_sources(step, view.index)
        if count < 2 or not where.value.known or where.value.text.endswith("/"):
            continue
        if buildkit and _is_there(step, where):
            continue
        raw = unquoted(where.word.raw)
        outcome = (
            "unless that is a folder already, each becomes a file of this name, over the last"
            if buildkit
            else "the builder refuses that"
        )
        yield from view.finding(
            "syntax",
            span(where.word),
            f'{count} sources go to "{raw}", which does not end with a slash: {outcome}',
            f'write "{raw}/"' if where.absolute else "end it with a slash as well",
            severity="warning" if buildkit else "error",
            edit=None if _writes_slash(findings, where) else _slash(view, where),
            step=step,
        )


def _is_there(step: Step, where: Destination) -> bool:
    """Whether the destination surely is a folder: the working directory, or one above it."""
    if set(where.value.text.split("/")) <= {".", ".."}:
        return True
    workdir = step.workdir.path
    return bool(where.path and workdir and is_within(clean(workdir), clean(where.path)))


def _writes_slash(findings: list[Finding], where: Destination) -> bool:
    start, end = span(where.word)
    edits = [f.edit for f in findings if f.rule == "relative-destination" and f.edit]
    return any(
        start <= edit.start < edit.end <= end and edit.replacement.endswith("/") for edit in edits
    )


def _slash(view: View, where: Destination) -> Edit | None:
    """The slash at the end of a plain word."""
    start, end = span(where.word)
    raw = unquoted(where.word.raw)
    if not where.word.quoted and raw != where.word.raw:
        start, end = start + 1, end - 1
    plain = view.text[start:end] == raw == where.value.text
    return Edit(end, end, "/") if plain else None
