"""Renders the next runs of a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.deployment.schedule_preview import ClockChange, Preview, PreviewedRun


def previewed(found: Preview) -> list[RenderableType]:
    """The schedule in English, and one line for each run."""
    lines: list[RenderableType] = [f"[bold]{escape(found.words)}[/]"]
    seconds = any(run.local.second for run in found.runs)
    for run in found.runs:
        if run.change:
            lines.append(f"  [yellow]{escape(_change(run.change))}[/]")
        lines.append(_run(run, seconds=seconds))
    return lines


def _run(run: PreviewedRun, *, seconds: bool) -> str:
    clock = "%H:%M:%S" if seconds else "%H:%M"
    local = f"{run.local:%a %d %b %Y} {run.local.strftime(clock)}"
    note = f"  [yellow]{escape(run.note)}[/]" if run.note else ""
    offset = run.local.strftime("%z")
    if run.local.utcoffset() == run.utc.utcoffset():
        return f"  {local} UTC{note}"
    day = "" if run.utc.date() == run.local.date() else f"{run.utc:%d %b} "
    other = f"{day}{run.utc.strftime(clock)} UTC"
    return f"  {local} {offset[:3]}:{offset[3:5]}  [dim]{other}[/]{note}"


def _change(change: ClockChange) -> str:
    which = "forward" if change.forward else "back"
    return (
        f"clocks go {which} on {change.before:%a %d %b}: {change.before:%H:%M} becomes"
        f" {change.after:%H:%M}"
    )
