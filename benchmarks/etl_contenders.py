"""One contender, in a process of its own: a month of CSV in gzip in, a Parquet file out.

    python -m benchmarks.etl_contenders NAME SOURCE TARGET

Each is what a good user of that library would write. Only `reference` is different: the
steps of the flow that many people copy from a course.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

TIMES = ("tpep_pickup_datetime", "tpep_dropoff_datetime")


def reference(source: str, target: Path) -> None:
    """Download whole, unzip whole, guess types, parse dates again, gzip Parquet."""
    import gzip
    import io

    import pandas as pd
    import requests

    content = requests.get(source, timeout=600).content
    frame = pd.read_csv(io.BytesIO(gzip.decompress(content)))
    for name in TIMES:
        frame[name] = pd.to_datetime(frame[name])
    frame.to_parquet(target, compression="gzip")


def flowship(source: str, target: Path) -> None:
    """The shipped pipeline, with its manifest, as the command line runs it."""
    from flowship.etl.destination import FolderDestination
    from flowship.etl.month import MonthJob, load_month

    job = MonthJob("yellow", 2021, 1, source, force=True)
    result = load_month(job, FolderDestination(target.with_suffix("")))
    Path(result.where).replace(target)


def floor(_source: str, _target: Path) -> None:
    """What the shipped pipeline needs before it does anything."""
    import flowship.etl.month  # noqa: F401


def duckdb(source: str, target: Path) -> None:
    """DuckDB, all in SQL."""
    import duckdb

    duckdb.sql(
        f"COPY (SELECT * FROM read_csv('{source}')) TO '{target}'"
        " (FORMAT parquet, COMPRESSION zstd)"
    )


def polars(source: str, target: Path) -> None:
    """Polars, lazily."""
    import polars as pl

    scan = pl.scan_csv(source, try_parse_dates=True, infer_schema_length=10_000)
    scan.sink_parquet(target, compression="zstd")


CONTENDERS: dict[str, Callable[[str, Path], None]] = {
    run.__name__: run for run in (reference, flowship, duckdb, polars, floor)
}

if __name__ == "__main__":
    CONTENDERS[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))
