"""A published file in, a Parquet file out."""

from __future__ import annotations

import gzip
import threading
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from parts.taxi_server import write_month

from flowship.etl import clean, parquet
from flowship.etl.convert import Converted, Progress, Watch, convert
from flowship.etl.errors import (
    DestinationError,
    SourceError,
    StoppedError,
    TooManyRejectsError,
)
from flowship.etl.schemas import SCHEMAS
from flowship.etl.source import Fingerprint, Stream, open_source

COLOURS = ["yellow", "green", "fhv", "fhvhv"]
GREEN_HEADER = "VendorID,lpep_pickup_datetime,lpep_dropoff_datetime\n"


def _convert(source: Path, colour: str, **options) -> tuple[Converted, pa.Table]:
    target = source.with_name("converted.parquet")
    with open_source(str(source)) as stream:
        converted = convert(stream, target, SCHEMAS[colour], **options)
    return converted, pq.read_table(target)


def _month(tmp_path: Path, colour: str, rows: int) -> Path:
    source = tmp_path / "month.csv.gz"
    write_month(source, colour, 2021, 2, rows)
    return source


def _zipped(path: Path, text: str | bytes) -> Path:
    path.write_bytes(gzip.compress(text.encode() if isinstance(text, str) else text))
    return path


def _reference(path: Path, colour: str) -> pd.DataFrame:
    """The same month through pandas: the way most people do it by hand."""
    schema = SCHEMAS[colour]
    frame = pd.read_csv(path, compression="gzip", low_memory=False)
    for column in (schema.pickup, schema.dropoff):
        frame[column] = pd.to_datetime(frame[column])
    return frame


def _assert_equal(table: pa.Table, reference: pd.DataFrame, colour: str) -> None:
    schema = SCHEMAS[colour].table
    assert table.schema.equals(schema)
    assert table.num_rows == len(reference)
    for name in reference.columns:
        wanted = pa.Array.from_pandas(reference[name]).cast(schema.field(name).type)
        assert table[name].combine_chunks().equals(wanted), name


# --- equal to the reference ----------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_every_value_of_a_generated_month_equals_what_pandas_reads(tmp_path, colour):
    source = _month(tmp_path, colour, 5_000)
    converted, table = _convert(source, colour)
    assert converted.unknown == ()
    assert converted.rejects == []
    _assert_equal(table, _reference(source, colour), colour)


def test_every_value_of_a_real_month_equals_what_pandas_reads(tmp_path, real_month):
    source = tmp_path / "month.csv.gz"
    source.write_bytes(real_month.read_bytes())
    converted, table = _convert(source, "yellow")
    assert converted.missing == ("airport_fee", "cbd_congestion_fee")
    _assert_equal(table, _reference(source, "yellow"), "yellow")


@pytest.mark.parametrize("colour", COLOURS)
def test_many_blocks_and_row_groups_make_the_same_month(tmp_path, monkeypatch, colour):
    source = _month(tmp_path, colour, 30_000)
    monkeypatch.setattr(clean, "BLOCK", 20_000)
    monkeypatch.setattr(parquet, "ROW_GROUP", 1_000)
    _, table = _convert(source, colour)
    assert pq.read_metadata(tmp_path / "converted.parquet").num_row_groups == 30
    _assert_equal(table, _reference(source, colour), colour)


def test_a_month_published_as_parquet_gives_the_same_month(tmp_path, real_month):
    reference = _reference(real_month, "yellow")
    published = tmp_path / "yellow_tripdata_2019-01.parquet"
    # As the TLC publishes it: counts as floats, text as large strings, another case.
    odd = {"VendorID": "int32", "PULocationID": "int32", "passenger_count": "float64"}
    frame = reference.astype(odd).assign(Airport_fee=1.25)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    flag = table.column_names.index("store_and_fwd_flag")
    flags = table["store_and_fwd_flag"].cast(pa.large_string())
    table = table.set_column(flag, "store_and_fwd_flag", flags)
    pq.write_table(table, published, row_group_size=3_000)
    converted, table = _convert(published, "yellow")
    assert converted.missing == ("cbd_congestion_fee",)
    _assert_equal(table, reference.assign(airport_fee=1.25), "yellow")


# --- schemas that drifted ------------------------------------------------------------------------


