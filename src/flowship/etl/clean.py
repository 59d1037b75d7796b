"""From the bytes of a month to typed batches of trips: names and types made right.

Every trip is kept, in its order, odd ones too. A row that cannot be a trip at all (a pickup
time that is no time, a column too many) is set aside with its line number and the reason.
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

LONGEST_HEADER = 64 << 10  # bytes; what has no line end before that is no CSV file

FLOATS_ARE_WHOLE = 2**53  # below it, a float holds every whole number; from there on some
DECIMAL = pa.decimal128(38, 0)  # whole numbers however written: 7, 7.0, 7e0


@dataclass(frozen=True)
class Reject:
    """A row that could not be read.

    Attributes:
        line: Its line in the published file, from 1; in a Parquet file, its row.
        reason: What is wrong with it.
        text: The row as published.
    """

    line: int
    reason: str
    text: str


@dataclass(frozen=True)
class Cleaned:
    """What became of one block.

    Attributes:
        batches: Its trips, in their order.
        read: Rows that were read, rejected ones too; more than the trips where a cleaning step
            leaves some out.
        rejects: The rows set aside.
    """

    batches: list[pa.RecordBatch]
    read: int
    rejects: list[Reject] = field(default_factory=list)


@dataclass(frozen=True)
class Block:
    """Whole lines of a CSV file, and the number of the first."""

    line: int
    data: bytes


def clean(batch: pa.RecordBatch, schema: TripSchema) -> pa.RecordBatch:
    """Bring a batch to the schema's names and types. The place for cleaning of your own.

    Args:
        batch: Columns in the schema's order; whole numbers may still be floats.
        schema: What the batch becomes.

    Raises:
        pyarrow.ArrowInvalid: A value does not fit its column (1.5 passengers).
    """
    arrays = [
        array.cast(field.type) for array, field in zip(batch.columns, schema.table, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.table)


# --- columns -------------------------------------------------------------------------------------


def match_columns(header: list[str], schema: TripSchema) -> dict[str, str]:
    """Which column of the file holds which column of the schema.

    Names are compared without case and surrounding blanks, which changed over the years.

    Returns:
        Name in the schema → name in the file (the schema's own where the file has none).

    Raises:
        SourceError: The pickup or the drop-off time is missing: this is another kind of file.
            Or two columns have one name, so that nobody can tell which is meant.
    """
    found: dict[str, str] = {}
    for name in header:
        key = name.strip().lower()
        key = schema.aliases.get(key, key).lower()
        if found.setdefault(key, name) is not name and key in _lower(schema):
            raise SourceError(f"the file has two columns {key}: {found[key]!r} and {name!r}")
    columns = {name: found.get(name.lower(), name) for name in schema.table.names}
    for name in (schema.pickup, schema.dropoff):
        if columns[name] not in header:
            raise SourceError(
                f"there is no column {name}; the file begins with {','.join(header)[:120]!r}",
                hint="check that the colour and the source address belong together",
            )
    return columns


def missing_columns(header: list[str], schema: TripSchema) -> tuple[str, ...]:
    """The columns of the schema that the file does not have."""
    columns = match_columns(header, schema)
    return tuple(name for name in schema.table.names if columns[name] not in header)


def unknown_columns(header: list[str], schema: TripSchema) -> tuple[str, ...]:
    """The columns of the file that the schema does not have; what has no name is told so."""
    used = set(match_columns(header, schema).values())
    return tuple(name or "(no name)" for name in header if name not in used)


def _lower(schema: TripSchema) -> set[str]:
    return {name.lower() for name in schema.table.names}


# --- CSV -----------------------------------------------------------------------------------------


def read_header(plain: Iterator[bytes], name: str) -> tuple[list[str], bytes]:
    """Take the first line off a CSV file's bytes.

    Returns:
        The column names, exactly as the file writes them, and the bytes read beyond them.

    Raises:
        SourceError: The file is empty, or its lines do not end in LF or CRLF.
    """
    begin = b""
    while b"\n" not in begin and len(begin) < LONGEST_HEADER:
        piece = next(plain, b"")
        if not piece:
            break
        begin += piece
    if not begin.strip():
        raise SourceError(f"{name} is empty: there is not even a header")
    first, _, rest = begin.partition(b"\n")
    text = first[:LONGEST_HEADER].decode("utf-8-sig", errors="replace").rstrip("\r")
    if "\r" in text:  # the first row would be taken for names, and the others with it
        raise SourceError(
            f"the lines of {name} do not end in LF or CRLF: it begins with {text[:120]!r}",
            hint="write the file with other line ends: lines that end in CR alone are not read",
        )
    return [column.strip('"') for column in text.split(",")], rest


def blocks(begin: bytes, plain: Iterable[bytes], size: int | None = None) -> Iterator[Block]:
    """Cut a CSV file's bytes into blocks of whole lines.

    Args:
        begin: The bytes after the header that have been read already.
        plain: The bytes after those.
        size: Bytes of a block, at least; `BLOCK` by default.
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
        schema: What its trips become.
        most: Rejected rows after which it is not worth going on with a block.

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
        # Some months write whole numbers as 1.0, because a missing value made them floats once.
        # Read as floats they cost no more; decimals hold every digit, and take half as long again.
        self._floats = self._options(self._types | dict.fromkeys(self._counts, pa.float64()))
        self._decimals = self._options(self._types | dict.fromkeys(self._counts, DECIMAL))
        self._whole = True  # until a block with 1.0 is seen: trying in vain costs time

    def __call__(self, block: Block) -> Cleaned:
        """The block's trips, and the rows that are none."""
        if self._whole:
            try:
                return self._clean(self._parse(block.data, self._exact))
            except pa.ArrowInvalid:
                pass
        try:
            cleaned = self._clean(self._loose(block.data))
        except pa.ArrowInvalid:
            return self._salvage(block.data.splitlines(keepends=True), block.line, self._most + 1)
        self._whole = False
        return cleaned

    def _parse(self, data: bytes, convert: pa_csv.ConvertOptions) -> pa.Table:
        if not data.strip():
            return pa.schema(self._types).empty_table()
        # One Arrow block, so that a line is never cut; the threads are those of our own stages.
        options = pa_csv.ReadOptions(
            column_names=self._header, use_threads=False, block_size=len(data) + 1
        )
        return pa_csv.read_csv(pa.BufferReader(data), options, convert_options=convert)

    def _loose(self, data: bytes) -> pa.Table:
        """Read whole numbers also where they are written as 1.0, without losing a digit."""
        table = self._parse(data, self._floats)
        largest = [pc.max(pc.abs(table[name])).as_py() or 0 for name in self._counts]
        if max(largest, default=0) < FLOATS_ARE_WHOLE:
            return table
        return self._parse(data, self._decimals).cast(pa.schema(self._types))

    def _clean(self, table: pa.Table) -> Cleaned:
        batches = [clean(batch, self._schema) for batch in table.to_batches()]
        return Cleaned(batches, table.num_rows)

    def _salvage(self, lines: list[bytes], first: int, most: int) -> Cleaned:
        """Halve until every bad row is alone: what is good is read as if it were not there."""
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
        """What is wrong with a row: Arrow's words name no column, and its floats no such value."""
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
        return str(exc).splitlines()[0]  # of a cleaning step of one's own

    @staticmethod
    def _options(types: dict[str, pa.DataType]) -> pa_csv.ConvertOptions:
        return pa_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            include_missing_columns=True,
            strings_can_be_null=True,
        )


