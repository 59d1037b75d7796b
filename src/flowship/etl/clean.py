"""Turns the bytes of a month into typed batches of trips, with the names of the schema.

All trips are kept, in their order, even implausible ones. A row that cannot be read as a trip (an
invalid pickup time, one column too many) is rejected, with its line number and the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from flowship.etl.errors import SourceError
from flowship.etl.schemas import TripSchema

BLOCK = 1 << 20
"""Bytes of CSV that are parsed at a time, roughly 10,000 trips."""

LONGEST_HEADER = 64 << 10  # bytes; a file with a longer first line is not a CSV file

FLOATS_ARE_EXACT = 2**53  # a 64-bit float represents every integer below this, and few above
DECIMAL = pa.decimal128(38, 0)  # integers in any notation: 7, 7.0, 7e0


@dataclass(frozen=True)
class Reject:
    """A row that could not be read.

    Attributes:
        line: Its line in the published file, starting at 1; in a Parquet file, its row.
        reason: What is wrong with it.
        text: The row as published.
    """

    line: int
    reason: str
    text: str


@dataclass(frozen=True)
class Cleaned:
    """The result of cleaning one block.

    Attributes:
        batches: Its trips, in their order.
        read: Rows that were read, including the rejected ones. A cleaning step that drops rows
            makes this larger than the number of trips plus rejects.
        rejects: The rows that could not be read.
    """

    batches: list[pa.RecordBatch]
    read: int
    rejects: list[Reject] = field(default_factory=list)


@dataclass(frozen=True)
class Block:
    """Complete lines of a CSV file, and the number of the first one."""

    line: int
    data: bytes


def clean(batch: pa.RecordBatch, schema: TripSchema) -> pa.RecordBatch:
    """Convert a batch to the names and types of the schema. Add your own cleaning steps here.

    Args:
        batch: Columns in the order of the schema; integers may still be floats.
        schema: The names and types that the batch gets.

    Raises:
        pyarrow.ArrowInvalid: A value does not fit its column (1.5 passengers).
    """
    arrays = [
        array.cast(field.type) for array, field in zip(batch.columns, schema.table, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.table)


# --- columns -------------------------------------------------------------------------------------


def match_columns(header: list[str], schema: TripSchema) -> dict[str, str]:
    """Find the column of the file for each column of the schema.

    Case and surrounding spaces are ignored, because they changed over the years.

    Returns:
        Name in the schema → name in the file (or the schema's name if the file has no such
        column).

    Raises:
        SourceError: The file has no pickup or drop-off time, so it is another kind of file; or
            two columns have the same name, so that it is unclear which one to use.
    """
    found: dict[str, str] = {}
    for name in header:
        key = name.strip().lower()
        key = schema.aliases.get(key, key).lower()
        if found.setdefault(key, name) is not name and key in _lower(schema):
            raise SourceError(
                f"the file has two columns {key}: {found[key]!r} and {name!r}",
                code="columns-mismatch",
            )
    columns = {name: found.get(name.lower(), name) for name in schema.table.names}
    for name in (schema.pickup, schema.dropoff):
        if columns[name] not in header:
            raise SourceError(
                f"the file has no column {name}; it begins with {','.join(header)[:120]!r}",
                code="columns-mismatch",
                hint="check that the colour matches the source address",
            )
    return columns


def missing_columns(header: list[str], schema: TripSchema) -> tuple[str, ...]:
    """The columns of the schema that the file does not have."""
    columns = match_columns(header, schema)
    return tuple(name for name in schema.table.names if columns[name] not in header)


def unknown_columns(header: list[str], schema: TripSchema) -> tuple[str, ...]:
    """The columns of the file that are not in the schema."""
    used = set(match_columns(header, schema).values())
    return tuple(name or "(no name)" for name in header if name not in used)


def _lower(schema: TripSchema) -> set[str]:
    return {name.lower() for name in schema.table.names}


# --- CSV -----------------------------------------------------------------------------------------


def read_header(plain: Iterator[bytes], name: str) -> tuple[list[str], bytes]:
    """Read the first line of a CSV file.

    Returns:
        The column names, exactly as in the file, and the bytes that were read after them.

    Raises:
        SourceError: The file is empty, or its lines do not end with LF or CRLF.
    """
    begin = b""
    while b"\n" not in begin and len(begin) < LONGEST_HEADER:
        piece = next(plain, b"")
        if not piece:
            break
        begin += piece
    if not begin.strip():
        raise SourceError(f"{name} is empty: it has no header", code="source-empty")
    first, _, rest = begin.partition(b"\n")
    text = first[:LONGEST_HEADER].decode("utf-8-sig", errors="replace").rstrip("\r")
    if "\r" in text:  # all rows would be read as one header
        raise SourceError(
            f"the lines of {name} do not end with LF or CRLF: it begins with {text[:120]!r}",
            code="line-endings-unsupported",
            hint="convert the line endings: lines that end with CR alone are not supported",
        )
    return [column.strip('"') for column in text.split(",")], rest


def blocks(begin: bytes, plain: Iterable[bytes], size: int | None = None) -> Iterator[Block]:
    """Split the bytes of a CSV file into blocks of complete lines.

    Args:
        begin: The bytes after the header that were already read.
        plain: The bytes that follow.
        size: The minimum size of a block in bytes; `BLOCK` by default.
    """
    size = BLOCK if size is None else size
    line, held, pieces = 2, len(begin), [begin]
    for piece in plain:
        pieces.append(piece)
        held += len(piece)
        cut = piece.rfind(b"\n") + 1
        if held >= size and cut:
            pieces[-1] = piece[:cut]
            data = b"".join(pieces)
            yield Block(line, data)
            line += data.count(b"\n")
            pieces, held = [piece[cut:]], len(piece) - cut
    data = b"".join(pieces)
    if data:
        yield Block(line, data)


class CsvCleaner:
    """Turns blocks of one CSV file into typed batches; safe to call from several threads.

    Args:
        header: The file's column names.
        schema: The schema of the trips.
        most: The number of rejected rows after which the rest of a block is not read.

    Raises:
        SourceError: The file is of another kind.
    """

    def __init__(self, header: list[str], schema: TripSchema, most: int) -> None:
        self._schema = schema
        self._most = most
        self._header = header
        columns = match_columns(header, schema)
        self._types = {columns[field.name]: field.type for field in schema.table}
        self._counts = [name for name, kind in self._types.items() if pa.types.is_integer(kind)]
        self._exact = self._options(self._types)
        # Some months write integers as 1.0, because a missing value once turned the column into
        # floats. Reading them as floats is as fast; decimals are exact, but take 50 % longer.
        self._floats = self._options(self._types | dict.fromkeys(self._counts, pa.float64()))
        self._decimals = self._options(self._types | dict.fromkeys(self._counts, DECIMAL))
        self._integers = True  # until a block with 1.0 is seen, to avoid parsing blocks twice

    def __call__(self, block: Block) -> Cleaned:
        """The block's trips, and its rejected rows."""
        if self._integers:
            try:
                return self._clean(self._parse(block.data, self._exact))
            except pa.ArrowInvalid:
                pass
        try:
            cleaned = self._clean(self._loose(block.data))
        except pa.ArrowInvalid:
            return self._salvage(block.data.splitlines(keepends=True), block.line, self._most + 1)
        self._integers = False
        return cleaned

    def _parse(self, data: bytes, convert: pa_csv.ConvertOptions) -> pa.Table:
        if not data.strip():
            return pa.schema(self._types).empty_table()
        # A single Arrow block, so that no line is split; the stages have threads of their own.
        options = pa_csv.ReadOptions(
            column_names=self._header, use_threads=False, block_size=len(data) + 1
        )
        return pa_csv.read_csv(pa.BufferReader(data), options, convert_options=convert)

    def _loose(self, data: bytes) -> pa.Table:
        """Read integers that are written as 1.0, without losing precision."""
        table = self._parse(data, self._floats)
        largest = [pc.max(pc.abs(table[name])).as_py() or 0 for name in self._counts]
        if max(largest, default=0) < FLOATS_ARE_EXACT:
            return table
        return self._parse(data, self._decimals).cast(pa.schema(self._types))

    def _clean(self, table: pa.Table) -> Cleaned:
        batches = [clean(batch, self._schema) for batch in table.to_batches()]
        return Cleaned(batches, table.num_rows)

    def _salvage(self, lines: list[bytes], first: int, most: int) -> Cleaned:
        """Bisect the lines to find the bad rows, and read all the others."""
        try:
            return self._clean(self._loose(b"".join(lines)))
        except pa.ArrowInvalid as exc:
            if len(lines) == 1:
                text = lines[0].decode("utf-8", errors="replace").rstrip("\r\n")
                return Cleaned([], 1, [Reject(first, self._reason(lines[0], exc), text)])
        half = len(lines) // 2
        left = self._salvage(lines[:half], first, most)
        if len(left.rejects) >= most:
            return left
        right = self._salvage(lines[half:], first + half, most - len(left.rejects))
        return Cleaned(
            left.batches + right.batches, left.read + right.read, left.rejects + right.rejects
        )

    def _reason(self, line: bytes, exc: pa.ArrowInvalid) -> str:
        """What is wrong with a row; Arrow's own message does not name the column."""
        counted = re.match(r"CSV parse error: .*?(Expected \d+ columns, got \d+)", str(exc))
        if counted:
            return counted[1]
        for name, kind in self._types.items():
            wanted = DECIMAL if name in self._counts else kind
            try:
                self._parse(line, self._options({name: wanted})).cast(pa.schema({name: kind}))
            except pa.ArrowInvalid:
                written = self._parse(line, self._options({name: pa.binary()}))[name][0].as_py()
                return f"{name.strip()}: {_misfit(written, kind)}"
        return str(exc).splitlines()[0]  # raised by a cleaning step of the user

    @staticmethod
    def _options(types: dict[str, pa.DataType]) -> pa_csv.ConvertOptions:
        return pa_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            include_missing_columns=True,
            strings_can_be_null=True,
        )


