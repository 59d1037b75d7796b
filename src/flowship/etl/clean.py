"""From a month as published to a month as it should be: CSV in, Parquet out, in a stream.

The month is never whole in memory: batches of some hundred thousand rows are read, cleaned
and written one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from flowship.etl.errors import SourceError
from flowship.etl.schemas import TripSchema

BLOCK = 16 << 20
"""Bytes of CSV read at a time; one block becomes one row group of roughly 170,000 trips."""

_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Converted:
    """What became of a month.

    Attributes:
        rows: Trips written.
        size: Bytes of the Parquet file.
        missing: Columns of the schema that the source does not have; they are empty.
        unknown: Columns of the source that the schema does not have; they are left out.
    """

    rows: int
    size: int
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def convert(source: Path, target: Path, schema: TripSchema) -> Converted:
    """Read the CSV file `source` (gzip or plain) and write it as the Parquet file `target`.

    Every trip is kept, in its order, odd ones too; only their types are made right.

    Raises:
        SourceError: `source` is truncated, is no trip file of this colour, or has a value
            that its column's type cannot hold.
    """
    header = read_header(source)
    columns = match_columns(header, schema)
    rows = 0
    with pq.ParquetWriter(target, schema.table, compression="zstd") as writer:
        for batch in read_batches(source, columns, schema):
            writer.write_batch(batch)
            rows += batch.num_rows
    return Converted(
        rows=rows,
        size=target.stat().st_size,
        missing=tuple(name for name in schema.table.names if columns[name] not in header),
        unknown=tuple(name for name in header if name not in columns.values()),
    )


def read_header(source: Path) -> list[str]:
    """The column names of a CSV file, exactly as it writes them."""
    with _blaming(source), _open(source) as stream:
        first = stream.read(1 << 16).partition(b"\n")[0]
    text: str = first.decode("utf-8-sig", errors="replace")
    return [name.strip('"') for name in text.rstrip("\r").split(",")]


def match_columns(header: list[str], schema: TripSchema) -> dict[str, str]:
    """Which column of the file holds which column of the schema.

    Names are compared without case and surrounding blanks, which changed over the years.

    Returns:
        Name in the schema → name in the file (the schema's own where the file has none).

    Raises:
        SourceError: The pickup or the drop-off time is missing: this is another kind of file.
    """
    found = {name.strip().lower(): name for name in header}
    columns = {name: found.get(name.lower(), name) for name in schema.table.names}
    for name in (schema.pickup, schema.dropoff):
        if columns[name] not in header:
            raise SourceError(
                f"there is no column {name}; the file begins with {','.join(header)[:120]!r}",
                hint="check that the colour and the source address belong together",
            )
    return columns


def read_batches(
    source: Path, columns: dict[str, str], schema: TripSchema
) -> Iterator[pa.RecordBatch]:
    """The trips of a CSV file, cleaned, batch by batch."""
    types = {columns[field.name]: _csv_type(field.type) for field in schema.table}
    options = pa_csv.ConvertOptions(
        column_types=types,
        include_columns=list(types),
        include_missing_columns=True,
        strings_can_be_null=True,
    )
    with _open(source) as stream:
        with _blaming(source):
            reader = pa_csv.open_csv(
                stream,
                read_options=pa_csv.ReadOptions(block_size=BLOCK),
                convert_options=options,
            )
        while True:
            with _blaming(source):
                try:
                    batch = clean(reader.read_next_batch(), schema)
                except StopIteration:
                    return
            yield batch


def clean(batch: pa.RecordBatch, schema: TripSchema) -> pa.RecordBatch:
    """Bring a batch to the schema's names and types. The place for cleaning of your own.

    Args:
        batch: Columns in the schema's order; whole numbers may still be floats.
        schema: What the batch becomes.
    """
    arrays = [
        array.cast(field.type) for array, field in zip(batch.columns, schema.table, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.table)


def _csv_type(target: pa.DataType) -> pa.DataType:
    # Some months write whole numbers as 1.0, because a missing value made them floats once.
    return pa.float64() if pa.types.is_integer(target) else target


def _open(source: Path) -> pa.NativeFile:
    with source.open("rb") as file:
        zipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return pa.input_stream(str(source), compression="gzip" if zipped else None)


@contextmanager
def _blaming(source: Path) -> Iterator[None]:
    """Say which file it is that cannot be read."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as exc:
        raise SourceError(f"{source.name} cannot be read: {exc}") from exc
