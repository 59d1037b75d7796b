"""The supported taxis, and the schema of the table for each colour.

Source: the data dictionaries of the New York City Taxi & Limousine Commission (TLC). Times
are New York wall-clock times without a zone, as recorded; distances are miles; amounts are
US dollars; locations are TLC taxi zones. Any value may be missing.

The published columns change over the years: names differ in case (``Airport_fee``,
``PUlocationID``) or have spaces (``trip_type ``), and new charges are added. Every month is
converted to the current schema; a column that did not exist in its year is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field

Colour = Literal["yellow", "green", "fhv", "fhvhv"]
Year = Annotated[int, Field(ge=2009, le=2100)]  # the TLC's records start in January 2009
Month = Annotated[int, Field(ge=1, le=12)]

# BigQuery, Spark and DuckDB all read microseconds as a timestamp.
_TIME, _COUNT, _NUMBER, _TEXT = pa.timestamp("us"), pa.int64(), pa.float64(), pa.string()


@dataclass(frozen=True)
class TripSchema:
    """The columns of one colour.

    Attributes:
        pickup: The column with the time when the trip began.
        dropoff: The column with the time when it ended.
        table: All columns in order, with their types.
        aliases: Other published name in lower case → name in this schema.
        flags: The columns with Y and N; a file may have booleans instead.
        mark: A column that only these taxis have, where the times have the names of others.
    """

    pickup: str
    dropoff: str
    table: pa.Schema
    aliases: Mapping[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    mark: str = ""

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that every month has."""
        times = (self.pickup, self.dropoff)
        return (self.mark, *times) if self.mark else times


_AMOUNTS = [
    ("fare_amount", _NUMBER),
    ("extra", _NUMBER),
    ("mta_tax", _NUMBER),
    ("tip_amount", _NUMBER),
    ("tolls_amount", _NUMBER),
]

SCHEMAS: dict[str, TripSchema] = {
    "yellow": TripSchema(
        pickup="tpep_pickup_datetime",
        dropoff="tpep_dropoff_datetime",
        table=pa.schema(
            [
                ("VendorID", _COUNT),
                ("tpep_pickup_datetime", _TIME),
                ("tpep_dropoff_datetime", _TIME),
                ("passenger_count", _COUNT),
                ("trip_distance", _NUMBER),
                ("RatecodeID", _COUNT),
                ("store_and_fwd_flag", _TEXT),
                ("PULocationID", _COUNT),
                ("DOLocationID", _COUNT),
                ("payment_type", _COUNT),
                *_AMOUNTS,
                ("improvement_surcharge", _NUMBER),
                ("total_amount", _NUMBER),
                ("congestion_surcharge", _NUMBER),  # since January 2019
                ("airport_fee", _NUMBER),  # since 2022; "Airport_fee" in some months
                ("cbd_congestion_fee", _NUMBER),  # since January 2025
            ]
        ),
        flags=frozenset({"store_and_fwd_flag"}),
    ),
    "green": TripSchema(
        pickup="lpep_pickup_datetime",
        dropoff="lpep_dropoff_datetime",
        table=pa.schema(
            [
                ("VendorID", _COUNT),
                ("lpep_pickup_datetime", _TIME),
                ("lpep_dropoff_datetime", _TIME),
                ("store_and_fwd_flag", _TEXT),
                ("RatecodeID", _COUNT),
                ("PULocationID", _COUNT),
                ("DOLocationID", _COUNT),
                ("passenger_count", _COUNT),
                ("trip_distance", _NUMBER),
                *_AMOUNTS,
                ("ehail_fee", _NUMBER),  # empty in every published month
                ("improvement_surcharge", _NUMBER),
                ("total_amount", _NUMBER),
                ("payment_type", _COUNT),
                ("trip_type", _COUNT),  # 1 hailed in the street, 2 dispatched; since 2014
                ("congestion_surcharge", _NUMBER),  # since January 2019
                ("cbd_congestion_fee", _NUMBER),  # since January 2025
            ]
        ),
        flags=frozenset({"store_and_fwd_flag"}),
    ),
    "fhv": TripSchema(
        pickup="pickup_datetime",
        dropoff="dropOff_datetime",
        table=pa.schema(
            [
                ("dispatching_base_num", _TEXT),
                ("pickup_datetime", _TIME),
                ("dropOff_datetime", _TIME),
                ("PUlocationID", _COUNT),
                ("DOlocationID", _COUNT),
                ("SR_Flag", _COUNT),  # 1 is a shared ride; since 2018
                ("Affiliated_base_number", _TEXT),  # since 2019
            ]
        ),
        aliases={"dispatching_base_number": "dispatching_base_num"},
    ),
    "fhvhv": TripSchema(
        pickup="pickup_datetime",
        dropoff="dropoff_datetime",
        table=pa.schema(
            [
                ("hvfhs_license_num", _TEXT),  # HV0002 Juno, HV0003 Uber, HV0004 Via, HV0005 Lyft
                ("dispatching_base_num", _TEXT),
                ("originating_base_num", _TEXT),
                ("request_datetime", _TIME),
                ("on_scene_datetime", _TIME),
                ("pickup_datetime", _TIME),
                ("dropoff_datetime", _TIME),
                ("PULocationID", _COUNT),
                ("DOLocationID", _COUNT),
                ("trip_miles", _NUMBER),
                ("trip_time", _COUNT),  # seconds
                ("base_passenger_fare", _NUMBER),
                ("tolls", _NUMBER),
                ("bcf", _NUMBER),  # Black Car Fund
                ("sales_tax", _NUMBER),
                ("congestion_surcharge", _NUMBER),
                ("airport_fee", _NUMBER),
                ("tips", _NUMBER),
                ("driver_pay", _NUMBER),
                ("shared_request_flag", _TEXT),
                ("shared_match_flag", _TEXT),
                ("access_a_ride_flag", _TEXT),
                ("wav_request_flag", _TEXT),
                ("wav_match_flag", _TEXT),
                ("SR_Flag", _COUNT),  # only in the CSV files, instead of the two shared flags
                ("cbd_congestion_fee", _NUMBER),  # since January 2025
            ]
        ),
        flags=frozenset(
            {
                "shared_request_flag",
                "shared_match_flag",
                "access_a_ride_flag",
                "wav_request_flag",
                "wav_match_flag",
            }
        ),
        mark="hvfhs_license_num",
    ),
}
