"""Renders the log of a run: records, what its container printed, and how it ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.output.terminal import one_line
from flowship.output.tracebacks import TracebackFolder

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.runs.chosen import ChosenRun
    from flowship.runs.container_log import ContainerLog
    from flowship.runs.records import LogRecord

LEVELS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
FURTHER_LINE = "\n    "  # of a message with several lines


class LogLines:
    """The records of a run as lines: moment, level, run, message.

    Args:
        full: Whether tracebacks are printed completely.
    """

    def __init__(self, *, full: bool = False) -> None:
        self._tracebacks = None if full else TracebackFolder()

    def line(self, record: LogRecord) -> RenderableType:
        """A record; the further lines of its message are indented."""
        colour = LEVELS.get(record.level, "dim")
        moment, level = escape(_seconds(record.moment)), escape(f"{record.level:<7}")
        message = _COLOURS.sub("", record.message).rstrip("\n")
        if self._tracebacks:
            message = self._tracebacks.fold(message)
        head = f"{moment} [{colour}]{level}[/] [dim]{escape(one_line(record.run))}[/]"
        return f"{head} {escape(message).replace(chr(10), FURTHER_LINE)}"


def _seconds(moment: str) -> str:
    """An ISO 8601 moment in UTC, without fractions of a second."""
    return f"{moment[:19]}Z"


def head(run: ChosenRun) -> RenderableType:
    """Which run it is."""
    name = escape(one_line(run.name))
    return f"• {name} of {escape(run.deployment)} [dim]({escape(run.id)})[/]"


def state(name: str) -> RenderableType:
    """A new state of a run that is followed."""
    return f"• {escape(name)}"


def container(log: ContainerLog) -> list[RenderableType]:
    """Which container the lines that follow are from."""
    lines: list[RenderableType] = [f"• {escape(log.title)}"]
    return lines + ([f"  [cyan]→[/] {escape(log.hint)}"] if log.hint else [])


def container_line(text: str) -> RenderableType:
    """A line that a container printed, without its colours."""
    return escape(_COLOURS.sub("", text))


def end(run: ChosenRun) -> list[RenderableType]:
    """How a run that has ended ended, or its state."""
    moment = f" at {_seconds(run.ended)}" if run.ended else ""
    if run.state_type.value == "COMPLETED":
        return [f"[green]✓[/] {escape(run.name)}: {escape(run.state_name)}{moment}"]
    if not run.is_final:
        return [f"• {escape(run.name)}: {escape(run.state_name)}"]
    lines: list[RenderableType] = [
        f"[red]✗[/] {escape(run.name)}: {escape(run.state_name)}{moment}"
    ]
    return lines + ([f"  [dim]{escape(run.message)}[/]"] if run.message else [])
