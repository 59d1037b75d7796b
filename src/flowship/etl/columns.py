"""Finds the columns of the schema in the header of a published file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowship.etl.errors import SourceError, printable
from flowship.etl.schemas import SCHEMAS, TripSchema

SHOWN = 120  # characters of a header in an error

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_DATE = re.compile(r"\d{4}-\d\d-\d\d\b|\d\d?/\d\d?/\d{4}\b")


@dataclass(frozen=True)
class Layout:
    """Published columns that no schema reads.

    Attributes:
        title: The months that have them.
        columns: Some of its columns, in lower case, that together no other layout has.
    """

    title: str
    columns: frozenset[str]


LAYOUTS = (
    Layout("yellow trips of 2009", frozenset({"trip_pickup_datetime", "trip_dropoff_datetime"})),
    Layout("yellow trips of 2010 to 2014", frozenset({"pickup_datetime", "pickup_longitude"})),
    Layout("fhv trips of 2015 and 2016", frozenset({"pickup_date", "locationid"})),
)


def match_columns(header: list[str], schema: TripSchema) -> dict[str, str]:
    """Find the column of the file for each column of the schema.

    Case and surrounding spaces are ignored, because they changed over the years. A column with the
    schema's own name comes before one with another name for it: months of 2018 have both.

    Returns:
        Name in the schema → name in the file (or the schema's name if the file has no such
        column).

    Raises:
        SourceError: The file has no pickup or drop-off time, or it has the columns of other taxis;
            or two columns have the same name, so that it is unclear which one to use.
    """
    found = _found(header, schema)
    _refuse_other_kind(header, schema, set(found))
    return {name: found.get(name.lower(), name) for name in schema.table.names}


def missing_columns(header: list[str], schema: TripSchema) -> tuple[str, ...]:
    """The columns of the schema that the file does not have."""
    columns = match_columns(header, schema)
    return tuple(name for name in schema.table.names if columns[name] not in header)


def unknown_columns(header: list[str], schema: TripSchema) -> tuple[str, ...]:
    """The columns of the file that are not in the schema, without control characters."""
    used = set(match_columns(header, schema).values())
    return tuple(printable(name) or "(no name)" for name in header if name not in used)


def _found(header: list[str], schema: TripSchema) -> dict[str, str]:
    """Name in lower case → name in the file."""
    wanted = _names(schema) | set(schema.aliases)
    found: dict[str, str] = {}
    for name in header:
        key = name.strip().lower()
        if key in found and key in wanted:
            raise SourceError(
                f"the file has two columns {key}: {found[key]!r} and {name!r}",
                code="columns-mismatch",
            )
        found.setdefault(key, name)
    for other, name in schema.aliases.items():
        if other in found:
            found.setdefault(name.lower(), found[other])
    return found


def _names(schema: TripSchema) -> set[str]:
    return {name.lower() for name in schema.table.names}


def _refuse_other_kind(header: list[str], schema: TripSchema, keys: set[str]) -> None:
    absent = [name for name in schema.required if name.lower() not in keys]
    for layout in LAYOUTS:
        if layout.columns <= keys and not layout.columns <= _names(schema):
            raise SourceError(
                f"the file has the columns of {layout.title}, which no schema reads",
                code="columns-mismatch",
                hint="load later months, or add these columns to flowship/etl/schemas.py",
            )
    kind = _kind(keys)
    if kind and SCHEMAS[kind] is not schema:
        other = SCHEMAS[kind]
        if absent or len(other.required) > len(schema.required):
            reason = f"has no column {absent[0]}" if absent else f"has a column {other.required[0]}"
            raise SourceError(
                f"the file {reason}: these are {kind} trips",
                code="columns-mismatch",
                hint=f"load them with the colour {kind} (--colour {kind})",
            )
    if absent:
        raise _absent(header, schema, absent[0])


def _kind(keys: set[str]) -> str:
    """The taxis whose columns these are, by the largest number of required columns."""
    fits = [
        (len(schema.required), name)
        for name, schema in SCHEMAS.items()
        if {column.lower() for column in schema.required} <= keys
    ]
    return max(fits)[1] if fits else ""


def _absent(header: list[str], schema: TripSchema, name: str) -> SourceError:
    """The error for a header without a column that every month has."""
    line = ",".join(header)
    begins = f"it begins with {line[:SHOWN]!r}"
    for separator, words in _SEPARATORS.items():
        cells = {cell.strip(' "').lower() for cell in line.split(separator)}
        if name.lower() in cells:
            return SourceError(
                f"the columns of the file are separated by {words}; {begins}",
                code="separator-unsupported",
                hint="write the file with commas between the columns",
            )
    if _DATE.search(line):
        return SourceError(
            f"the file has no header: {begins}",
            code="columns-mismatch",
            hint="the first line must contain the names of the columns",
        )
    return SourceError(
        f"the file has no column {name}; {begins}",
        code="columns-mismatch",
        hint=f"the months of these taxis have {' and '.join(schema.required)}:"
        " check the address of the source",
    )
