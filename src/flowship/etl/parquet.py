"""Writes typed batches to a Parquet file, and reads its footer."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flowship.etl.schemas import TripSchema

ROW_GROUP = 65_536
"""Trips in a row group: a day and a half of a small month, a quarter of a day of a large one. A
query for a day then reads little, because the statistics hold the first and the last pickup."""

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Contents:
    """What the footer of a Parquet file of trips says.

    Attributes:
        rows: Trips.
        size: Bytes of the file.
        row_groups: Its row groups.
        nulls: Missing values in each column.
        first_pickup: The earliest pickup; None for a month without trips.
        last_pickup: The latest pickup.
    """

    rows: int
    size: int
    row_groups: int
    nulls: dict[str, int]
    first_pickup: datetime | None
    last_pickup: datetime | None


@dataclass(frozen=True)
class Period:
    """The pickup times that a month's file is about: from `first` on, and before `end`."""

    first: datetime
    end: datetime

    @classmethod
    def around(cls, year: int, month: int) -> Period:
        """A month with one more day on each side, because trips at midnight are in either file."""
        first = datetime(year, month, 1)
        following = datetime(year + month // 12, month % 12 + 1, 1)
        return cls(first - DAY, following + DAY)

    def split(self, batch: pa.RecordBatch, pickup: str) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Split into trips of the period (or without a pickup time) and all others."""
        times = batch.column(pickup)
        since = pc.greater_equal(times, _scalar(self.first))
        within = pc.or_kleene(pc.and_(since, pc.less(times, _scalar(self.end))), times.is_null())
        if pc.all(within).as_py():
            return batch, batch.slice(0, 0)
        return batch.filter(within), batch.filter(pc.invert(within))


def _scalar(moment: datetime) -> pa.Scalar:
    """A wall-clock time, made from bytes: for a Python value pyarrow would import pandas, which
    takes longer than loading a small month."""
    content = struct.pack("=q", (moment - EPOCH) // timedelta(microseconds=1))
    return pa.Array.from_buffers(pa.timestamp("us"), 1, [None, pa.py_buffer(content)])[0]


def row_groups(
    batches: Iterable[pa.RecordBatch],
    schema: TripSchema,
    period: Period | None = None,
    rows: int | None = None,
) -> Iterator[pa.Table]:
    """Join and split batches into tables of exactly `rows` trips; the last ones have the rest.

    The order is kept, but trips outside `period` get groups of their own, which come last (or as
    soon as they are full). Published months have a few hundred trips from other years, and a
    single one would make the first and last pickup of its group meaningless.

    Args:
        batches: Batches of the schema, in order.
        schema: Names the column with the pickup time.
        period: The month that the file is about; None keeps the order of all trips.
        rows: Trips in a table; `ROW_GROUP` by default.
    """
    size = ROW_GROUP if rows is None else rows
    main, strays = _Group(size), _Group(size)
    for batch in batches:
        within, without = period.split(batch, schema.pickup) if period else (batch, None)
        yield from main.add(within)
        if without:
            yield from strays.add(without)
    yield from main.rest()
    yield from strays.rest()


class _Group:
    """Collects batches until they make a row group of `size` rows."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[pa.RecordBatch] = []
        self._count = 0

    def add(self, batch: pa.RecordBatch) -> Iterator[pa.Table]:
        """Add a batch, and return the groups that are complete."""
        self._held.append(batch)
        self._count += batch.num_rows
        while self._count >= self._size:
            table = pa.Table.from_batches(self._held)
            yield table.slice(0, self._size)
            self._held = table.slice(self._size).to_batches()
            self._count -= self._size

    def rest(self) -> Iterator[pa.Table]:
        """The last group, which has fewer rows; nothing if no rows are left."""
        if self._count:
            yield pa.Table.from_batches(self._held)


def open_writer(target: Path, schema: TripSchema) -> pq.ParquetWriter:
    """A writer with the compression and the encodings of the built-in flow."""
    times = [field.name for field in schema.table if pa.types.is_timestamp(field.type)]
    return pq.ParquetWriter(
        target,
        schema.table,
        compression="zstd",
        compression_level=3,
        # Almost all times are different, so dictionaries make them larger. So does encoding their
        # differences (DELTA_BINARY_PACKED is 20 % larger, measured).
        use_dictionary=[name for name in schema.table.names if name not in times],
        write_statistics=True,
        write_page_index=True,
    )


def contents(path: Path, schema: TripSchema) -> Contents:
    """Read a file's footer, without its data."""
    footer = pq.read_metadata(path)
    nulls = dict.fromkeys(schema.table.names, 0)
    pickups: list[Any] = []
    for group in range(footer.num_row_groups):
        for index in range(footer.num_columns):
            column = footer.row_group(group).column(index)
            statistics = column.statistics
            nulls[column.path_in_schema] += statistics.null_count
            if column.path_in_schema == schema.pickup and statistics.has_min_max:
                pickups += [statistics.min, statistics.max]
    return Contents(
        rows=footer.num_rows,
        size=path.stat().st_size,
        row_groups=footer.num_row_groups,
        nulls=nulls,
        first_pickup=min(pickups, default=None),
        last_pickup=max(pickups, default=None),
    )
