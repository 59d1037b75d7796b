"""Loads one month, or several, from the source to the destination.

Prefect is not used here: the flow, the command line and a notebook call the same functions.
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
from flowship.etl.destination import Destination, object_key, sidecar_key
from flowship.etl.errors import EtlError, SourceError, as_etl_error
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
from flowship.etl.source import Fingerprint, Stream, open_source, redacted


@dataclass(frozen=True)
class MonthJob:
    """One month to load.

    Attributes:
        colour: Which taxis.
        year: The year.
        month: The month, 1 to 12.
        address: Where it is published.
        force: Load it even if nothing changed.
        max_rejects: Rows that may be rejected.
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
        """The key it is stored under."""
        return object_key(self.colour, self.year, self.month)


def load_month(
    job: MonthJob,
    destination: Destination,
    report: Report = silent,
    stop: threading.Event | None = None,
) -> MonthResult:
    """Load one month, unless it is at the destination and nothing changed.

    Args:
        job: The month to load.
        destination: Where to write it.
        report: Receives the progress, from the threads of the stages.
        stop: When set, the month ends with a `StoppedError`.

    Raises:
        EtlError: The month cannot be loaded; the destination still holds what it held before.
    """
    began = time.monotonic()
    watch = Watch(Progress(job.label), report, stop)
    before = _before(job, destination)
    with open_source(job.address, before.reusable, watch.note, stop) as stream:
        written = None if stream.unchanged else _write(job, stream, destination, watch, before)
    if written is None:
        assert before.result is not None, "only a month that was written can be unchanged"
        return _unchanged(before.result, began)
    result = replace(
        _result(job, written),
        rejects=_store_rejects(destination, job.key, written.converted.rejects, before.result),
        rows_read=watch.progress.rows,
        source_bytes=watch.progress.received,
        seconds=round(time.monotonic() - began, 3),
    )
    manifest = Manifest(written.converted.fingerprint, code_version(), result)
    write_manifest(destination, job.key, manifest)
    return result


@dataclass(frozen=True)
class _Written:
    """A month that is at its destination."""

    converted: Converted
    contents: Contents
    where: str


def _write(
    job: MonthJob,
    stream: Stream,
    destination: Destination,
    watch: Watch,
    before: _Before,
) -> _Written | None:
    """Convert the month and store it; None if its content is the same as before."""
    watch.progress.size = stream.fingerprint.size
    schema = SCHEMAS[job.colour]
    with destination.staging(job.key) as part, destination.uploading(part, job.key) as finish:
        converted = convert(
            stream,
            part,
            schema,
            period=Period.around(job.year, job.month),
            max_rejects=job.max_rejects,
            watch=watch,
        )
        if converted.fingerprint == before.reusable:
            return None
        if before.result and before.result.rows and not watch.progress.rows:
            raise SourceError(
                f"{stream.name} has a header but no trips, and the month had trips before",
                code="source-empty",
                hint="check the source; if it is correct, delete the month at its destination",
            )
        return _Written(converted, contents(part, schema), finish())


def load_months(
    jobs: list[MonthJob], destination: Destination, concurrency: int = 2, report: Report = silent
) -> list[MonthResult]:
    """Load several months in parallel; one that fails does not stop the others.

    Args:
        jobs: The months.
        destination: Where to write them.
        concurrency: How many to load in parallel.
        report: Receives the progress of each month, from several threads.

    Returns:
        The result of each month, in the order of the jobs. An interrupt ends all of them without
        a result.
    """
    stop = threading.Event()

    def load(job: MonthJob) -> MonthResult:
        try:
            result = load_month(job, destination, report, stop)
        except Exception as exc:  # noqa: BLE001  # no failure of a month may end the others
            result = failed(job, as_etl_error(exc))
        size = result.source_bytes
        report(Progress(job.label, size, size, result.rows, outcome=result.outcome))
        return result

    with ThreadPoolExecutor(concurrency) as pool:
        futures = [pool.submit(load, job) for job in jobs]
        try:
            return [future.result() for future in futures]
        except BaseException:  # Ctrl-C: no further month starts, and the running ones stop
            stop.set()
            for future in futures:
                future.cancel()
            raise


def failed(job: MonthJob, error: EtlError) -> MonthResult:
    """The result of a month that could not be loaded."""
    return MonthResult(
        job.colour,
        job.year,
        job.month,
        "failed",
        reason=str(error),
        code=error.code,
        source=redacted(job.address),
    )


@dataclass(frozen=True)
class _Before:
    """What an earlier run left at the destination.

    Attributes:
        result: The result of that run, if there was one.
        reusable: The state of the source with which the stored month is still valid.
    """

    result: MonthResult | None = None
    reusable: Fingerprint | None = None


def _before(job: MonthJob, destination: Destination) -> _Before:
    manifest = read_manifest(destination, job.key)
    if manifest is None:
        return _Before()
    result = manifest.result
    reusable = (
        not job.force
        and manifest.code == code_version()
        and result.source == redacted(job.address)
        and result.rejected <= job.max_rejects
        and destination.holds(job.key, result.size)
    )
    return _Before(result, manifest.fingerprint if reusable else None)


def _unchanged(before: MonthResult, began: float) -> MonthResult:
    return replace(
        before,
        outcome="unchanged",
        reason="neither the source nor the code has changed",
        seconds=round(time.monotonic() - began, 3),
    )


def _result(job: MonthJob, written: _Written) -> MonthResult:
    converted, found = written.converted, written.contents
    return MonthResult(
        colour=job.colour,
        year=job.year,
        month=job.month,
        outcome="written",
        where=written.where,
        rows=found.rows,
        rejected=len(converted.rejects),
        nulls=found.nulls,
        first_pickup=found.first_pickup.isoformat() if found.first_pickup else "",
        last_pickup=found.last_pickup.isoformat() if found.last_pickup else "",
        missing=converted.missing,
        unknown=converted.unknown,
        source=redacted(job.address),
        size=found.size,
        row_groups=found.row_groups,
    )


def _store_rejects(
    destination: Destination, key: str, rejects: list[Reject], before: MonthResult | None
) -> str:
    """Store the rejected rows next to the month, in place of those of an earlier run."""
    if not rejects and not (before and before.rejected):
        return ""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["line", "reason", "row"])
    table.writerows([reject.line, reject.reason, reject.text] for reject in rejects)
    where = write_text(destination, sidecar_key(key, "rejects.csv"), text.getvalue())
    return where if rejects else ""
