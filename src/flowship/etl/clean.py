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

from flowship.etl.columns import match_columns
from flowship.etl.errors import SourceError
from flowship.etl.schemas import TripSchema
from flowship.etl.values import (
    DECIMAL,
    TIME,
    ZONED_TIME,
    accepts,
    convert,
    described,
    is_number,
    misfit,
)

BLOCK = 1 << 20
"""Bytes of CSV that are parsed at a time, roughly 10,000 trips."""

LONGEST_HEADER = 64 << 10  # bytes; a file with a longer first line is not a CSV file

FLOATS_ARE_EXACT = 2**53  # a 64-bit float represents every integer below this, and few above
TIMES_HINT = (
    "convert {name} to New York wall-clock times first: numbers do not say their unit and zone"
)
WRONG_COUNT_HINT = "the rows and the header differ in their number of columns: repair the file"

ZONE_ERROR = "zone offset"  # Arrow: "expected no zone offset in '2021-01-01 00:00:00Z'"

Types = dict[str, pa.DataType]


@dataclass(frozen=True)
class Reject:
    """A row that could not be read.

    Attributes:
        line: Its line in the published file, starting at 1; in a Parquet file, its row.
        reason: What is wrong with it.
        text: The row as published.
        cure: What to do if all rows have this problem.
    """

    line: int
    reason: str
    text: str
    cure: str = "change the cleaning step that refuses these rows"


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

    def __add__(self, other: Cleaned) -> Cleaned:
        """Both, one after the other."""
        return Cleaned(
            self.batches + other.batches, self.read + other.read, self.rejects + other.rejects
        )


@dataclass(frozen=True)
class Block:
    """Complete lines of a CSV file, and the number of the first one."""

    line: int
    data: bytes