def _misfit(written: bytes, kind: pa.DataType) -> str:
    """Why the text in a column is not a value of that type."""
    text = '"' + written.decode("utf-8", errors="replace") + '"'
    if pa.types.is_integer(kind):
        digits = re.fullmatch(rb"\s*[+-]?\d+(\.0*)?\s*", written)
        return f"{text} is too large for 64 bits" if digits else f"{text} is not a whole number"
    if pa.types.is_timestamp(kind):
        return f"{text} is not a timestamp"
    return f"{text} is not a number" if pa.types.is_floating(kind) else f"{text} is not UTF-8"


# --- Parquet -------------------------------------------------------------------------------------


class ParquetCleaner:
    """Turns the batches of a published Parquet file into batches of the schema.

    Args:
        header: The file's column names.
        schema: The schema of the trips.

    Raises:
        SourceError: The file is of another kind.
    """

    def __init__(self, header: list[str], schema: TripSchema) -> None:
        self._schema = schema
        columns = match_columns(header, schema)
        self.columns = [columns[n] for n in schema.table.names if columns[n] in header]
        self._names = [columns[name] for name in schema.table.names]

    def __call__(self, batch: pa.RecordBatch) -> Cleaned:
        """The batch's trips.

        Raises:
            SourceError: A value does not fit its column. A type applies to a whole Parquet file,
                so this is not a single bad row.
        """
        arrays = [
            batch.column(name) if name in self.columns else pa.nulls(batch.num_rows)
            for name in self._names
        ]
        whole = pa.RecordBatch.from_arrays(arrays, names=self._schema.table.names)
        try:
            return Cleaned([clean(whole, self._schema)], batch.num_rows)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as exc:
            raise SourceError(
                f"{self._misfit_column(whole)} has an unexpected type: {exc}",
                code="columns-mismatch",
                hint="the published schema has changed: update flowship/etl/schemas.py",
            ) from exc

    def _misfit_column(self, batch: pa.RecordBatch) -> str:
        """The column that cannot be converted to its type; Arrow does not name it."""
        for column, wanted in zip(batch.columns, self._schema.table, strict=True):
            try:
                column.cast(wanted.type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                return f"the column {wanted.name}"
        return "a column"  # made by a cleaning step of the user
