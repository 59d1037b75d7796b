"""Values of one column; whole months are tested in test_convert.py."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from flowship.etl import values
from flowship.etl.errors import SourceError
from flowship.etl.values import TIME, accepts, convert, described, misfit

COUNT, NUMBER, TEXT = pa.int64(), pa.float64(), pa.string()
NAN = float("nan")


@pytest.mark.parametrize(
    ("array", "kind", "expected"),
    [
        (pa.array([1.0, NAN, None]), COUNT, [1, None, None]),
        (pa.array([1, None], pa.int8()), COUNT, [1, None]),
        (pa.array([Decimal("7.00")]), COUNT, [7]),
        (pa.array(["7", "7.0", "7e0", str(2**53 + 1), "NA", ""]), COUNT,
         [7, 7, 7, 2**53 + 1, None, None]),
        (pa.array([1, 2]).dictionary_encode(), COUNT, [1, 2]),
        (pa.array([1.5, NAN], pa.float32()), NUMBER, [1.5, None]),
        (pa.array([NAN, NAN]), TEXT, [None, None]),
        (pa.array([b"Y"], pa.large_binary()), TEXT, ["Y"]),
        (pa.array([date(2021, 1, 1)]), TIME, [datetime(2021, 1, 1)]),
        (pa.array(["2021-01-01 00:00:00-05:00"]), TIME, [datetime(2021, 1, 1)]),
        (pa.nulls(2), TIME, [None, None]),
    ],
)  # fmt: skip
def test_a_value_is_read_as_what_it_means(array, kind, expected):
    assert accepts(kind, array.type)
    converted = convert(array, kind)
    assert converted.type == kind
    assert converted.to_pylist() == expected


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pa.array([1.5]), COUNT),
        (pa.array([float("inf")]), COUNT),
        (pa.array([2**64 - 1], pa.uint64()), COUNT),
        (pa.array(["7.5"]), COUNT),
        (pa.array([b"\xff"]), TEXT),
        (pa.array([2**60]).cast(TIME), TIME),
        (pa.array([1], pa.int64()).cast(pa.timestamp("ns")), TIME),
    ],
)
def test_a_value_that_does_not_fit_is_refused(array, kind):
    with pytest.raises(pa.ArrowInvalid):
        convert(array, kind)


@pytest.mark.parametrize(
    ("kind", "published", "accepted"),
    [
        (TIME, pa.int64(), False),
        (TIME, pa.float64(), False),
        (TIME, pa.bool_(), False),
        (TIME, pa.timestamp("ns", tz="UTC"), True),
        (COUNT, pa.bool_(), False),
        (COUNT, pa.timestamp("us"), False),
        (COUNT, pa.dictionary(pa.int32(), pa.bool_()), False),
        (NUMBER, pa.bool_(), False),
        (TEXT, pa.bool_(), False),
        (TEXT, pa.int64(), True),
        (TEXT, pa.list_(pa.string()), False),
    ],
)
def test_a_type_that_means_something_else_is_not_accepted(kind, published, accepted):
    assert accepts(kind, published) == accepted


def test_only_flags_can_be_booleans():
    assert accepts(TEXT, pa.bool_(), flag=True)
    assert not accepts(COUNT, pa.bool_())
    for array in (pa.array([True, False, None]), pa.array(["TRUE", "false", None])):
        assert convert(array, TEXT, flag=True).to_pylist() == ["Y", "N", None]
    assert convert(pa.array(["N", "untrue"]), TEXT, flag=True).to_pylist() == ["N", "untrue"]


def test_an_instant_that_clocks_repeat_is_read_once():
    instants = pa.array([datetime(2021, 11, 7, hour) for hour in (5, 6)], pa.timestamp("s", "UTC"))
    assert convert(instants, TIME).to_pylist() == [datetime(2021, 11, 7, 1)] * 2


def test_missing_time_zone_data_is_an_error_with_its_cure(monkeypatch):
    monkeypatch.setattr(values, "NEW_YORK", "America/Atlantis")
    instants = pa.array([datetime(2021, 1, 1)], pa.timestamp("us", "UTC"))
    with pytest.raises(SourceError, match="Install the time zone database") as caught:
        convert(instants, TIME)
    assert caught.value.code == "time-zone-data-missing"


@pytest.mark.parametrize(
    ("written", "kind", "expected"),
    [
        ("1546300800", TIME, "is a number, not a timestamp (perhaps seconds since 1970)"),
        (" 1.5463008e12", TIME, "is a number, not a timestamp (perhaps milliseconds since 1970)"),
        ("7", TIME, "is a number, not a timestamp"),
        ("2021-01-01 00:00:00.1234567", TIME, "is more precise than microseconds"),
        ("soon", TIME, "is not a timestamp"),
        ("true", COUNT, "is not a whole number"),
        (str(2**63), COUNT, "is too large for 64 bits"),
        ("$7", NUMBER, "is not a number"),
    ],
)
def test_a_misfit_is_explained(written, kind, expected):
    assert misfit(written, kind) == f'"{written}" {expected}'


def test_types_are_described_in_words():
    assert described(pa.bool_()) == "booleans (bool)"
    assert described(pa.dictionary(pa.int32(), pa.string())) == "text (string)"
    assert described(pa.list_(pa.int64())).startswith("values of the type list")


def test_a_usual_month_needs_no_pandas():
    code = """
import sys, pyarrow as pa
from flowship.etl.clean import Block, CsvCleaner
from flowship.etl.schemas import SCHEMAS
header = ["lpep_pickup_datetime", "lpep_dropoff_datetime", "store_and_fwd_flag", "fare_amount"]
row = b"2021-01-01 00:00:00,2021-01-01 00:00:00,true,7.5\\n"
cleaned = CsvCleaner(header, SCHEMAS["green"], 0)(Block(2, row * 3))
print(cleaned.read, cleaned.batches[0].num_rows, "pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "3", "False"]
