"""Rule `syntax` for several sources: their destination needs a slash at the end."""

from __future__ import annotations

from collections.abc import Iterator

from flowship.dockerfile.copies import Destination, destination, least_sources
from flowship.dockerfile.paths import clean, is_within
from flowship.dockerfile.rules.findings import Edit, Finding, Severity, View, span, unquoted
from flowship.dockerfile.stages import Step


def multiple_sources(view: View) -> Iterator[Finding]:
    """Find several sources without a slash at the end of the destination.

    The classic builder rejects that; BuildKit lets each file overwrite the previous one.
    """
    buildkit = view.trace.buildkit
    for step in view.copies():
        where = destination(step)
        if not needs_slash(view, step, where):
            continue
        count = least_sources(step, view.index)
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
            f'use "{raw}/"',
            severity=Severity.WARNING if buildkit else Severity.ERROR,
            edit=slash_edit(view, where),
            step=step,
        )


def needs_slash(view: View, step: Step, where: Destination) -> bool:
    """Whether several sources go to a destination without a slash at its end."""
    if least_sources(step, view.index) < 2 or not where.value.known:
        return False
    if where.value.text.endswith("/"):
        return False
    return not (view.trace.buildkit and _exists(step, where))


def _exists(step: Step, where: Destination) -> bool:
    """Whether the destination certainly exists: the working directory or a folder above it."""
    if set(where.value.text.split("/")) <= {".", ".."}:
        return True
    workdir = step.workdir.path
    return bool(where.path and workdir and is_within(clean(workdir), clean(where.path)))


def slash_edit(view: View, where: Destination) -> Edit | None:
    """Add the slash at the end of a plain word."""
    start, end = span(where.word)
    raw = unquoted(where.word.raw)
    if not where.word.quoted and raw != where.word.raw:
        start, end = start + 1, end - 1
    plain = view.text[start:end] == raw == where.value.text
    return Edit(end, end, "/") if plain else None
