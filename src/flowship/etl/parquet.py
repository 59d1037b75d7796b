"""Typed batches to a Parquet file, and what its footer says about the month."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flowship.etl.schemas import TripSchema

ROW_GROUP = 65_536
"""Trips in a row group: a day and a half of a small month, a quarter of a day of a large one,
so that a query for a day reads little. Its statistics hold the first and the last pickup."""


@dataclass(frozen=True)
class Contents:
    """What a Parquet file of trips holds.

    Attributes:
        rows: Trips.
        size: Bytes of the file.
        row_groups: Its row groups.
        nulls: Missing values in each column.
        first_pickup: The earliest pickup; None in a month without trips.
        last_pickup: The latest pickup.
    """

    rows: int
    size: int
    row_groups: int
    nulls: dict[str, int]
    first_pickup: datetime | None
    last_pickup: datetime | None


def row_groups(batches: Iterable[pa.RecordBatch], rows: int | None = None) -> Iterator[pa.Table]:
    """Join and cut batches into tables of exactly `rows` trips; the last one has the rest.

    Args:
        batches: Batches of one schema, in order.
        rows: Trips in a table; `ROW_GROUP` by default.
    """
    rows = ROW_GROUP if rows is None else rows
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= rows:
            table = pa.Table.from_batches(held)
            yield table.slice(0, rows)
            held = table.slice(rows).to_batches()
            count -= rows
    if count:
        yield pa.Table.from_batches(held)


def open_writer(target: Path, schema: TripSchema) -> pq.ParquetWriter:
    """A writer of the one kind of file we make."""
    times = [field.name for field in schema.table if pa.types.is_timestamp(field.type)]
    return pq.ParquetWriter(
        target,
        schema.table,
        compression="zstd",
        compression_level=3,
        # Times are nearly all different: dictionaries of them only cost. Nor do differences of
        # microseconds make them small (DELTA_BINARY_PACKED is a fifth larger, measured).
        use_dictionary=[name for name in schema.table.names if name not in times],
        write_statistics=True,
        write_page_index=True,
    )


def contents(path: Path, schema: TripSchema) -> Contents:
    """Read a file's footer; none of its data."""
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
