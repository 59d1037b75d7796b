"""A contender of the ETL benchmark: reads a month of gzipped CSV, writes a Parquet file.

    python -m benchmarks.etl_contenders NAME SOURCE TARGET

Each is what an experienced user of the library would write, except for `reference`: the steps of
the flow in the course from which many projects copy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

TIMES = ("tpep_pickup_datetime", "tpep_dropoff_datetime")


def reference(source: str, target: Path) -> None:
    """Download and unzip everything, infer types, parse dates again, write gzipped Parquet."""
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
    """Run flowship's pipeline, with its manifest, as the command line does."""
    from flowship.etl.destination import FolderDestination
    from flowship.etl.month import MonthJob, load_month

    job = MonthJob("yellow", 2021, 1, source, force=True)
    result = load_month(job, FolderDestination(target.with_suffix("")))
    Path(result.where).replace(target)


def floor(_source: str, _target: Path) -> None:
    """Import flowship's pipeline and do nothing."""
    import flowship.etl.month  # noqa: F401


def duckdb(source: str, target: Path) -> None:
    """Use DuckDB with SQL only."""
    import duckdb

    duckdb.sql(
        f"COPY (SELECT * FROM read_csv('{source}')) TO '{target}'"
        " (FORMAT parquet, COMPRESSION zstd)"
    )


def polars(source: str, target: Path) -> None:
    """Use Polars with a lazy scan."""
    import polars as pl

    scan = pl.scan_csv(source, try_parse_dates=True, infer_schema_length=10_000)
    scan.sink_parquet(target, compression="zstd")


CONTENDERS: dict[str, Callable[[str, Path], None]] = {
    run.__name__: run for run in (reference, flowship, duckdb, polars, floor)
}

if __name__ == "__main__":
    CONTENDERS[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))
