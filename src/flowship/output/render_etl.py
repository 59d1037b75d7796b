"""Renders the months of the built-in ETL flow: their progress and results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.output.tables import table

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from flowship.etl.convert import Progress, Report
    from flowship.etl.manifest import MonthResult


def months(results: Iterable[MonthResult]) -> list[RenderableType]:
    """What became of each month; the reason why one failed is shown as an error."""
    head = ("month", "outcome", "rows", "rejected", "MB", "seconds")
    rows = [
        (
            result.label,
            result.outcome,
            f"{result.rows:,}",
            f"{result.rejected:,}",
            f"{result.size / 1e6:,.1f}",
            f"{result.seconds:,.1f}",
        )
        for result in results
    ]
    return [table(head, rows)]


def notes(results: Iterable[MonthResult]) -> list[RenderableType]:
    """Columns that did not match the schema, and where rejected rows are."""
    lines: list[RenderableType] = []
    for result in results:
        if result.unknown:
            dropped, empty = ", ".join(result.unknown), ", ".join(result.missing) or "none"
            text = f"{result.label}: columns dropped: {dropped}; columns left empty: {empty}"
            lines.append(f"[yellow]warning:[/] {escape(text)}")
        if result.rejected and result.rejects:
            lines.append(escape(f"{result.label}: the rejected rows are in {result.rejects}"))
    return lines


# --- progress ------------------------------------------------------------------------------------


@contextmanager
def progress(story: Console) -> Iterator[Report]:
    """A report that draws a bar for each month on a terminal, and prints lines elsewhere."""
    if not story.is_terminal:
        yield _Lines(story)
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn
    from rich.progress import Progress as RichProgress

    with RichProgress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TextColumn("{task.fields[rows]:>11,} rows"),
        TextColumn("{task.fields[speed]:>10,.0f} rows/s"),
        TextColumn("{task.fields[outcome]}"),
        console=story,
    ) as bars:
        yield _Bars(bars)


class _Bars:
    """A bar for each month; called from the threads of several months."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._lock = Lock()

    def __call__(self, seen: Progress) -> None:
        task = self._task(seen.label)
        if seen.note:
            self._bars.console.print(f"{seen.label}: {seen.note}", markup=False, style="yellow")
        elapsed = self._bars.tasks[task].elapsed or 0
        self._bars.update(
            task,
            completed=seen.received,
            total=seen.size if not seen.outcome else (seen.received or 1),
            rows=seen.rows,
            speed=seen.rows / elapsed if elapsed else 0,
            outcome=seen.outcome,
        )
        if seen.outcome:
            self._bars.stop_task(task)

    def _task(self, label: str) -> TaskID:
        with self._lock:
            if label not in self._tasks:
                self._tasks[label] = self._bars.add_task(
                    label, total=None, rows=0, speed=0, outcome=""
                )
            return self._tasks[label]


class _Lines:
    """A line for each note and for the end of each month: for logs, CI and pipes."""

    def __init__(self, story: Console) -> None:
        self._story = story

    def __call__(self, seen: Progress) -> None:
        if seen.note:
            self._story.print(f"  {seen.label}: {seen.note}", markup=False)
        if seen.outcome:
            rows = f", {seen.rows:,} rows" if seen.rows else ""
            self._story.print(f"• {seen.label}: {seen.outcome}{rows}", markup=False)
