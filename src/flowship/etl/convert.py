"""The stages in a line: the bytes of a published month in, a Parquet file out.

    network → gunzip → blocks of lines → typed batches → row groups → Parquet file

Network, gunzip, parsing, collecting and writing run in threads of their own; between them are
short queues, so a month is never whole in memory.
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

from flowship.etl.clean import (
    Cleaned,
    CsvCleaner,
    ParquetCleaner,
    Reject,
    blocks,
    missing_columns,
    read_header,
    unknown_columns,
)
from flowship.etl.errors import DestinationError, SourceError, StoppedError, TooManyRejectsError
from flowship.etl.gunzip import MAGIC as GZIP_MAGIC
from flowship.etl.gunzip import gunzip
from flowship.etl.parquet import Period, open_writer, row_groups
from flowship.etl.schemas import TripSchema
from flowship.etl.source import Fingerprint, Stream
from flowship.etl.stages import background, ordered_map

MAX_REJECTS = 100
"""Rows of a month that may be set aside before the month fails."""

PARQUET_MAGIC = b"PAR1"
AHEAD = 8  # items that wait between two stages
PARQUET_BATCH = 65_536  # rows

Opened = tuple[list[str], Iterator[Cleaned]]


@dataclass
class Progress:
    """How far a month is: one object, growing.

    Attributes:
        label: Which month, for people.
        size: Bytes of the published file, where the source says.
        received: Bytes of it that have arrived.
        rows: Rows read.
        note: What happens besides, as a line; empty most of the time.
        outcome: How it ended; empty until then.
    """

    label: str = ""
    size: int | None = None
    received: int = 0
    rows: int = 0
    note: str = ""
    outcome: str = ""


Report = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """A report that nobody hears."""


@dataclass(frozen=True)
class Converted:
    """What was found on the way.

    Attributes:
        fingerprint: The published file's; with a hash of its content where only that tells.
        rejects: Rows set aside.
        missing: Columns of the schema that the source does not have; they are empty.
        unknown: Columns of the source that the schema does not have; they are left out.
    """

    fingerprint: Fingerprint
    rejects: list[Reject]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass
class Watch:
    """Who hears of the progress, and who may end it.

    Attributes:
        progress: How far it is.
        report: Is told after each block, from one of the stages' threads.
        stop: Set by whoever wants the month to end without a result.
    """

    progress: Progress
    report: Report = silent
    stop: threading.Event | None = None

    def chunks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Count the bytes that arrive."""
        for chunk in chunks:
            self.progress.received += len(chunk)
            yield chunk

    def rows(self, count: int) -> None:
        """Count the rows that were read.

        Raises:
            StoppedError: The month is to end.
        """
        if self.stop is not None and self.stop.is_set():
            raise StoppedError(f"{self.progress.label}: stopped before its end")
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
        stream: CSV in gzip, plain CSV, or Parquet; its first bytes tell which.
        target: The Parquet file to write.
        schema: What the trips become.
        period: The month that they are of; others come last in the file.
        max_rejects: Rows that may be set aside.
        watch: Who hears of the progress.

    Raises:
        SourceError: Truncated, no trip file of this colour, or too many bad rows, or no others.
        DestinationError: There is no room for the file.
    """
    watch = watch or Watch(Progress())
    digest = None if stream.fingerprint.tells else hashlib.sha256()
    rejects: list[Reject] = []
    with closing(background(watch.chunks(stream.chunks), AHEAD)) as arriving:
        chunks = _hashed(arriving, digest) if digest is not None else arriving
        with _opened(stream, chunks, schema, max_rejects) as (header, cleaned):
            trips = _set_aside(cleaned, rejects, max_rejects, stream.name, watch)
            _write(row_groups(trips, schema, period), target, schema)
    fingerprint = stream.fingerprint
    if digest is not None:
        fingerprint = replace(fingerprint, sha256=digest.hexdigest())
    return Converted(
        fingerprint, rejects, missing_columns(header, schema), unknown_columns(header, schema)
    )


@contextmanager
def _opened(
    stream: Stream, chunks: Iterator[bytes], schema: TripSchema, most: int
) -> Iterator[Opened]:
    """The file's column names and its cleaned blocks, whatever kind of file it is."""
    first = next(chunks, b"")
    chunks = _again(first, chunks)
    opened = _open_parquet if first.startswith(PARQUET_MAGIC) else _open_csv
    if first.startswith(GZIP_MAGIC):
        chunks = gunzip(chunks, stream.name)
    with opened(stream, chunks, schema, most) as found:
        yield found


