"""Loads months for `flowship etl run`, in this process and without a Prefect server.

The pipeline itself is `flowship.etl`; this module validates the options, turns its errors into
those of flowship, and does not depend on how progress and results look.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from flowship.errors import ConfigError, RunFailedError, UsageError

if TYPE_CHECKING:
    from flowship.etl.convert import Report
    from flowship.etl.destination import Destination
    from flowship.etl.manifest import MonthResult

FIRST_YEAR = 2009  # the TLC's records start in that year
LAST_YEAR = 2100


@dataclass(frozen=True)
class Request:
    """The months to load, as the options say.

    Attributes:
        year: The year of the trips.
        months: The months, from 1 to 12.
        colour: Which taxis.
        source: Where the monthly files are.
        destination: A folder or a Prefect block.
        force: Load months even if nothing changed.
        max_rejects: Rows of a month that may be rejected.
        concurrency: Months to load in parallel.
    """

    year: int
    months: list[int]
    colour: str
    source: str
    destination: str
    force: bool
    max_rejects: int
    concurrency: int


def parse(text: str) -> list[int]:
    """Months from ``1-3``, ``1,2``, or ``1-3,12``, without duplicates, in the order given.

    Raises:
        UsageError: The text has another form.
    """
    months: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise _invalid_months(text)
        wanted = range(int(first), int(last or first) + 1)
        if not wanted or wanted[0] < 1 or wanted[-1] > 12:
            raise _invalid_months(text)
        months += wanted
    return list(dict.fromkeys(months))


def _invalid_months(text: str) -> UsageError:
    return UsageError(
        f"invalid months: {text!r}",
        code="invalid-months",
        hint="use 1, 1-3, or 1-3,12; months are 1 to 12",
        where="--months",
    )


def load(request: Request, report: Report) -> list[MonthResult]:
    """Load months with the built-in ETL pipeline.

    Args:
        request: What to load.
        report: Receives the progress of each month, from several threads.

    Raises:
        UsageError: The colour is unknown, or no trips are published for the year.
        ConfigError: The source or the destination cannot work for any month.
    """
    from flowship.etl.month import MonthJob, load_months

    _validate(request)
    addresses, destination = _open(request)
    jobs = [
        MonthJob(
            request.colour,
            request.year,
            month,
            addresses[month],
            request.force,
            request.max_rejects,
        )
        for month in request.months
    ]
    return load_months(jobs, destination, request.concurrency, report)


def _validate(request: Request) -> None:
    from flowship.etl.schemas import SCHEMAS

    if request.colour not in SCHEMAS:
        close = get_close_matches(request.colour.lower(), SCHEMAS, n=2)
        hint = (
            f"did you mean {' or '.join(close)}?"
            if close
            else f"choose one of: {', '.join(SCHEMAS)}"
        )
        raise UsageError(
            f"unknown colour {request.colour!r}", code="unknown-colour", hint=hint, where="--colour"
        )
    if not FIRST_YEAR <= request.year <= LAST_YEAR:
        raise UsageError(
            f"no trips are published for {request.year}",
            code="year-out-of-range",
            hint=f"the first year is {FIRST_YEAR}",
            where="--year",
        )


def _open(request: Request) -> tuple[dict[int, str], Destination]:
    """The address of each month, and the opened destination.

    Raises:
        ConfigError: No month could be read from the source or written to the destination.
    """
    from flowship.etl import errors
    from flowship.etl.destination import open_destination
    from flowship.etl.source import check_address, month_addresses

    try:
        addresses = month_addresses(request.source, request.colour, request.year, request.months)
        for address in addresses.values():
            check_address(address)
        # Someone who types this command in a container's shell can still copy the files out of it,
        # so a folder inside a container is accepted.
        return addresses, open_destination(request.destination, contained=lambda: False)
    except errors.EtlError as exc:
        where = "--to" if isinstance(exc, errors.DestinationError) else "--source"
        raise ConfigError(exc.message, code=exc.code, hint=exc.hint, where=where) from exc


def failure(results: list[MonthResult]) -> RunFailedError | None:
    """The error (exit code 8) if months failed; None if all are at their destination."""
    failed = [result for result in results if result.outcome == "failed"]
    if not failed:
        return None
    return RunFailedError(
        f"{len(failed)} of {len(results)} months failed",
        code="months-failed",
        details="\n".join(f"{result.label}: {result.reason}" for result in failed),
        hint="fix the cause and run the command again: months that are already loaded are skipped",
    )


def as_json(results: list[MonthResult]) -> dict[str, Any]:
    """The months, and how many had each outcome."""
    outcomes = [result.outcome for result in results]
    counts = {name: outcomes.count(name) for name in ("written", "unchanged", "failed")}
    return {"months": results, **counts}