def clean(batch: pa.RecordBatch, schema: TripSchema) -> pa.RecordBatch:
    """Keep a batch with the names and types of the schema. Add your own cleaning steps here.

    Args:
        batch: Trips with the names and types of the schema.
        schema: The names and types that the batch gets.

    Raises:
        pyarrow.ArrowInvalid: A step refuses a row; it is then rejected.
    """
    arrays = [
        array.cast(field.type) for array, field in zip(batch.columns, schema.table, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.table)


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

    Attributes:
        zoned: Whether times with a time zone were read; they are converted to New York time.

    Raises:
        SourceError: The file is of another kind.
    """

    def __init__(self, header: list[str], schema: TripSchema, most: int) -> None:
        self._schema = schema
        self._most = most
        self._header = header
        columns = match_columns(header, schema)
        self._types = {columns[wanted.name]: wanted.type for wanted in schema.table}
        self._counts = [name for name, kind in self._types.items() if pa.types.is_integer(kind)]
        self._times = [name for name, kind in self._types.items() if pa.types.is_timestamp(kind)]
        # Some months write integers as 1.0, because a missing value once turned the column into
        # floats. Reading them as floats is as fast; decimals are exact, but take 50 % longer.
        self._loose = self._types | dict.fromkeys(self._counts, pa.float64())
        self._usual = self._types  # the notation of the last block, to avoid parsing blocks twice
        self.zoned = False

    def __call__(self, block: Block) -> Cleaned:
        """The block's trips, and its rejected rows."""
        try:
            return self._read(block.data)
        except pa.ArrowInvalid:
            return self._salvage(block.data.splitlines(keepends=True), block.line, self._most + 1)

    def _read(self, data: bytes) -> Cleaned:
        """Read lines in the first notation that fits all of them.

        Raises:
            pyarrow.ArrowInvalid: No notation does; the error is that of the first one.
        """
        usual = self._usual
        known = [usual, *(types for types in (self._types, self._loose) if types is not usual)]
        failures = []
        for types in known:
            try:
                return self._read_as(types, data)
            except pa.ArrowInvalid as exc:
                failures.append(exc)
        if ZONE_ERROR in str(failures[-1]):
            zoned = [name for name in self._times if self._zoned(data, name)]
            return self._read_as(self._loose | dict.fromkeys(zoned, ZONED_TIME), data)
        raise failures[0]

    def _read_as(self, types: Types, data: bytes) -> Cleaned:
        cleaned = self._clean(self._parse_exactly(data, types))
        self._usual = types
        self.zoned = self.zoned or any(types[name].tz for name in self._times)
        return cleaned

    def _zoned(self, data: bytes, name: str) -> bool:
        try:
            self._parse(data, {name: TIME})
        except pa.ArrowInvalid:
            return True
        return False

    def _parse(self, data: bytes, types: Types) -> pa.Table:
        if not data.strip():
            return pa.schema(types).empty_table()
        convert = pa_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            include_missing_columns=True,
            strings_can_be_null=True,
        )
        # A single Arrow block, so that no line is split; the stages have threads of their own.
        options = pa_csv.ReadOptions(
            column_names=self._header, use_threads=False, block_size=len(data) + 1
        )
        return pa_csv.read_csv(pa.BufferReader(data), options, convert_options=convert)

    def _parse_exactly(self, data: bytes, types: Types) -> pa.Table:
        """Read integers that are written as 1.0, without losing precision."""
        table = self._parse(data, types)
        floats = [name for name in self._counts if pa.types.is_floating(types[name])]
        largest = [pc.max(pc.abs(table[name])).as_py() or 0 for name in floats]
        if max(largest, default=0) < FLOATS_ARE_EXACT:
            return table
        return self._parse(data, types | dict.fromkeys(self._counts, DECIMAL))

    def _clean(self, table: pa.Table) -> Cleaned:
        batches = [_converted(batch, self._schema) for batch in table.to_batches()]
        return Cleaned(batches, table.num_rows)

    def _salvage(self, lines: list[bytes], first: int, most: int) -> Cleaned:
        """Bisect the lines to find the bad rows, and read all the others."""
        try:
            return self._read(b"".join(lines))
        except pa.ArrowInvalid as exc:
            if len(lines) == 1:
                return Cleaned([], 1, [self._reject(first, lines[0], exc)])
        half = len(lines) // 2
        left = self._salvage(lines[:half], first, most)
        if len(left.rejects) >= most:
            return left
        return left + self._salvage(lines[half:], first + half, most - len(left.rejects))

    def _reject(self, number: int, line: bytes, exc: pa.ArrowInvalid) -> Reject:
        """A row with what is wrong with it; Arrow's own message does not name the column."""
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        counted = re.match(r"CSV parse error: .*?(Expected \d+ columns, got \d+)", str(exc))
        if counted:
            return Reject(number, counted[1], text, WRONG_COUNT_HINT)
        for (name, kind), wanted in zip(self._types.items(), self._schema.table, strict=True):
            if self._fits(line, name, wanted):
                continue
            written = self._parse(line, {name: pa.binary()})[name][0].as_py() or b""
            return _misfit(number, name.strip(), kind, written.decode("utf-8", "replace"), text)
        return Reject(number, str(exc).splitlines()[0], text)  # of a cleaning step of the user

    def _fits(self, line: bytes, name: str, wanted: pa.Field) -> bool:
        flag = wanted.name in self._schema.flags
        kinds = [DECIMAL if name in self._counts else wanted.type]
        if name in self._times:
            kinds.append(ZONED_TIME)
        for kind in kinds:
            try:
                column = self._parse(line, {name: kind})[name].combine_chunks()
                convert(column, wanted.type, flag=flag)
            except pa.ArrowInvalid:
                continue
            return True
        return False


# --- Parquet -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """Some rows of a Parquet file, and the number of the first one."""

    row: int
    batch: pa.RecordBatch