def test_the_header_may_differ_in_case_spaces_and_order(tmp_path):
    source = _zipped(
        tmp_path / "m.csv.gz",
        "\ufeffPUlocationID, Pickup_Datetime,DROPOFF_datetime,surprise,dispatching_base_number\r\n"
        "7,2020-01-01 00:00:00,2020-01-01 00:10:00,x,B1\r\n",
    )
    converted, table = _convert(source, "fhv")
    assert converted.unknown == ("surprise",)
    assert "Affiliated_base_number" in converted.missing
    row = table.to_pylist()[0]
    assert row["PUlocationID"] == 7
    assert str(row["dropOff_datetime"]) == "2020-01-01 00:10:00"
    assert row["Affiliated_base_number"] is None
    assert row["dispatching_base_num"] == "B1"


def test_two_columns_that_could_be_the_same_are_refused(tmp_path):
    header = "pickup_datetime,dropOff_datetime,SR_Flag,sr_flag\n"
    with pytest.raises(SourceError, match="two columns sr_flag: 'SR_Flag' and 'sr_flag'"):
        _convert(_zipped(tmp_path / "m.csv.gz", header), "fhv")


def test_whole_numbers_written_as_floats_are_whole_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(clean, "BLOCK", 100)  # from one block to the next
    times = "2021-01-01 00:00:00,2021-01-01 00:10:00"
    rows = [f"1,{times}", f"2.0,{times}", f",{times}", f"4,{times}"] * 20
    source = _zipped(tmp_path / "m.csv.gz", GREEN_HEADER + "\n".join(rows))
    converted, table = _convert(source, "green")
    assert converted.rejects == []
    assert table["VendorID"].to_pylist() == [1, 2, None, 4] * 20


@pytest.mark.parametrize("last", ["1", "1.0"])
def test_whole_numbers_keep_every_digit_up_to_64_bits(tmp_path, last):
    times = "2021-01-01 00:00:00,2021-01-01 00:10:00"
    wanted = [2**53 + 1, 2**63 - 1, -(2**63), -(2**53) - 1, None, 10**18, 0]
    written = [*wanted[:3], f"{wanted[3]}.0", "", "1e18", "-0.0" if last == "1.0" else "0"]
    rows = [f"{'' if text is None else text},{times}" for text in [*written, last]]
    source = _zipped(tmp_path / "m.csv.gz", GREEN_HEADER + "\n".join(rows))
    converted, table = _convert(source, "green")
    assert converted.rejects == []
    assert table["VendorID"].to_pylist() == [*wanted, 1]


def test_a_large_whole_number_next_to_a_bad_row_keeps_every_digit(tmp_path):
    large = 2**53 + 1
    rows = [TRIP, f"{large}{TRIP[1:]}", "x", f"1.0{TRIP[1:]}"]
    converted, table = _convert(
        _zipped(tmp_path / "m.csv.gz", GREEN_HEADER + "\n".join(rows)), "green"
    )
    assert table["VendorID"].to_pylist() == [2, large, 1]
    assert [reject.line for reject in converted.rejects] == [4]


def test_a_column_without_a_name_is_dropped_and_reported(tmp_path):
    header = GREEN_HEADER.replace("\n", ",\n")
    converted, table = _convert(_zipped(tmp_path / "m.csv.gz", f"{header}{TRIP},\n"), "green")
    assert converted.unknown == ("(no name)",)
    assert table.num_rows == 1


def test_a_file_without_gzip_is_read_too(tmp_path):
    source = _month(tmp_path, "green", 100)
    plain = tmp_path / "plain.csv"
    plain.write_bytes(gzip.decompress(source.read_bytes()))
    assert _convert(plain, "green")[1].num_rows == 100


def test_a_month_without_trips_has_its_columns(tmp_path):
    _, table = _convert(_month(tmp_path, "yellow", 0), "yellow")
    assert table.num_rows == 0
    assert table.schema.equals(SCHEMAS["yellow"].table)


# --- files that are not a month ------------------------------------------------------------------


def test_a_file_of_another_colour_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"no column lpep_pickup_datetime.*colour"):
        _convert(_month(tmp_path, "yellow", 10), "green")


@pytest.mark.parametrize("packed", [False, True])
def test_a_web_page_instead_of_a_month_is_named(tmp_path, packed):
    source = tmp_path / "month.csv.gz"
    page = b"<!DOCTYPE html>\n<html>Sign in</html>"
    source.write_bytes(gzip.compress(page) if packed else page)
    with pytest.raises(SourceError, match=r"not a month of trips:.* it is a web page") as caught:
        _convert(source, "yellow")
    assert caught.value.code == "source-format-unsupported"


def test_the_format_is_recognized_in_a_download_of_single_bytes(tmp_path):
    month = gzip.decompress(_month(tmp_path, "green", 10).read_bytes())
    packed = gzip.compress(month)
    stream = Stream("m.csv.gz", Fingerprint("x"), chunks=(bytes([byte]) for byte in packed))
    convert(stream, tmp_path / "m.parquet", SCHEMAS["green"])
    assert pq.read_metadata(tmp_path / "m.parquet").num_rows == 10


@pytest.mark.parametrize(
    "content",
    [b"", gzip.compress(b""), gzip.compress(b"\n\n")],
    ids=["no bytes", "nothing compressed", "empty lines"],
)
def test_an_empty_file_is_refused(tmp_path, content):
    source = tmp_path / "m.csv.gz"
    source.write_bytes(content)
    with pytest.raises(SourceError, match=r"m\.csv\.gz is empty"):
        _convert(source, "yellow")


@pytest.mark.parametrize("rows", [3, 5_000])  # less than is read for a header, and more
def test_lines_that_end_with_cr_alone_are_refused(tmp_path, rows):
    text = GREEN_HEADER + "2,2021-01-01 00:00:00,2021-01-01 00:10:00\n" * rows
    source = _zipped(tmp_path / "m.csv.gz", text.replace("\n", "\r"))
    with pytest.raises(SourceError, match=r"m\.csv\.gz do not end with LF or CRLF: .*'VendorID,"):
        _convert(source, "green")


@pytest.mark.parametrize("missing", [1, 5_000])
def test_a_truncated_month_is_refused(tmp_path, missing):
    source = _month(tmp_path, "yellow", 5_000)
    source.write_bytes(source.read_bytes()[:-missing])
    with pytest.raises(
        SourceError, match=r"month\.csv\.gz cannot be read: the gzip data is truncated"
    ):
        _convert(source, "yellow")


def test_a_truncated_parquet_file_is_refused(tmp_path):
    source = tmp_path / "m.parquet"
    pq.write_table(pa.table({"a": [1]}), source)
    source.write_bytes(source.read_bytes()[:-20])
    with pytest.raises(SourceError, match=r"m\.parquet cannot be read"):
        _convert(source, "yellow")


# --- columns of other types: the same answers for CSV and Parquet ---------------------------------

TIMES = [datetime(2021, 1, 1, hour) for hour in (0, 1, 2)]
EPOCHS = {
    "seconds": [1609459200 + 3600 * hour for hour in range(3)],
    "milliseconds": [1609459200_000 + 3600_000 * hour for hour in range(3)],
    "microseconds": [1609459200_000_000 + 3600_000_000 * hour for hour in range(3)],
    "nanoseconds": [1609459200_000_000_000 + 3600_000_000_000 * hour for hour in range(3)],
}


def _published(folder: Path, kind: str, table: pa.Table) -> Path:
    source = folder / f"m.{kind}"
    if kind == "parquet":
        pq.write_table(table, source)
    else:
        csv.write_csv(table, source)
    return source


def _green(**columns) -> pa.Table:
    times = pa.array(TIMES, pa.timestamp("us"))
    given = {"lpep_pickup_datetime": times, "lpep_dropoff_datetime": times}
    return pa.table(given | columns)


