"""Reads a month that was written, for a notebook."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from flowship.etl.destination import object_key, open_destination
from flowship.etl.errors import DestinationError

if TYPE_CHECKING:
    import pandas as pd


def read(
    month: int,
    year: int = 2021,
    colour: str = "yellow",
    destination: str = ".",
    columns: list[str] | None = None,
) -> pd.DataFrame:
    """Read a month as a DataFrame with Arrow-backed types.

    Integers stay integers if values are missing, and text is not copied into Python objects.

    Args:
        month: The month, 1 to 12.
        year: The year.
        colour: The type of taxi: yellow, green, fhv or fhvhv.
        destination: Where it was written: a folder, or a Prefect block such as gcs-bucket/taxi.
        columns: Read only these columns.

    Raises:
        DestinationError: The month does not exist there.
    """
    import pandas as pd

    key = object_key(colour, year, month)
    # Reading loses no data, so a folder inside a container is accepted.
    content = open_destination(destination, contained=lambda: False).read(key)
    if content is None:
        raise DestinationError(
            f"{key} not found in {destination}",
            code="month-not-loaded",
            hint=f"load it: `flowship etl run --year {year} --months {month} --colour {colour}"
            f" --to {destination}`",
        )
    table = pq.read_table(BytesIO(content), columns=columns)
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame
