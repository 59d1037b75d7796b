"""The tables of the Prefect artifacts."""

from __future__ import annotations

from flowship.etl import tables
from flowship.etl.manifest import MonthResult

WRITTEN = MonthResult(
    "green", 2021, 1, "written", "out/m.parquet", rows_read=1_002, rows=1_000, rejected=2,
    nulls={"fee": 3}, first_pickup="2021-01-01T00:00:07", size=1_250_000, seconds=1.5,
)  # fmt: skip
FAILED = MonthResult("green", 2021, 2, "failed", reason="the server returned 404", seconds=0.5)


def test_the_summary_has_a_row_for_each_month():
    written, failed = tables.summary([WRITTEN, FAILED])
    assert written["rows"] == "1,000"
    assert written["first pickup"] == "2021-01-01 00:00:07"
    assert (written["MB"], written["location or reason"]) == ("1.2", "out/m.parquet")
    assert (failed["rows"], failed["location or reason"]) == ("", "the server returned 404")
    assert written.keys() == failed.keys()


def test_the_facts_of_a_month_leave_out_what_is_empty():
    facts = {row["fact"]: row["value"] for row in tables.month(WRITTEN)}
    assert facts["rows read"] == "1,002"
    assert facts["nulls in fee"] == "3"
    assert "reason" not in facts
    assert "columns not in the schema" not in facts