@contextmanager
def _open_csv(
    stream: Stream, chunks: Iterator[bytes], schema: TripSchema, most: int
) -> Iterator[Opened]:
    with closing(background(chunks, AHEAD)) as plain:
        header, begin = read_header(plain, stream.name)
        cleaner = CsvCleaner(header, schema, most)
        with closing(ordered_map(cleaner, blocks(begin, plain), parsers())) as cleaned:
            yield header, cleaned


@contextmanager
def _open_parquet(
    stream: Stream, chunks: Iterator[bytes], schema: TripSchema, _most: int
) -> Iterator[Opened]:
    # Its index is at its end, so it is put on the disk first where it is not there already.
    with TemporaryDirectory(prefix="flowship-etl-") as temporary:
        path = stream.path or _spool(chunks, Path(temporary) / "published.parquet")
        try:
            file = pq.ParquetFile(path)
        except (pa.ArrowInvalid, OSError) as exc:
            raise SourceError(f"{stream.name} cannot be read: {exc}") from exc
        with file:
            cleaner = ParquetCleaner(file.schema_arrow.names, schema)
            batches = _parquet_batches(file, cleaner.columns, stream.name)
            with closing(background(map(cleaner, batches), 2)) as cleaned:
                yield file.schema_arrow.names, cleaned


def _parquet_batches(
    file: pq.ParquetFile, columns: list[str], name: str
) -> Iterator[pa.RecordBatch]:
    try:
        yield from file.iter_batches(PARQUET_BATCH, columns=columns, use_threads=False)
    except (pa.ArrowInvalid, OSError) as exc:
        raise SourceError(f"{name} cannot be read: {exc}") from exc


def _spool(chunks: Iterable[bytes], path: Path) -> Path:
    with path.open("wb") as file:
        for chunk in chunks:
            try:
                file.write(chunk)
            except OSError as exc:
                raise DestinationError(f"{path.parent} cannot be written: {exc}") from exc
    return path


def _set_aside(
    cleaned: Iterable[Cleaned], rejects: list[Reject], most: int, name: str, watch: Watch
) -> Iterator[pa.RecordBatch]:
    """Let the trips pass and keep the rejected rows, as long as they are few and not all."""
    read = 0
    for block in cleaned:
        rejects += block.rejects
        if len(rejects) > most:
            raise TooManyRejectsError(
                f"{name}: more than {most} rows cannot be read; the first:\n{_shown(rejects)}",
                hint="allow more with max_rejects (--max-rejects) if they may be left out",
            )
        read += block.read
        watch.rows(block.read)
        yield from block.batches
    if rejects and len(rejects) == read:
        raise TooManyRejectsError(
            f"{name}: none of its {read} rows can be read; the first:\n{_shown(rejects)}",
            hint="look at the source: max_rejects (--max-rejects) is for some rows, not for all",
        )


def _shown(rejects: list[Reject]) -> str:
    """The first rejected rows, for a message."""
    return "\n".join(f"  line {r.line}: {r.reason[:120]}: {r.text[:120]}" for r in rejects[:3])


def _write(tables: Iterator[pa.Table], target: Path, schema: TripSchema) -> None:
    try:
        with open_writer(target, schema) as writer, closing(background(tables, 1)) as ready:
            for table in ready:
                writer.write_table(table, row_group_size=table.num_rows)
    except OSError as exc:  # a full disk; whatever the source raises has been translated
        raise DestinationError(f"{target.parent} cannot be written: {exc}") from exc


def _again(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from chunks


def _hashed(chunks: Iterator[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def parsers() -> int:
    """Threads that parse: one for each core that this process may use, up to four."""
    if hasattr(os, "sched_getaffinity"):
        return min(4, len(os.sched_getaffinity(0)))
    return min(4, os.cpu_count() or 1)
