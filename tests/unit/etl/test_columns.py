"""The columns of a published file: found, missing, unknown, or those of other taxis."""

from __future__ import annotations

import pytest

from flowship.etl.columns import match_columns, missing_columns, unknown_columns
from flowship.etl.errors import SourceError
from flowship.etl.schemas import SCHEMAS

FHV = SCHEMAS["fhv"]
HEADER = ["Pickup_Datetime", " dropoff_datetime", "SR_Flag", "surprise", ""]


def test_columns_are_matched_without_case_and_spaces():
    columns = match_columns(HEADER, FHV)
    assert columns["pickup_datetime"] == "Pickup_Datetime"
    assert columns["dropOff_datetime"] == " dropoff_datetime"
    assert columns["PUlocationID"] == "PUlocationID"  # not in the file


def test_missing_and_unknown_columns_are_listed():
    assert missing_columns(HEADER, FHV) == (
        "dispatching_base_num", "PUlocationID", "DOlocationID", "Affiliated_base_number",
    )  # fmt: skip
    assert unknown_columns(HEADER, FHV) == ("surprise", "(no name)")


def test_a_file_without_pickup_times_is_refused_with_a_code():
    with pytest.raises(SourceError, match="no column pickup_datetime") as caught:
        match_columns(["a", "b"], FHV)
    assert caught.value.code == "columns-mismatch"
