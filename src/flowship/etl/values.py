"""Converts the values of one column to its type in the schema: the same for CSV and Parquet.

A value is either read as what it means or refused. It is never guessed: the number 1546300800 in a
column of times has no unit and no time zone, so it is refused, although Arrow would convert it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from flowship.etl.errors import SourceError

NEW_YORK = "America/New_York"
TIME = pa.timestamp("us")
ZONED_TIME = pa.timestamp("us", tz="UTC")

DECIMAL = pa.decimal128(38, 0)  # integers in any notation: 7, 7.0, 7e0

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1)
_FIRST = (datetime.min - _EPOCH) // _MICROSECOND
_LAST = (datetime.max - _EPOCH) // _MICROSECOND

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_TOO_PRECISE = re.compile(r":\d\d\.\d{7,}")
_WHOLE = re.compile(r"\s*[+-]?\d+(\.0*)?\s*")

# Seconds since 1970 of the years with trips, in each unit; the ranges do not overlap.
_YEARS = (datetime(2009, 1, 1), datetime(2101, 1, 1))
_SECONDS = [(year - _EPOCH) // timedelta(seconds=1) for year in _YEARS]
_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


def convert(array: pa.Array, kind: pa.DataType, *, flag: bool = False) -> pa.Array:
    """Convert a column to the type of the schema.

    Args:
        array: The column, of a type that `accepts` it.
        kind: The type in the schema.
        flag: The column has Y and N, which some files write as booleans.

    Raises:
        pyarrow.ArrowInvalid: A value does not fit.
        SourceError: This machine has no time zone data.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_floating(array.type):
        array = _without_nan(array)
    if _is_text(array.type) and kind != pa.string():
        array = _without_null_texts(array.cast(pa.string()))
    if pa.types.is_timestamp(kind):
        return _times(array)
    if flag:
        return _flags(array.cast(pa.string()))
    if pa.types.is_string(array.type) and pa.types.is_integer(kind):
        array = array.cast(DECIMAL)
    return array.cast(kind)


def accepts(kind: pa.DataType, published: pa.DataType, *, flag: bool = False) -> bool:
    """Whether a column of the type `published` can have values of the type `kind`."""
    if pa.types.is_dictionary(published):
        published = published.value_type
    if _is_text(published) or pa.types.is_null(published):
        return True
    if pa.types.is_timestamp(kind):
        return bool(pa.types.is_timestamp(published) or pa.types.is_date(published))
    if pa.types.is_boolean(published):
        return flag
    number = pa.types.is_integer(published) or pa.types.is_floating(published)
    return bool(number or pa.types.is_decimal(published))


def described(kind: pa.DataType) -> str:
    """A type in words: ``whole numbers (int64)``."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    words = {
        "booleans": pa.types.is_boolean,
        "whole numbers": pa.types.is_integer,
        "numbers": lambda k: pa.types.is_floating(k) or pa.types.is_decimal(k),
        "timestamps": lambda k: pa.types.is_timestamp(k) or pa.types.is_date(k),
        "text": _is_text,
    }
    for word, fits in words.items():
        if fits(kind):
            return f"{word} ({kind})"
    return f"values of the type {kind}"


def misfit(written: str, kind: pa.DataType) -> str:
    """Why the text in a column is not a value of that type."""
    text = f'"{written}"'
    if pa.types.is_integer(kind):
        if _WHOLE.fullmatch(written):
            return f"{text} is too large for 64 bits"
        return f"{text} is not a whole number"
    if pa.types.is_timestamp(kind):
        if is_number(written):
            return f"{text} is a number, not a timestamp{_unit(float(written))}"
        if _TOO_PRECISE.search(written):
            return f"{text} is more precise than microseconds"
        return f"{text} is not a timestamp"
    return f"{text} is not a number" if pa.types.is_floating(kind) else f"{text} is not UTF-8"


def is_number(written: str) -> bool:
    """Whether the text is a number, as epoch times are."""
    return bool(_NUMBER.fullmatch(written.strip()))


def _unit(number: float) -> str:
    """What a number in a column of times may count."""
    for unit, factor in _UNITS.items():
        if _SECONDS[0] * factor <= number < _SECONDS[1] * factor:
            return f" (perhaps {unit} since 1970)"
    return ""


def _times(array: pa.Array) -> pa.Array:
    """Wall-clock times in New York, of the years that every reader knows."""
    if pa.types.is_string(array.type):
        try:
            array = array.cast(TIME)
        except pa.ArrowInvalid:
            array = array.cast(ZONED_TIME)
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        array = _new_york_time(array)
    times = array.cast(TIME)
    bounds = pc.min_max(times.view(pa.int64())).as_py()
    if bounds["min"] is not None and (bounds["min"] < _FIRST or bounds["max"] > _LAST):
        raise pa.ArrowInvalid("a time is outside the years 1 to 9999")
    return times


def _new_york_time(array: pa.Array) -> pa.Array:
    # The name of the zone is only a label: the values of every zoned column count from 1970 in UTC.
    try:
        return pc.local_timestamp(array.cast(pa.timestamp(array.type.unit, tz=NEW_YORK)))
    except pa.ArrowInvalid as exc:
        raise SourceError(
            f"times with a time zone cannot be converted to New York time: {exc}",
            code="time-zone-data-missing",
            hint="install the time zone database (the system package tzdata) where the flow runs",
        ) from exc


def _without_nan(array: pa.Array) -> pa.Array:
    """Missing values in place of NaN, which pandas writes for them; in CSV, NaN is missing too."""
    missing = pc.is_null(array, nan_is_null=True)
    if missing.true_count == array.null_count:
        return array
    return pc.if_else(missing, pa.nulls(len(array), array.type), array)


def _without_null_texts(array: pa.Array) -> pa.Array:
    """Missing values in place of texts such as ``NA``, as when CSV is read."""
    missing = pc.is_in(array, pa.array(pa_csv.ConvertOptions().null_values))
    return pc.if_else(missing, pa.nulls(len(array), array.type), array)


def _flags(array: pa.Array) -> pa.Array:
    """Y and N in place of true and false."""
    if (pc.max(pc.binary_length(array)).as_py() or 0) < len("true"):
        return array
    yes = pc.replace_substring_regex(array, "(?i)^true$", "Y")
    return pc.replace_substring_regex(yes, "(?i)^false$", "N")


def _is_text(kind: pa.DataType) -> bool:
    text = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
    )
    return any(fits(kind) for fits in text)
