"""Connects the stages: reads the bytes of a published month and writes a Parquet file.

    network → gunzip → blocks of lines → typed batches → row groups → Parquet file

Network, gunzip, parsing, collecting and writing run in separate threads with short queues between
them, so a month is never in memory as a whole.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from flowship.etl import formats
from flowship.etl.clean import (
    Cleaned,
    CsvCleaner,
    ParquetCleaner,
    Reject,
    Rows,
    blocks,
    read_header,
)
from flowship.etl.columns import SHOWN, missing_columns, unknown_columns
from flowship.etl.errors import (
    DestinationError,
    SourceError,
    StoppedError,
    TooManyRejectsError,
    printable,
)
from flowship.etl.gunzip import gunzip
from flowship.etl.parquet import Period, open_writer, row_groups
from flowship.etl.schemas import TripSchema
from flowship.etl.source import Fingerprint, Stream
from flowship.etl.stages import background, ordered_map

MAX_REJECTS = 100
"""Rows of a month that may be rejected before the month fails."""

AHEAD = 8  # items in the queue between two stages
PARQUET_BATCH = 65_536  # rows


@dataclass(frozen=True)
class _Opened:
    """A file's column names, its cleaned blocks, and what cleans them."""

    header: list[str]
    cleaned: Iterator[Cleaned]
    cleaner: CsvCleaner | ParquetCleaner


@dataclass
class Progress:
    """The progress of a month: one object that is updated.

    Attributes:
        label: The month, for people.
        size: Bytes of the published file, if the source reports them.
        received: Bytes that have arrived.
        rows: Rows that were read.
        note: A line about an event such as a retry; empty most of the time.
        outcome: How the month ended; empty until then.
    """

    label: str = ""
    size: int | None = None
    received: int = 0
    rows: int = 0
    note: str = ""
    outcome: str = ""


Report = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """A report that does nothing."""


@dataclass(frozen=True)
class Converted:
    """What was found while a month was converted.

    Attributes:
        fingerprint: The published file's, with a hash of its content if nothing else identifies it.
        rejects: Rows that could not be read.
        missing: Columns of the schema that the source does not have; they are empty.
        unknown: Columns of the source that the schema does not have; they are dropped.
    """

    fingerprint: Fingerprint
    rejects: list[Reject]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass
class Watch:
    """Reports the progress of a month, and can stop it.

    Attributes:
        progress: The progress so far.
        report: Called after each block, from the thread of one of the stages.
        stop: When set, the month ends without a result.
    """

    progress: Progress
    report: Report = silent
    stop: threading.Event | None = None

    def chunks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Count the bytes that arrive."""
        for chunk in chunks:
            self.progress.received += len(chunk)
            yield chunk

    def note(self, line: str) -> None:
        """Report an event in words."""
        self.report(replace(self.progress, note=line))

    def rows(self, count: int) -> None:
        """Count the rows that were read.

        Raises:
            StoppedError: `stop` is set.
        """
        if self.stop is not None and self.stop.is_set():
            raise StoppedError(f"{self.progress.label}: stopped before it was complete")
        self.progress.rows += count
        self.report(self.progress)


def convert(
    stream: Stream,
    target: Path,
    schema: TripSchema,
    *,
    period: Period | None = None,
    max_rejects: int = MAX_REJECTS,
    watch: Watch | None = None,
) -> Converted:
    """Turn a published month into a Parquet file, in one pass.

    Args:
        stream: CSV in gzip, plain CSV, or Parquet; its first bytes show which.
        target: The Parquet file to write.
        schema: The schema of the trips.
        period: The month that the file is about; other trips come last in the file.
        max_rejects: Rows that may be rejected.
        watch: Receives the progress.

    Raises:
        SourceError: The file is truncated or not a file of trips of this colour, or too many of
            its rows, or all of them, cannot be read.
        DestinationError: The disk is full.
    """
    watch = watch or Watch(Progress())
    digest = None if stream.fingerprint.identifies else hashlib.sha256()
    rejects: list[Reject] = []
    with closing(background(watch.chunks(stream.chunks), AHEAD)) as arriving:
        chunks = _hashed(arriving, digest) if digest is not None else arriving
        with _opened(stream, chunks, schema, max_rejects) as opened:
            trips = _keep_rejects(opened.cleaned, rejects, max_rejects, stream.name, watch)
            _write(row_groups(trips, schema, period), target, schema)
    if opened.cleaner.zoned:
        watch.note("times with a time zone were converted to New York time")
    fingerprint = stream.fingerprint
    if digest is not None:
        fingerprint = replace(fingerprint, sha256=digest.hexdigest())
    header = opened.header
    return Converted(
        fingerprint, rejects, missing_columns(header, schema), unknown_columns(header, schema)
    )


@contextmanager
def _opened(
    stream: Stream, chunks: Iterator[bytes], schema: TripSchema, most: int
) -> Iterator[_Opened]:
    """The file's column names and its cleaned blocks, for each kind of file."""
    begin = _first_bytes(chunks)
    chunks = _prepend(begin, chunks)
    if begin.startswith(formats.PARQUET):
        with _open_parquet(stream, chunks, schema, most) as opened:
            yield opened
        return
    if begin.startswith(formats.GZIP):
        chunks = gunzip(chunks, stream.name)
        begin = _first_bytes(chunks)
        chunks = _prepend(begin, chunks)
        formats.refuse_other_format(begin, stream.name, packed=True)
    else:
        formats.refuse_other_format(begin, stream.name)
    with _open_csv(stream, chunks, schema, most) as opened:
        yield opened


