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


# --- files of other taxis and years --------------------------------------------------------------

HEADERS = {
    "yellow": "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count",
    "green": "VendorID,lpep_pickup_datetime,Lpep_dropoff_datetime,Store_and_fwd_flag",
    "fhv": "dispatching_base_num,pickup_datetime,dropOff_datetime,PUlocationID",
    "fhvhv": "hvfhs_license_num,dispatching_base_num,pickup_datetime,dropoff_datetime,SR_Flag",
}
OLD = {
    "yellow trips of 2009": "vendor_name,Trip_Pickup_DateTime,Trip_Dropoff_DateTime,Start_Lon",
    "yellow trips of 2010 to 2014": (
        "vendor_id, pickup_datetime, dropoff_datetime, passenger_count, pickup_longitude"
    ),
    "fhv trips of 2015 and 2016": "Dispatching_base_num,Pickup_date,locationID",
}


@pytest.mark.parametrize("colour", SCHEMAS)
@pytest.mark.parametrize("there", HEADERS)
def test_the_columns_of_other_taxis_are_named_with_their_colour(colour, there):
    header = HEADERS[there].split(",")
    if there == colour:
        assert missing_columns(header, SCHEMAS[colour])
        return
    with pytest.raises(SourceError, match=f": these are {there} trips") as caught:
        match_columns(header, SCHEMAS[colour])
    assert caught.value.code == "columns-mismatch"
    assert caught.value.hint == f"load them with the colour {there} (--colour {there})"


@pytest.mark.parametrize("colour", SCHEMAS)
@pytest.mark.parametrize("layout", OLD)
def test_the_columns_of_other_years_are_named(colour, layout):
    with pytest.raises(SourceError, match=f"the columns of {layout}, which no schema reads"):
        match_columns(OLD[layout].split(","), SCHEMAS[colour])


@pytest.mark.parametrize(
    ("separator", "words"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")]
)
def test_another_separator_is_named(separator, words):
    header = [HEADERS["green"].replace(",", separator)]
    with pytest.raises(SourceError, match=f"separated by {words}") as caught:
        match_columns(header, SCHEMAS["green"])
    assert caught.value.code == "separator-unsupported"


def test_a_file_without_a_header_is_refused():
    with pytest.raises(SourceError, match="the file has no header: it begins with '2,2021-01-01"):
        match_columns(["2", "2021-01-01 00:00:00", "N"], SCHEMAS["green"])


def test_the_doubled_column_of_fhv_2018_is_read_once():
    header = ["Pickup_DateTime", "DropOff_datetime", "PUlocationID", "DOlocationID", "SR_Flag"]
    header += ["Dispatching_base_number", "Dispatching_base_num"]
    assert match_columns(header, FHV)["dispatching_base_num"] == "Dispatching_base_num"
    assert unknown_columns(header, FHV) == ("Dispatching_base_number",)
    assert match_columns(header[:-1], FHV)["dispatching_base_num"] == "Dispatching_base_number"


def test_control_characters_in_the_name_of_a_column_are_made_visible():
    header = [*HEADERS["green"].split(","), "new\x1b[2J"]
    assert unknown_columns(header, SCHEMAS["green"]) == ("new\\x1b[2J",)
