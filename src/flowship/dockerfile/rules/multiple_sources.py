"""Rule `syntax` for several sources: their destination needs a slash at the end."""

from __future__ import annotations

from collections.abc import Iterator

from flowship.dockerfile.copies import Destination, destination, least_sources
from flowship.dockerfile.paths import clean, is_within
from flowship.dockerfile.rules.findings import Edit, Finding, Severity, View, span, unquoted
from flowship.dockerfile.stages import Step


def multiple_sources(view: View, findings: list[Finding]) -> Iterator[Finding]:
    """Find several sources without a slash at the end of the destination.

    The classic builder rejects that; BuildKit lets each file overwrite the previous one.

    Args:
        view: The Dockerfile.
        findings: The findings of the other rules. If one of their fixes adds the slash, this rule
            offers no fix.
    """
    buildkit = view.trace.buildkit
    for step in view.copies():
        where = destination(step)
        count = least_sources(step, view.index)
        if count < 2 or not where.value.known or where.value.text.endswith("/"):
            continue
        if buildkit and _exists(step, where):
            continue
        raw = unquoted(where.word.raw)
        outcome = (
            "unless it is an existing folder, each file overwrites the previous one"
            if buildkit
            else "the builder rejects that"
        )
        yield from view.finding(
            "syntax",
            span(where.word),
            f'{count} sources are copied to "{raw}", which does not end with a slash: {outcome}',
            f'use "{raw}/"' if where.absolute else "add a slash at the end as well",
            severity=Severity.WARNING if buildkit else Severity.ERROR,
            edit=None if _writes_slash(findings, where) else _slash(view, where),
            step=step,
        )


def _exists(step: Step, where: Destination) -> bool:
    """Whether the destination certainly exists: the working directory or a folder above it."""
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
    """Add the slash at the end of a plain word."""
    start, end = span(where.word)
    raw = unquoted(where.word.raw)
    if not where.word.quoted and raw != where.word.raw:
        start, end = start + 1, end - 1
    plain = view.text[start:end] == raw == where.value.text
    return Edit(end, end, "/") if plain else None