def _first_bytes(chunks: Iterator[bytes]) -> bytes:
    """Take enough bytes to recognize the format; a download may arrive in small pieces."""
    begin = b""
    while len(begin) < formats.ENOUGH and (chunk := next(chunks, b"")):
        begin += chunk
    return begin


@contextmanager
def _open_csv(
    stream: Stream, chunks: Iterator[bytes], schema: TripSchema, most: int
) -> Iterator[_Opened]:
    with closing(background(chunks, AHEAD)) as plain:
        header, begin = read_header(plain, stream.name)
        cleaner = CsvCleaner(header, schema, most)
        with closing(ordered_map(cleaner, blocks(begin, plain), parsers())) as cleaned:
            yield _Opened(header, cleaned, cleaner)


@contextmanager
def _open_parquet(
    stream: Stream, chunks: Iterator[bytes], schema: TripSchema, most: int
) -> Iterator[_Opened]:
    # The index of a Parquet file is at its end, so a download is first stored on the disk.
    with TemporaryDirectory(prefix="flowship-etl-") as temporary:
        path = stream.path or _spool(chunks, Path(temporary) / "published.parquet")
        try:
            file = pq.ParquetFile(path)
        except (pa.ArrowInvalid, OSError) as exc:
            raise SourceError(
                f"{stream.name} cannot be read: {exc}", code="source-damaged"
            ) from exc
        with file:
            cleaner = ParquetCleaner(file.schema_arrow, schema, most)
            batches = _parquet_batches(file, cleaner.columns, stream.name)
            with closing(background(map(cleaner, batches), 2)) as cleaned:
                yield _Opened(file.schema_arrow.names, cleaned, cleaner)


def _parquet_batches(file: pq.ParquetFile, columns: list[str], name: str) -> Iterator[Rows]:
    row = 1
    try:
        for batch in file.iter_batches(PARQUET_BATCH, columns=columns, use_threads=False):
            yield Rows(row, batch)
            row += batch.num_rows
    except (pa.ArrowInvalid, OSError) as exc:
        raise SourceError(f"{name} cannot be read: {exc}", code="source-damaged") from exc


def _spool(chunks: Iterable[bytes], path: Path) -> Path:
    with path.open("wb") as file:
        for chunk in chunks:
            try:
                file.write(chunk)
            except OSError as exc:
                raise DestinationError(
                    f"{path.parent} cannot be written: {exc}", code="destination-unwritable"
                ) from exc
    return path


def _keep_rejects(
    cleaned: Iterable[Cleaned], rejects: list[Reject], most: int, name: str, watch: Watch
) -> Iterator[pa.RecordBatch]:
    """Pass on the trips and collect the rejected rows; fail if they are too many, or all rows."""
    read = 0
    for block in cleaned:
        rejects += block.rejects
        read += block.read
        if len(rejects) > most and len(rejects) < read:
            raise TooManyRejectsError(
                f"{name}: more than {most} rows cannot be read; the first ones:\n{_first(rejects)}",
                hint=_advice(rejects, read),
            )
        if len(rejects) > most:
            raise _none_readable(name, f"the first {read}", rejects)
        watch.rows(block.read)
        yield from block.batches
    if rejects and len(rejects) == read:
        raise _none_readable(name, f"its {read}", rejects)


def _none_readable(name: str, rows: str, rejects: list[Reject]) -> TooManyRejectsError:
    return TooManyRejectsError(
        f"{name}: none of {rows} rows can be read; the first ones:\n{_first(rejects)}",
        hint=_advice(rejects, len(rejects)),
    )


def _first(rejects: list[Reject]) -> str:
    """The first rejected rows, for a message; a line each, whatever is in them."""
    return "\n".join(
        f"  line {r.line}: {printable(r.reason[:SHOWN])}: {printable(r.text[:SHOWN])}"
        for r in rejects[:3]
    )


def _advice(rejects: list[Reject], read: int) -> str:
    """What to do about rejected rows: allow them if they are few, or else remove their cause."""
    if len(rejects) * 2 < read:
        return "if these rows can be dropped, allow more with max_rejects (--max-rejects)"
    cures = {reject.cure for reject in rejects}
    if len(cures) == 1:
        return cures.pop()
    return (
        "most rows do not fit the header, so allowing more of them does not help: repair the file"
    )


def _write(tables: Iterator[pa.Table], target: Path, schema: TripSchema) -> None:
    try:
        with open_writer(target, schema) as writer, closing(background(tables, 1)) as ready:
            for table in ready:
                writer.write_table(table, row_group_size=table.num_rows)
    except OSError as exc:  # a full disk; errors of the source have been translated before
        raise DestinationError(
            f"{target.parent} cannot be written: {exc}", code="destination-unwritable"
        ) from exc


def _prepend(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from chunks


def _hashed(chunks: Iterator[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def parsers() -> int:
    """The number of threads that parse: one for each core this process may use, up to four."""
    if hasattr(os, "sched_getaffinity"):
        return min(4, len(os.sched_getaffinity(0)))
    return min(4, os.cpu_count() or 1)