class ParquetCleaner:
    """Turns the batches of a published Parquet file into batches of the schema.

    Args:
        published: The file's columns and their types.
        schema: The schema of the trips.
        most: The number of rejected rows after which the rest of a batch is not read.

    Attributes:
        columns: The file's columns that are read.
        zoned: Whether its times have a time zone; they are converted to New York time.

    Raises:
        SourceError: The file is of another kind, or a column has another type. A type applies to
            the whole file, so this is not a single bad row.
    """

    def __init__(self, published: pa.Schema, schema: TripSchema, most: int) -> None:
        self._schema = schema
        self._most = most
        columns = match_columns(published.names, schema)
        self.columns = [columns[n] for n in schema.table.names if columns[n] in published.names]
        self._names = [columns[name] for name in schema.table.names]
        self.zoned = False
        for name, wanted in zip(self._names, schema.table, strict=True):
            if name in self.columns:
                column = published.field(name)
                _refuse_other_type(column, wanted, flag=wanted.name in schema.flags)
                self.zoned = self.zoned or getattr(column.type, "tz", None) is not None

    def __call__(self, rows: Rows) -> Cleaned:
        """The trips, and the rejected rows."""
        arrays = [
            rows.batch.column(name) if name in self.columns else pa.nulls(rows.batch.num_rows)
            for name in self._names
        ]
        whole = pa.RecordBatch.from_arrays(arrays, names=self._schema.table.names)
        try:
            return self._salvage(whole, rows.row, self._most + 1)
        except pa.ArrowNotImplementedError as exc:  # a rare type, such as 16-bit floats
            raise SourceError(
                f"a column has a type that cannot be converted: {exc}",
                code="columns-mismatch",
                hint="change its type in the file: use numbers, timestamps and text",
            ) from exc

    def _salvage(self, batch: pa.RecordBatch, first: int, most: int) -> Cleaned:
        """Bisect the rows to find the bad ones, and read all the others."""
        try:
            return Cleaned([_converted(batch, self._schema)], batch.num_rows)
        except pa.ArrowInvalid as exc:
            if batch.num_rows == 1:
                return Cleaned([], 1, [self._reject(first, batch, exc)])
        half = batch.num_rows // 2
        left = self._salvage(batch.slice(0, half), first, most)
        if len(left.rejects) >= most:
            return left
        return left + self._salvage(batch.slice(half), first + half, most - len(left.rejects))

    def _reject(self, number: int, row: pa.RecordBatch, exc: pa.ArrowInvalid) -> Reject:
        text = ",".join(_written(column) for column in row.columns)
        for column, wanted in zip(row.columns, self._schema.table, strict=True):
            try:
                convert(column, wanted.type, flag=wanted.name in self._schema.flags)
            except pa.ArrowInvalid:
                return _misfit(number, wanted.name, wanted.type, _written(column), text)
        return Reject(number, str(exc).splitlines()[0], text)  # of a cleaning step of the user


def _misfit(number: int, name: str, kind: pa.DataType, written: str, text: str) -> Reject:
    """A row with a value that does not fit its column."""
    cure = f"convert {name} first: its values have another form in this file"
    if pa.types.is_timestamp(kind) and is_number(written):
        cure = TIMES_HINT.format(name=name)
    return Reject(number, f"{name}: {misfit(written, kind)}", text, cure)


def _refuse_other_type(published: pa.Field, wanted: pa.Field, *, flag: bool) -> None:
    if accepts(wanted.type, published.type, flag=flag):
        return
    hint = "change the type of this column in the file, or the one in flowship/etl/schemas.py"
    if pa.types.is_timestamp(wanted.type) and pa.types.is_primitive(published.type):
        hint = TIMES_HINT.format(name=published.name)
    raise SourceError(
        f"the column {published.name} has {described(published.type)},"
        f" not {described(wanted.type)}",
        code="columns-mismatch",
        hint=hint,
    )


def _written(column: pa.Array) -> str:
    """The only value of a column, as text."""
    try:
        return column.cast(pa.string())[0].as_py() or ""
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return f"a value of the type {column.type}"


def _converted(batch: pa.RecordBatch, schema: TripSchema) -> pa.RecordBatch:
    """A batch with the types of the schema, after the cleaning step."""
    arrays = [
        convert(array, wanted.type, flag=wanted.name in schema.flags)
        for array, wanted in zip(batch.columns, schema.table, strict=True)
    ]
    return clean(pa.RecordBatch.from_arrays(arrays, schema=schema.table), schema)
