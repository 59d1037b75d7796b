"""How the months of the shipped flow and their progress look."""

from __future__ import annotations

import io
import re

from rich.console import Console

from flowship.etl.convert import Progress
from flowship.etl.manifest import MonthResult
from flowship.output import render_etl
from support.rendering import shown

WRITTEN = MonthResult(
    "green", 2021, 1, "written", "out/green.parquet", rows=76_518, rejected=2, size=1_300_000,
    rejects="out/_green.rejects.csv", unknown=("[new]",), missing=("airport_fee",), seconds=1.25,
)  # fmt: skip
FAILED = MonthResult("green", 2021, 2, "failed", reason="the server returned 404")


def test_each_month_has_a_row():
    lines = shown(render_etl.months([WRITTEN, FAILED])).splitlines()
    assert lines[0].split() == ["month", "outcome", "rows", "rejected", "MB", "seconds"]
    assert lines[1].split() == ["green", "2021-01", "written", "76,518", "2", "1.3", "1.2"]
    assert lines[2].split()[:3] == ["green", "2021-02", "failed"]


def test_columns_that_do_not_match_and_rejected_rows_are_noted():
    assert shown(render_etl.notes([WRITTEN, FAILED])).splitlines() == [
        "warning: green 2021-01: columns dropped: [new]; columns left empty: airport_fee",
        "green 2021-01: the rejected rows are in out/_green.rejects.csv",
    ]


def drawn(*seen: Progress, terminal: bool) -> str:
    stream = io.StringIO()
    story = Console(file=stream, width=120, force_terminal=terminal, _environ={"TERM": "xterm"})
    with render_etl.progress(story) as report:
        for one in seen:
            report(one)
    return stream.getvalue()


SEEN = (
    Progress("green 2021-01", size=100, received=10, rows=5),
    Progress("green 2021-01", size=100, received=10, rows=5, note="retrying in 2 s"),
    Progress("green 2021-01", size=100, received=100, rows=50, outcome="written"),
)


def test_without_a_terminal_notes_and_outcomes_are_lines():
    assert drawn(*SEEN, terminal=False).splitlines() == [
        "  green 2021-01: retrying in 2 s",
        "• green 2021-01: written, 50 rows",
    ]


def test_a_terminal_has_a_bar_for_each_month():
    failed = Progress("green 2021-02", outcome="failed")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn(*SEEN, failed, terminal=True))
    assert "green 2021-01: retrying in 2 s" in text
    assert re.search(r"green 2021-01 .* 50 rows .*written", text)
    assert re.search(r"green 2021-02 .* 0 rows .*failed", text)
