"""Renders flow runs and their logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.runs.cancel import Cancellation
    from flowship.runs.chosen import ChosenRun
    from flowship.runs.records import LogRecord
    from flowship.runs.start import Started
    from flowship.runs.watch import RunResult
from flowship.output.render_deploy import parameter_lines
from flowship.output.tables import titled_row, warning_lines
from flowship.output.tracebacks import TracebackFolder

LEVELS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


def started(run: Started) -> list[RenderableType]:
    """A run that was just started."""
    lines: list[RenderableType] = [
        f"[green]✓[/] started {escape(run.name)} of {escape(run.deployment)}",
        *parameter_lines(run.parameters),
        titled_row("page", run.url),
    ]
    return lines + warning_lines(run.warnings)


def hints(run: Started) -> list[RenderableType]:
    """How to view a run, and how to cancel it."""
    return [f"  {escape(hint)}" for hint in run.hints]


class RunLog:
    """The log of a run: one line per record, with short tracebacks."""

    def __init__(self) -> None:
        self._tracebacks = TracebackFolder()

    def line(self, record: LogRecord) -> RenderableType:
        """A record: its time, level, run and message."""
        colour = LEVELS.get(record.level, "dim")
        time, level = escape(record.moment[11:19]), escape(f"{record.level:<7}")
        head = f"{time} [{colour}]{level}[/] [dim]{escape(record.run)}[/]"
        return f"{head} {escape(self._tracebacks.fold(record.message))}"


def state(name: str) -> RenderableType:
    """A new state of a run."""
    return f"• {escape(name)}"


def ended(result: RunResult) -> list[RenderableType]:
    """How a run completed; a failure is shown by its error instead."""
    if not result.completed:
        return []
    about = f"{result.state_name} in {result.seconds:.1f} s"
    return [f"[green]✓[/] {escape(result.name)}: {escape(about)}"]


def canceling(run: ChosenRun) -> RenderableType:
    """Which run is about to be canceled."""
    state = escape(run.state_name)
    return f"• {escape(run.name)} of {escape(run.deployment)} [dim]({escape(run.id)})[/]: {state}"


def canceled(done: Cancellation) -> list[RenderableType]:
    """How a canceled run came to its end."""
    name, state = escape(done.run.name), escape(done.run.state_name)
    if done.outcome.value == "ended before":
        return [f"{name} has already ended: {state}; nothing was canceled"]
    how = {
        "container stopped": f"; stopped its container {escape(done.container)}",
        "container gone": "; its container no longer exists",
        "forced": "; if its container runs on another machine, it goes on",
    }.get(done.outcome.value, "")
    return [f"[green]✓[/] {name}: {state}{how}"]