@pytest.mark.parametrize("unit", EPOCHS)
def test_whole_numbers_as_times_are_refused_by_name_with_their_unit(tmp_path, unit):
    table = _green(lpep_pickup_datetime=EPOCHS[unit])
    with pytest.raises(SourceError) as caught:
        _convert(_published(tmp_path, "csv", table), "green")
    assert f'"{EPOCHS[unit][0]}" is a number, not a timestamp (perhaps {unit} since 1970)' in str(
        caught.value
    )
    assert "max_rejects" not in str(caught.value)
    csv_hint = caught.value.hint
    with pytest.raises(
        SourceError,
        match=r"lpep_pickup_datetime has whole numbers \(int64\), not timestamps",
    ) as caught:
        _convert(_published(tmp_path, "parquet", table), "green")
    assert caught.value.hint in csv_hint
    assert "New York wall-clock times" in csv_hint


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "+05:30"])
def test_times_with_a_time_zone_become_new_york_times(tmp_path, kind, zone):
    instants = [datetime(2021, 1, 1, 12, tzinfo=timezone.utc), None]
    instants += [datetime(2021, 7, 1, 12, tzinfo=timezone.utc)]  # daylight saving time
    column = pa.array(instants, pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us", tz=zone))
    notes: list[str] = []
    _, table = _convert(
        _published(tmp_path, kind, _green(lpep_pickup_datetime=column)),
        "green",
        watch=Watch(Progress(), lambda progress: notes.append(progress.note)),
    )
    assert table["lpep_pickup_datetime"].to_pylist() == [
        datetime(2021, 1, 1, 7), None, datetime(2021, 7, 1, 8),
    ]  # fmt: skip
    assert table["lpep_dropoff_datetime"].to_pylist() == TIMES
    assert notes[-1] == "times with a time zone were converted to New York time"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_booleans_as_flags_become_yes_and_no(tmp_path, kind):
    table = _green(store_and_fwd_flag=[True, None, False])
    _, table = _convert(_published(tmp_path, kind, table), "green")
    assert table["store_and_fwd_flag"].to_pylist() == ["Y", None, "N"]


@pytest.mark.parametrize("column", ["passenger_count", "fare_amount", "lpep_pickup_datetime"])
def test_booleans_elsewhere_are_refused_by_name(tmp_path, column):
    table = _green(**{column: [True, False, True]})
    with pytest.raises(SourceError, match=f'line 2: {column}: "true" is not a '):
        _convert(_published(tmp_path, "csv", table), "green")
    with pytest.raises(SourceError, match=rf"{column} has booleans \(bool\), not "):
        _convert(_published(tmp_path, "parquet", table), "green")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_nan_is_a_missing_value(tmp_path, kind):
    values = [1.0, float("nan"), 3.0]
    table = _green(passenger_count=values, fare_amount=values)
    converted, table = _convert(_published(tmp_path, kind, table), "green")
    assert converted.rejects == []
    assert table["passenger_count"].to_pylist() == [1, None, 3]
    assert table["fare_amount"].to_pylist() == [1.0, None, 3.0]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_count_that_is_not_whole_rejects_its_row(tmp_path, kind):
    table = _green(passenger_count=[1.0, 1.5, float("inf")])
    converted, table = _convert(_published(tmp_path, kind, table), "green")
    assert table["passenger_count"].to_pylist() == [1]
    first = 2 if kind == "csv" else 1
    assert [(reject.line, reject.reason) for reject in converted.rejects] == [
        (first + 1, 'passenger_count: "1.5" is not a whole number'),
        (first + 2, 'passenger_count: "inf" is not a whole number'),
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_time_outside_the_calendar_rejects_its_row(tmp_path, kind):
    written = pa.array([0, 0, 2**60]).cast(pa.timestamp("us"))
    if kind == "csv":
        written = pa.array(["2021-01-01 00:00:00", "2021-01-01 00:00:00", "0000-01-01 00:00:00"])
    table = _green(lpep_dropoff_datetime=written, lpep_pickup_datetime=written)
    converted, table = _convert(_published(tmp_path, kind, table), "green")
    assert table.num_rows == 2
    assert [reject.reason.split(":")[0] for reject in converted.rejects] == ["lpep_pickup_datetime"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_text_is_read_as_in_csv(tmp_path, kind):
    table = _green(
        lpep_pickup_datetime=["2021-01-01 00:00:00", "2021-01-01T01:00:00", ""],
        passenger_count=["7", "7.0", "NA"],
        fare_amount=["1", "", "2.5"],
    )
    _, table = _convert(_published(tmp_path, kind, table), "green")
    assert table["lpep_pickup_datetime"].to_pylist() == [*TIMES[:2], None]
    assert table["passenger_count"].to_pylist() == [7, 7, None]
    assert table["fare_amount"].to_pylist() == [1.0, None, 2.5]


def test_a_parquet_column_of_lists_is_refused_by_name(tmp_path):
    source = _published(tmp_path, "parquet", _green(passenger_count=[[1], [2], []]))
    with pytest.raises(SourceError, match="passenger_count has values of the type list"):
        _convert(source, "green")


# --- rows that cannot be read --------------------------------------------------------------------

TRIP = "2,2021-01-01 00:00:00,2021-01-01 00:10:00"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,soon,2021-01-01 00:10:00,7", 'lpep_pickup_datetime: "soon" is not a timestamp'),
        ("1.5,{times},7", 'VendorID: "1.5" is not a whole number'),
        ('" one",{times},7', 'VendorID: " one" is not a whole number'),
        ("1e-1,{times},7", 'VendorID: "1e-1" is not a whole number'),
        (f"{10**22 + 1},{{times}},7", f'VendorID: "{10**22 + 1}" is too large for 64 bits'),
        (f"{2**63}.0,{{times}},7", f'VendorID: "{2**63}.0" is too large for 64 bits'),
        (f"-{'9' * 50},{{times}},7", f'VendorID: "-{"9" * 50}" is too large for 64 bits'),
        ("1,{times},$7", 'Trip_Distance: "$7" is not a number'),
        ("1,2021-01-01 00:00:00", "Expected 4 columns, got 2"),
        ("1,{times},7,", "Expected 4 columns, got 5"),
        ('"Expected 9 columns, got 8",{times},7', 'VendorID: "Expected 9 columns, got 8" is not'),
    ],
)
def test_a_row_that_does_not_fit_is_rejected_with_its_line_and_the_reason(tmp_path, row, reason):
    header = GREEN_HEADER.replace("\n", ", Trip_Distance\n")
    row = row.format(times="2021-01-01 00:00:00,2021-01-01 00:10:00")
    text = header + f"{TRIP},1\n" * 3 + f"{row}\r\n" + f"{TRIP},2\n" * 2
    converted, table = _convert(_zipped(tmp_path / "m.csv.gz", text), "green")
    assert table["VendorID"].to_pylist() == [2] * 5
    (reject,) = converted.rejects
    assert (reject.line, reject.text) == (5, row)
    assert reject.reason.startswith(reason)


def test_a_row_refused_by_a_custom_cleaning_step_has_that_steps_reason(tmp_path, monkeypatch):
    def step(batch, schema):
        if 3 in batch["VendorID"].to_pylist():
            raise pa.ArrowInvalid("no vendor 3 here")
        return given(batch, schema)

    given = clean.clean
    monkeypatch.setattr(clean, "clean", step)
    source = _zipped(tmp_path / "m.csv.gz", f"{GREEN_HEADER}{TRIP}\n3{TRIP[1:]}\n")
    assert [r.reason for r in _convert(source, "green")[0].rejects] == ["no vendor 3 here"]


def test_bytes_that_are_not_utf_8_are_rejected(tmp_path):
    header = b"store_and_fwd_flag,lpep_pickup_datetime,lpep_dropoff_datetime\n"
    trip = TRIP.encode() + b"\n"
    source = _zipped(tmp_path / "m.csv.gz", header + trip + b"\xff" + trip + trip)
    converted, table = _convert(source, "green")
    assert table.num_rows == 2
    (reject,) = converted.rejects
    assert (reject.line, reject.reason) == (3, 'store_and_fwd_flag: "\ufffd2" is not UTF-8')


def test_bad_rows_in_many_blocks_are_all_found_and_nothing_else_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(clean, "BLOCK", 5_000)
    source = _month(tmp_path, "yellow", 3_000)
    lines = gzip.decompress(source.read_bytes()).splitlines(keepends=True)
    bad = [2, 3, 500, 1_700, 1_701, 3_001]
    for line in bad:
        lines[line - 1] = lines[line - 1].replace(b"2021-", b"in 2021-", 1)
    good = [text for number, text in enumerate(lines, 1) if number not in bad]
    (tmp_path / "good").mkdir()
    reference = _zipped(tmp_path / "good" / "m.csv.gz", b"".join(good))
    _zipped(source, b"".join(lines))
    converted, table = _convert(source, "yellow")
    assert [reject.line for reject in converted.rejects] == bad
    _assert_equal(table, _reference(reference, "yellow"), "yellow")


def test_the_allowed_number_of_bad_rows_passes_and_one_more_fails(tmp_path):
    rows = [TRIP, "x", TRIP, "y", "z"]
    source = _zipped(tmp_path / "m.csv.gz", GREEN_HEADER + "\n".join(rows))
    converted, table = _convert(source, "green", max_rejects=3)
    assert (table.num_rows, len(converted.rejects)) == (2, 3)
    with pytest.raises(TooManyRejectsError, match=r"more than 2 rows(?s:.*)line 3: .*: x\n"):
        _convert(source, "green", max_rejects=2)


def test_a_large_file_of_bad_rows_fails_early(tmp_path):
    source = _zipped(tmp_path / "m.csv.gz", GREEN_HEADER + "no trip\n" * 200_000)
    with pytest.raises(TooManyRejectsError, match="none of the first 101 rows"):
        _convert(source, "green")


@pytest.mark.parametrize(
    ("header", "row", "count"),
    [
        (GREEN_HEADER, f"{TRIP},", 50),
        (GREEN_HEADER.replace("\n", ",\n"), TRIP, 50),
        (GREEN_HEADER, "x", 1),
    ],
)
def test_a_month_of_only_rejected_rows_fails_even_if_they_are_few(tmp_path, header, row, count):
    source = _zipped(tmp_path / "m.csv.gz", header + f"{row}\n" * count)
    with pytest.raises(TooManyRejectsError) as caught:
        _convert(source, "green")
    assert f"m.csv.gz: none of its {count} rows can be read" in str(caught.value)
    assert f"line 2: Expected {header.count(',') + 1} columns, got " in str(caught.value)


def test_one_trip_among_allowed_rejects_is_a_month(tmp_path, monkeypatch):
    monkeypatch.setattr(clean, "BLOCK", 10)
    source = _zipped(tmp_path / "m.csv.gz", GREEN_HEADER + "x\n" * 60 + f"{TRIP}\n" + "x\n" * 40)
    converted, table = _convert(source, "green")
    assert (table.num_rows, len(converted.rejects)) == (1, 100)


def test_blank_lines_are_ignored(tmp_path):
    source = _zipped(tmp_path / "m.csv.gz", f"{GREEN_HEADER}\n{TRIP}\n\n{TRIP}\n\n\n")
    converted, table = _convert(source, "green")
    assert (table.num_rows, converted.rejects) == (2, [])


# --- along the way -------------------------------------------------------------------------------


def test_the_progress_ends_with_the_whole_file_and_every_row(tmp_path):
    source = _month(tmp_path, "fhv", 20_000)
    progress, seen = Progress("fhv 2021-02"), []
    _convert(source, "fhv", watch=Watch(progress, lambda p: seen.append(p.rows)))
    assert progress.received == source.stat().st_size
    assert progress.rows == 20_000
    assert seen == sorted(seen)


def test_a_month_that_is_stopped_ends_with_its_threads(tmp_path):
    source = _month(tmp_path, "yellow", 20_000)
    stop = threading.Event()
    stop.set()
    before = threading.active_count()
    with pytest.raises(StoppedError):
        _convert(source, "yellow", watch=Watch(Progress("m"), stop=stop))
    assert threading.active_count() == before


def test_a_full_disk_is_an_error_of_the_destination(tmp_path):
    source = _month(tmp_path, "yellow", 20_000)
    with (
        open_source(str(source)) as stream,
        pytest.raises(DestinationError, match="cannot be written"),
    ):
        convert(stream, Path("/dev/full"), SCHEMAS["yellow"])


def test_without_validators_a_hash_of_the_content_identifies_the_file(taxi):
    taxi.validators = False
    address = f"{taxi.url}/green/green_tripdata_2021-01.csv.gz"
    hashes = set()
    for _ in range(2):
        with open_source(address) as stream:
            target = taxi.find("/green/green_tripdata_2021-01.csv.gz").with_suffix(".parquet")
            hashes.add(convert(stream, target, SCHEMAS["green"]).fingerprint.sha256)
    assert len(hashes) == 1
    assert len(hashes.pop()) == 64
