"""The built-in ETL flow: monthly New York taxi trips from the web to Parquet in a bucket.

`flowship.etl.flow` holds the two Prefect flows; the other modules are plain functions that do
not use Prefect. The data passes through `source`, `gunzip`, `clean`, `parquet` and `destination`,
in this order; `convert` connects these stages, and `month` decides what happens to a month.
`formats` recognizes files that are not a month, `columns` reads headers, and `values` converts
columns. The folder is copied into the image on its own, so nothing in it may import the rest of
flowship.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowship.etl.flow import etl_parent_flow, etl_web_to_gcs
    from flowship.etl.reading import read

__all__ = ["etl_parent_flow", "etl_web_to_gcs", "read"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # PEP 562: Prefect and Arrow are imported on first use
    if name == "read":
        from flowship.etl import reading

        return reading.read
    if name in __all__:
        from flowship.etl import flow

        return getattr(flow, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
