from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from flowship.etl.parquet import Period, contents, open_writer, row_groups
from flowship.etl.schemas import SCHEMAS

FHV = SCHEMAS["fhv"]


def _batch(pickups: list[datetime | None]) -> pa.RecordBatch:
    rows = [{FHV.pickup: pickup, "PUlocationID": None} for pickup in pickups]
    return pa.RecordBatch.from_pylist(rows, schema=FHV.table)


def _numbers(count: int, start: int = 0) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array(range(start, start + count), pa.int64())})


def test_row_groups_have_the_same_size_and_keep_the_order():
    batches = [_numbers(3), _numbers(0), _numbers(9, 3), _numbers(2, 12)]
    tables = list(row_groups(batches, FHV, rows=5))
    assert [table.num_rows for table in tables] == [5, 5, 4]
    assert pa.concat_tables(tables)["n"].to_pylist() == list(range(14))


def test_without_trips_there_are_no_row_groups():
    assert list(row_groups([], FHV, rows=5)) == []


def test_the_footer_describes_the_month(tmp_path):
    first = datetime(2021, 2, 1, 0, 0, 7)
    with open_writer(tmp_path / "m.parquet", FHV) as writer:
        for day in range(3):
            pickups = [first + timedelta(days=day), None, first + timedelta(days=day, hours=5)]
            writer.write_table(pa.Table.from_batches([_batch(pickups)]))
    found = contents(tmp_path / "m.parquet", FHV)
    assert (found.rows, found.row_groups) == (9, 3)
    assert found.nulls[FHV.pickup] == 3
    assert found.nulls["PUlocationID"] == 9
    assert (found.first_pickup, found.last_pickup) == (first, first + timedelta(days=2, hours=5))
    assert found.size == (tmp_path / "m.parquet").stat().st_size


def test_a_month_without_trips_has_no_first_pickup(tmp_path):
    open_writer(tmp_path / "m.parquet", FHV).close()
    found = contents(tmp_path / "m.parquet", FHV)
    assert (found.rows, found.first_pickup, found.last_pickup) == (0, None, None)


def test_each_row_group_has_its_first_and_last_pickup(tmp_path):
    first = datetime(2021, 2, 1)
    batches = [_batch([first + timedelta(days=d, hours=h) for h in range(10)]) for d in range(5)]
    with open_writer(tmp_path / "m.parquet", FHV) as writer:
        for table in row_groups(batches, FHV, rows=10):
            writer.write_table(table)
    day = first + timedelta(days=3)
    footer = pq.read_metadata(tmp_path / "m.parquet")
    column = FHV.table.get_field_index(FHV.pickup)
    statistics = [footer.row_group(g).column(column).statistics for g in range(5)]
    assert [s.min <= day <= s.max for s in statistics] == [False, False, False, True, False]


def test_trips_of_other_months_come_last_in_groups_of_their_own():
    february = Period.around(2021, 2)
    inside = [datetime(2021, 1, 31, 1), datetime(2021, 2, 14), None, datetime(2021, 3, 1, 23, 59)]
    outside = [datetime(2009, 1, 1), datetime(2021, 1, 30, 23, 59), datetime(2021, 3, 2)]
    mixed = [_batch([o, i]) for o, i in zip(outside, inside, strict=False)] + [_batch(inside[3:])]
    tables = list(row_groups(mixed, FHV, february, rows=4))
    assert [t[FHV.pickup].to_pylist() for t in tables] == [inside, outside]
    everything = list(row_groups(mixed, FHV, rows=2))
    assert everything[0][FHV.pickup].to_pylist() == [outside[0], inside[0]]


def test_a_period_ends_in_the_next_year_after_december():
    december = Period.around(2020, 12)
    assert (december.first, december.end) == (datetime(2020, 11, 30), datetime(2021, 1, 2))


def test_a_file_of_another_month_is_not_collected_in_memory():
    def batches():
        for day in range(1, 29):
            yield _batch([datetime(2019, 2, day)] * 10)
            given.append(day)

    given: list[int] = []
    groups = row_groups(batches(), FHV, Period.around(2021, 2), rows=20)
    assert next(groups).num_rows == 20
    assert given == [1]
    assert sum(table.num_rows for table in groups) == 260
