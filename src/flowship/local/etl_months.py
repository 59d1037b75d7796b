"""`flowship etl run`: which months were asked for, and loading them in this process.

The pipeline is `flowship.etl`; here its words become the command line's: options to months, its
errors to flowship's, its progress to bars.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from threading import Lock
from typing import TYPE_CHECKING, Any

from flowship.errors import ConfigError, RunFailedError, UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from flowship.etl.convert import Progress, Report
    from flowship.etl.destination import Destination
    from flowship.etl.manifest import MonthResult

FIRST_YEAR = 2009  # the TLC's records begin then
LAST_YEAR = 2100


def parse(text: str) -> list[int]:
    """Months from ``1-3``, ``1,2``, or ``1-3,12``, each once, in the order given.

    Raises:
        UsageError: It is none of these.
    """
    months: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise _wrong(text)
        wanted = range(int(first), int(last or first) + 1)
        if not wanted or wanted[0] < 1 or wanted[-1] > 12:
            raise _wrong(text)
        months += wanted
    return list(dict.fromkeys(months))


def _wrong(text: str) -> UsageError:
    return UsageError(
        f"{text!r} are no months",
        hint="write 1, 1-3, or 1-3,12; each from 1 to 12",
        where="--months",
    )


def load(
    year: int,
    months: list[int],
    colour: str,
    source: str,
    destination: str,
    *,
    force: bool,
    max_rejects: int,
    concurrency: int,
    story: Console,
) -> list[MonthResult]:
    """Load months with the shipped ETL pipeline; no Prefect server is involved.

    Raises:
        UsageError: A colour or a year that there is not.
        ConfigError: The source or the destination cannot work for any month.
    """
    from flowship.etl.month import MonthJob, load_months

    _judge(year, colour)
    addresses, opened = _open(year, months, colour, source, destination)
    jobs = [MonthJob(colour, year, m, addresses[m], force, max_rejects) for m in months]
    with progress(story) as report:
        results = load_months(jobs, opened, concurrency, report)
    _tell_what_is_odd(results, story)
    return results


def _judge(year: int, colour: str) -> None:
    from flowship.etl.schemas import SCHEMAS

    if colour not in SCHEMAS:
        close = get_close_matches(colour.lower(), SCHEMAS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(SCHEMAS)}"
        raise UsageError(f"there are no {colour!r} taxis", hint=hint, where="--colour")
    if not FIRST_YEAR <= year <= LAST_YEAR:
        hint = f"from {FIRST_YEAR}, the first year on record"
        raise UsageError(f"there are no trips of {year}", hint=hint, where="--year")


def _open(
    year: int, months: list[int], colour: str, source: str, destination: str
) -> tuple[dict[int, str], Destination]:
    """The address of each month and where they go, refused where no month could come or go."""
    from flowship.etl import errors
    from flowship.etl.destination import open_destination
    from flowship.etl.source import check_address, month_addresses

    try:
        addresses = month_addresses(source, colour, year, months)
        for address in addresses.values():
            check_address(address)
        # Whoever types this in a container's shell is there to fetch the result.
        return addresses, open_destination(destination, contained=lambda: False)
    except errors.EtlError as exc:
        where = "--to" if isinstance(exc, errors.DestinationError) else "--source"
        raise ConfigError(exc.message, hint=exc.hint, where=where) from exc


def _tell_what_is_odd(results: list[MonthResult], story: Console) -> None:
    from rich.markup import escape

    for result in results:
        if result.unknown:
            left_out, empty = ", ".join(result.unknown), ", ".join(result.missing) or "none"
            line = f"{result.label}: columns left out: {left_out}; columns left empty: {empty}"
            story.print(f"[yellow]warning:[/] {escape(line)}")
        if result.rejected and result.rejects:
            story.print(f"{result.label}: the rejected rows are in {result.rejects}", markup=False)


def ensure_loaded(results: list[MonthResult]) -> None:
    """Raise where a month was lost.

    Raises:
        RunFailedError: Some months failed; the others are where they belong.
    """
    lost = [result for result in results if result.outcome == "failed"]
    if lost:
        raise RunFailedError(
            f"{len(lost)} of {len(results)} months failed",
            details="\n".join(f"{result.label}: {result.reason}" for result in lost),
            hint="run it again once that is mended: the months that are there are left as they are",
        )


def as_json(results: list[MonthResult]) -> dict[str, Any]:
    """The months and how many ended in which way."""
    outcomes = [result.outcome for result in results]
    counts = {name: outcomes.count(name) for name in ("written", "unchanged", "failed")}
    return {"months": results, **counts}


# --- progress ------------------------------------------------------------------------------------


@contextmanager
def progress(story: Console) -> Iterator[Report]:
    """A report that draws a bar for each month on a terminal, and tells lines elsewhere."""
    if not story.is_terminal:
        yield _Lines(story)
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn
    from rich.progress import Progress as Bars

    with Bars(
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

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._lock = Lock()

    def __call__(self, seen: Progress) -> None:
        with self._lock:
            if seen.label not in self._tasks:
                self._tasks[seen.label] = self._bars.add_task(
                    seen.label, total=None, rows=0, speed=0, outcome=""
                )
            task = self._tasks[seen.label]
        if seen.note:
            self._bars.console.print(f"{seen.label}: {seen.note}", markup=False, style="yellow")
        elapsed = self._bars.tasks[self._tasks[seen.label]].elapsed or 0
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


class _Lines:
    """A line when a month ends, and for what happens besides: for logs, CI and pipes."""

    def __init__(self, story: Console) -> None:
        self._story = story

    def __call__(self, seen: Progress) -> None:
        if seen.note:
            self._story.print(f"  {seen.label}: {seen.note}", markup=False)
        if seen.outcome:
            rows = f", {seen.rows:,} rows" if seen.rows else ""
            self._story.print(f"• {seen.label}: {seen.outcome}{rows}", markup=False)
