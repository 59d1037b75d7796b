"""One month, from where it is published to where it belongs; and several of them.

Nothing here knows Prefect: the flow, the command line and a notebook call the same functions.
"""

from __future__ import annotations

import csv
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from flowship.etl.clean import Reject
from flowship.etl.convert import MAX_REJECTS, Converted, Progress, Report, Watch, convert, silent
from flowship.etl.destination import Destination, beside, object_key
from flowship.etl.errors import EtlError, SourceError
from flowship.etl.manifest import (
    Manifest,
    MonthResult,
    code_version,
    read_manifest,
    write_manifest,
    write_text,
)
from flowship.etl.parquet import Contents, Period, contents
from flowship.etl.schemas import SCHEMAS
from flowship.etl.source import Fingerprint, Tell, open_source, shown


@dataclass(frozen=True)
class MonthJob:
    """One month to load.

    Attributes:
        colour: Which taxis.
        year: The year.
        month: The month, 1 to 12.
        address: Where it is published.
        force: Load it though nothing changed.
        max_rejects: Rows that may be set aside.
    """

    colour: str
    year: int
    month: int
    address: str
    force: bool = False
    max_rejects: int = MAX_REJECTS

    @property
    def label(self) -> str:
        """``green 2021-02``."""
        return f"{self.colour} {self.year}-{self.month:02}"

    @property
    def key(self) -> str:
        """The name it is stored under."""
        return object_key(self.colour, self.year, self.month)


def load_month(
    job: MonthJob,
    destination: Destination,
    report: Report = silent,
    stop: threading.Event | None = None,
) -> MonthResult:
    """Load one month, unless it is there and nothing changed.

    Args:
        job: Which month, from where.
        destination: Where it goes.
        report: Hears how far it is, from one of the stages' threads.
        stop: When set, the month ends with a `StoppedError`.

    Raises:
        EtlError: The month cannot be loaded; what the destination held of it, it still holds.
    """
    began = time.monotonic()
    watch = Watch(Progress(job.label), report, stop)
    before = read_manifest(destination, job.key)
    known = _known(before, job, destination)
    with open_source(job.address, known, _teller(watch), stop) as stream:
        if stream.unchanged and before:
            return _unchanged(before.result, began)
        watch.progress.size = stream.fingerprint.size
        with destination.staging(job.key) as part, destination.sending(part, job.key) as finish:
            converted = convert(
                stream,
                part,
                SCHEMAS[job.colour],
                period=Period.around(job.year, job.month),
                max_rejects=job.max_rejects,
                watch=watch,
            )
            if before and converted.fingerprint == known:
                return _unchanged(before.result, began)
            found = contents(part, SCHEMAS[job.colour])
            if before and before.result.rows and not watch.progress.rows:
                raise SourceError(
                    f"{stream.name} has a header and no trips, and the month had some",
                    hint="look at the source; delete the month at its destination if that is right",
                )
            where = finish()
    result = replace(
        _described(job, converted, found),
        where=where,
        rejects=_store_rejects(destination, job.key, converted.rejects, before),
        rows_read=watch.progress.rows,
        source_bytes=watch.progress.received,
        seconds=round(time.monotonic() - began, 3),
    )
    write_manifest(destination, job.key, Manifest(converted.fingerprint, code_version(), result))
    return result


def load_months(
    jobs: list[MonthJob], destination: Destination, concurrency: int = 2, report: Report = silent
) -> list[MonthResult]:
    """Load months, several at a time; one that fails does not stop the others.

    Args:
        jobs: The months.
        destination: Where they go.
        concurrency: How many at a time.
        report: Hears how far each is, from several threads.

    Returns:
        What became of each, in their order; an interrupt ends them all without a result.
    """
    stop = threading.Event()

    def load(job: MonthJob) -> MonthResult:
        try:
            result = load_month(job, destination, report, stop)
        except EtlError as exc:
            result = failed(job, str(exc))
        size = result.source_bytes
        report(Progress(job.label, size, size, result.rows, outcome=result.outcome))
        return result

    with ThreadPoolExecutor(concurrency) as pool:
        futures = [pool.submit(load, job) for job in jobs]
        try:
            return [future.result() for future in futures]
        except BaseException:  # Ctrl-C: months not begun do not begin, the others end early
            stop.set()
            for future in futures:
                future.cancel()
            raise


def failed(job: MonthJob, reason: str) -> MonthResult:
    """The result of a month that could not be loaded."""
    return MonthResult(
        job.colour, job.year, job.month, "failed", reason=reason, source=shown(job.address)
    )


def _known(before: Manifest | None, job: MonthJob, destination: Destination) -> Fingerprint | None:
    """The state of the source that needs no loading, if there is one."""
    if before is None or job.force or before.code != code_version():
        return None
    if before.result.source != shown(job.address) or before.result.rejected > job.max_rejects:
        return None
    return before.fingerprint if destination.holds(job.key, before.result.size) else None


def _unchanged(before: MonthResult, began: float) -> MonthResult:
    return replace(
        before,
        outcome="unchanged",
        reason="source and code are as they were when it was written",
        seconds=round(time.monotonic() - began, 3),
    )


def _teller(watch: Watch) -> Tell:
    def tell(line: str) -> None:
        watch.report(replace(watch.progress, note=line))

    return tell


def _described(job: MonthJob, converted: Converted, found: Contents) -> MonthResult:
    return MonthResult(
        colour=job.colour,
        year=job.year,
        month=job.month,
        outcome="written",
        rows=found.rows,
        rejected=len(converted.rejects),
        nulls=found.nulls,
        first_pickup=found.first_pickup.isoformat() if found.first_pickup else "",
        last_pickup=found.last_pickup.isoformat() if found.last_pickup else "",
        missing=converted.missing,
        unknown=converted.unknown,
        source=shown(job.address),
        size=found.size,
        row_groups=found.row_groups,
    )


def _store_rejects(
    destination: Destination, key: str, rejects: list[Reject], before: Manifest | None
) -> str:
    """Keep the rows set aside beside the month; those of an earlier run are replaced."""
    if not rejects and not (before and before.result.rejected):
        return ""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["line", "reason", "row"])
    table.writerows([reject.line, reject.reason, reject.text] for reject in rejects)
    where = write_text(destination, beside(key, "rejects.csv"), text.getvalue())
    return where if rejects else ""
