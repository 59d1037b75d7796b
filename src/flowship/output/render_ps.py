"""Renders the runs that are going on and their containers."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.deployment.stored import parse_moment
from flowship.events import readable_span
from flowship.output.tables import titled_row
from flowship.output.terminal import one_line
from flowship.runs.containers import memory

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.engine.inspection import Usage
    from flowship.runs.listing import RunRow

COLOURS = {"Running": "green", "Failed": "red", "Crashed": "red", "Late": "yellow"}
UNKNOWN = "state unknown"  # no server answers, or this one does not have the run


def row(shown: RunRow, now: datetime | None = None) -> list[RenderableType]:
    """A run, its container, and the command that opens a shell in it."""
    lines: list[RenderableType] = [_head(shown, now or datetime.now(timezone.utc))]
    lines.append(titled_row("run", shown.id))
    if shown.container is None:
        return [*lines, titled_row("container", one_line(shown.place))]
    found = shown.container.container
    lines += [
        titled_row("container", one_line(f"{found.name} {shown.message}")),
        titled_row("image", one_line(found.image)),
    ]
    if shown.usage:
        lines.append(titled_row("uses", _uses(shown.usage, found.memory_limit)))
    if found.runs:
        lines.append(titled_row("shell", shown.container.shell))
    return lines


def _head(shown: RunRow, now: datetime) -> str:
    state = shown.run.state_name if shown.run else UNKNOWN
    colour = COLOURS.get(state, "yellow")
    since = ""
    if shown.run and shown.run.started and not shown.run.is_final:
        with suppress(ValueError):  # a server's text that is not a moment
            started = parse_moment(shown.run.started)
            since = f" for {readable_span((now - started).total_seconds())}"
    name, deployment = escape(one_line(shown.name)), escape(one_line(shown.deployment))
    return f"[bold]{name}[/] of {deployment}: [{colour}]{escape(one_line(state))}[/]{since}"


def _uses(usage: Usage, limit: int) -> str:
    cpu = f"{usage.cpu:g} % of a core, " if usage.cpu is not None else ""
    of_limit = f" of {memory(limit)}" if limit else ""
    return f"{cpu}{memory(usage.memory)}{of_limit} memory"