def _misfit(written: bytes, kind: pa.DataType) -> str:
    """Why what a file has in a column is nothing of that type, in words."""
    text = '"' + written.decode("utf-8", errors="replace") + '"'
    if pa.types.is_integer(kind):
        digits = re.fullmatch(rb"\s*[+-]?\d+(\.0*)?\s*", written)
        return f"{text} is too large for 64 bits" if digits else f"{text} is no whole number"
    if pa.types.is_timestamp(kind):
        return f"{text} is no time"
    return f"{text} is no number" if pa.types.is_floating(kind) else f"{text} is no UTF-8 text"


# --- Parquet -------------------------------------------------------------------------------------


class ParquetCleaner:
    """Turns the batches of a published Parquet file into those of the schema.

    Args:
        header: The file's column names.
        schema: What its trips become.

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
            SourceError: A value does not fit its column: types hold for a whole Parquet file,
                so this is no single bad row.
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
                f"{self._odd_column(whole)} has another type than expected: {exc}",
                hint="the published schema changed: look at flowship/etl/schemas.py",
            ) from exc

    def _odd_column(self, batch: pa.RecordBatch) -> str:
        """The column that a batch cannot be brought to its type for; Arrow does not say which."""
        for column, wanted in zip(batch.columns, self._schema.table, strict=True):
            try:
                column.cast(wanted.type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                return f"the column {wanted.name}"
        return "a column"  # what a cleaning step of one's own made
