from __future__ import annotations

import gzip

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parts.taxi_server import write_month

from flowship.etl import clean
from flowship.etl.clean import convert, match_columns, read_header
from flowship.etl.errors import SourceError
from flowship.etl.schemas import SCHEMAS


def _reference(path, schema) -> pd.DataFrame:
    """The same month through pandas: the way most people do it by hand."""
    frame = pd.read_csv(path, compression="gzip", low_memory=False)
    for column in (schema.pickup, schema.dropoff):
        frame[column] = pd.to_datetime(frame[column])
    return frame


def _assert_equal(parquet, source, schema):
    table = pq.read_table(parquet)
    assert table.schema.equals(schema.table)
    reference = _reference(source, schema)
    assert table.num_rows == len(reference)
    for name in reference.columns:
        wanted = pa.Array.from_pandas(reference[name]).cast(schema.table.field(name).type)
        assert table[name].combine_chunks().equals(wanted), name


def _zipped(path, text: str):
    path.write_bytes(gzip.compress(text.encode()))
    return path


@pytest.mark.parametrize("colour", ["yellow", "green", "fhv"])
def test_every_value_of_a_made_up_month_is_what_pandas_reads(tmp_path, colour):
    source = tmp_path / "month.csv.gz"
    write_month(source, colour, 2021, 2, rows=5_000)
    converted = convert(source, tmp_path / "month.parquet", SCHEMAS[colour])
    assert converted.rows == 5_000
    assert converted.unknown == ()
    _assert_equal(tmp_path / "month.parquet", source, SCHEMAS[colour])


def test_every_value_of_a_real_month_is_what_pandas_reads(tmp_path, real_month):
    converted = convert(real_month, tmp_path / "month.parquet", SCHEMAS["yellow"])
    assert converted.missing == ("airport_fee",)
    _assert_equal(tmp_path / "month.parquet", real_month, SCHEMAS["yellow"])


def test_a_month_of_many_blocks_is_the_same_month(tmp_path, monkeypatch):
    source = tmp_path / "month.csv.gz"
    write_month(source, "yellow", 2021, 2, rows=30_000)
    # More blocks than Arrow reads ahead.
    monkeypatch.setattr(clean, "BLOCK", 20_000)
    convert(source, tmp_path / "month.parquet", SCHEMAS["yellow"])
    assert pq.read_metadata(tmp_path / "month.parquet").num_row_groups > 100
    _assert_equal(tmp_path / "month.parquet", source, SCHEMAS["yellow"])


def test_a_file_without_gzip_is_read_too(tmp_path):
    source = tmp_path / "month.csv.gz"
    write_month(source, "green", 2021, 2, rows=100)
    plain = tmp_path / "plain.csv"
    plain.write_bytes(gzip.decompress(source.read_bytes()))
    assert convert(plain, tmp_path / "month.parquet", SCHEMAS["green"]).rows == 100


def test_the_header_may_differ_in_case_blanks_and_order(tmp_path):
    source = _zipped(
        tmp_path / "m.csv.gz",
        "\ufeffPUlocationID, Pickup_Datetime,DROPOFF_datetime,surprise\r\n"
        "7,2020-01-01 00:00:00,2020-01-01 00:10:00,x\r\n",
    )
    converted = convert(source, tmp_path / "m.parquet", SCHEMAS["fhv"])
    assert converted.unknown == ("surprise",)
    assert "dispatching_base_num" in converted.missing
    row = pq.read_table(tmp_path / "m.parquet").to_pylist()[0]
    assert row["PUlocationID"] == 7
    assert str(row["dropOff_datetime"]) == "2020-01-01 00:10:00"
    assert row["dispatching_base_num"] is None


def test_whole_numbers_written_as_floats_are_whole_numbers(tmp_path):
    header = "VendorID,lpep_pickup_datetime,lpep_dropoff_datetime,passenger_count\n"
    source = _zipped(
        tmp_path / "m.csv.gz", header + "1.0,2021-01-01 00:00:00,2021-01-01 00:10:00,\n"
    )
    convert(source, tmp_path / "m.parquet", SCHEMAS["green"])
    row = pq.read_table(tmp_path / "m.parquet").to_pylist()[0]
    assert (row["VendorID"], row["passenger_count"]) == (1, None)


def test_a_month_without_trips_has_its_columns(tmp_path):
    source = tmp_path / "month.csv.gz"
    write_month(source, "yellow", 2021, 2, rows=0)
    assert convert(source, tmp_path / "m.parquet", SCHEMAS["yellow"]).rows == 0
    assert pq.read_schema(tmp_path / "m.parquet").equals(SCHEMAS["yellow"].table)


def test_a_file_of_another_colour_is_refused(tmp_path):
    source = tmp_path / "month.csv.gz"
    write_month(source, "yellow", 2021, 2, rows=10)
    with pytest.raises(SourceError, match=r"no column lpep_pickup_datetime.*colour"):
        convert(source, tmp_path / "m.parquet", SCHEMAS["green"])


def test_a_web_page_in_place_of_a_month_is_refused_and_shown(tmp_path):
    source = tmp_path / "month.csv.gz"
    source.write_text("<!DOCTYPE html>\n<html>Sign in</html>")
    with pytest.raises(SourceError, match="begins with '<!DOCTYPE html>'"):
        convert(source, tmp_path / "m.parquet", SCHEMAS["yellow"])


def test_a_truncated_month_is_refused(tmp_path):
    source = tmp_path / "month.csv.gz"
    write_month(source, "yellow", 2021, 2, rows=5_000)
    source.write_bytes(source.read_bytes()[:-5_000])
    with pytest.raises(SourceError, match=r"month\.csv\.gz cannot be read: .*[Tt]runcated"):
        convert(source, tmp_path / "m.parquet", SCHEMAS["yellow"])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,soon,2021-01-01 00:10:00", "invalid value 'soon'"),
        ("1.5,2021-01-01 00:00:00,2021-01-01 00:10:00", "1.5"),
        ("1,2021-01-01 00:00:00", "Expected 3 columns, got 2"),
    ],
)
def test_a_row_that_does_not_fit_is_an_error_that_shows_it(tmp_path, row, said):
    header = "VendorID,lpep_pickup_datetime,lpep_dropoff_datetime\n"
    source = _zipped(tmp_path / "m.csv.gz", f"{header}{row}\n")
    with pytest.raises(SourceError, match=said):
        convert(source, tmp_path / "m.parquet", SCHEMAS["green"])


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no column tpep_pickup_datetime"):
        convert(_zipped(tmp_path / "m.csv.gz", ""), tmp_path / "m.parquet", SCHEMAS["yellow"])


def test_each_schema_has_its_pickup_and_dropoff_as_timestamps():
    for schema in SCHEMAS.values():
        for name in (schema.pickup, schema.dropoff):
            assert pa.types.is_timestamp(schema.table.field(name).type)


def test_columns_are_matched_to_the_names_the_file_uses(tmp_path):
    source = _zipped(tmp_path / "m.csv.gz", '"pickup_datetime","dropoff_datetime"\n')
    columns = match_columns(read_header(source), SCHEMAS["fhv"])
    assert columns["dropOff_datetime"] == "dropoff_datetime"
    assert columns["SR_Flag"] == "SR_Flag"
