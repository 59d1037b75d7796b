"""Columns, blocks and headers of a published file; whole months are tested in test_convert.py."""

from __future__ import annotations

import pyarrow as pa
import pytest

from flowship.etl.clean import (
    LONGEST_HEADER,
    Block,
    CsvCleaner,
    ParquetCleaner,
    Rows,
    blocks,
    read_header,
)
from flowship.etl.schemas import SCHEMAS

FHV = SCHEMAS["fhv"]
TIMES = "2021-01-01 00:00:00,2021-01-01 00:10:00"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_header_is_read_from_pieces_of_any_size(size):
    text = b'\xef\xbb\xbf"a",b\r\n1,2\r\n'
    plain = iter([text[i : i + size] for i in range(0, len(text), size)])
    header, rest = read_header(plain, "m.csv")
    assert header == ["a", "b"]
    assert rest + b"".join(plain) == b"1,2\r\n"


def test_a_first_line_without_end_is_read_only_up_to_a_limit():
    pieces = iter([b"x" * LONGEST_HEADER] * 3)
    header, _ = read_header(pieces, "m.csv")
    assert header == ["x" * LONGEST_HEADER]
    assert len(list(pieces)) == 2


def test_blocks_are_complete_lines_with_the_number_of_the_first():
    found = list(blocks(b"a\nb", iter([b"b\ncc", b"c\nd"]), size=3))
    assert found == [Block(2, b"a\nbb\n"), Block(4, b"ccc\n"), Block(5, b"d")]


def test_a_block_stops_after_the_allowed_number_of_bad_rows():
    cleaner = CsvCleaner(["pickup_datetime", "dropOff_datetime"], FHV, most=2)
    cleaned = cleaner(Block(10, b"bad\n" * 1000))
    assert [reject.line for reject in cleaned.rejects] == [10, 11, 12]


def test_a_good_row_between_bad_ones_is_kept():
    cleaner = CsvCleaner(["pickup_datetime", "dropOff_datetime"], FHV, most=100)
    cleaned = cleaner(Block(2, f"x\n{TIMES}\ny\n".encode()))
    assert sum(batch.num_rows for batch in cleaned.batches) == 1
    assert (cleaned.read, [reject.text for reject in cleaned.rejects]) == (3, ["x", "y"])


def test_a_parquet_batch_gets_the_columns_and_types_of_the_schema():
    time = pa.array(["2021-01-01 00:00:00"]).cast(pa.timestamp("ns"))
    batch = pa.record_batch({"Pickup_DateTime": time, "dropOff_datetime": time, "x": [1]})
    cleaner = ParquetCleaner(batch.schema, FHV, most=0)
    assert cleaner.columns == ["Pickup_DateTime", "dropOff_datetime"]
    (cleaned,) = cleaner(Rows(1, batch)).batches
    assert cleaned.schema.equals(FHV.table)
    assert cleaned["SR_Flag"].to_pylist() == [None]
