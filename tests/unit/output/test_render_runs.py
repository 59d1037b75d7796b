"""How runs, their states and their logs look."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.text import Text

from flowship.deployment.parameters import ParameterValue
from flowship.output import render_runs
from flowship.runs.cancel import Cancellation, Outcome
from flowship.runs.chosen import ChosenRun
from flowship.runs.records import LogRecord
from flowship.runs.start import Started
from flowship.runs.states import StateType
from flowship.runs.watch import RunResult
from support.rendering import shown

STARTED = Started(
    id="1", name="calm-fox", deployment="hello/nightly", url="http://127.0.0.1:4200/runs/1",
    parameters=(ParameterValue("name", "Ada", "given", "a text"),),
    warnings=('no worker is online for the work pool "a[b]"',),
    hints=("view: http://127.0.0.1:4200/runs/1", "cancel: `flowship cancel 1`"),
)  # fmt: skip
RESULT = RunResult("1", "calm-fox", "hello/nightly", StateType.COMPLETED, "Completed", "", "", 1.25)


def test_a_started_run_shows_its_parameters_its_page_and_its_warnings():
    text = shown(render_runs.started(STARTED))
    assert "✓ started calm-fox of hello/nightly" in text
    assert '"Ada"' in text
    assert "http://127.0.0.1:4200/runs/1" in text
    assert 'warning: no worker is online for the work pool "a[b]"' in text


def test_the_hints_say_how_to_view_and_cancel_a_run():
    assert shown(render_runs.hints(STARTED)).splitlines() == [f"  {h}" for h in STARTED.hints]


def test_a_log_record_is_one_line_with_time_level_and_run():
    record = LogRecord("2026-01-31T05:00:07.123+00:00", "WARNING", "calm-fox", "[1] row skipped")
    line = render_runs.RunLog().line(record)
    assert shown([line]) == "05:00:07 WARNING calm-fox [1] row skipped"


def test_an_error_that_is_logged_twice_shows_its_traceback_once():
    trace = 'failed\nTraceback (most recent call last):\n  File "a.py", line 1\nKeyError: 1'
    log = render_runs.RunLog()
    record = LogRecord("2026-01-31T05:00:07.123+00:00", "ERROR", "load-1f3", trace)
    text = shown([log.line(record), log.line(record)])
    assert text.count("Traceback") == 1
    assert text.endswith("load-1f3 failed\n  KeyError: 1 (shown above)")


def test_a_state_is_one_line():
    assert shown([render_runs.state("Late")]) == "• Late"


def test_a_completed_run_shows_its_seconds_and_a_failed_one_is_left_to_its_error():
    assert shown(render_runs.ended(RESULT)) == "✓ calm-fox: Completed in 1.2 s"
    assert render_runs.ended(replace(RESULT, state_type=StateType.FAILED)) == []


@pytest.mark.parametrize(
    ("outcome", "container", "text"),
    [
        (Outcome.CANCELLED, "", "✓ [x]: Cancelled"),
        (Outcome.STOPPED, "x-1", "✓ [x]: Cancelled; stopped its container x-1"),
        (Outcome.GONE, "", "✓ [x]: Cancelled; its container no longer exists"),
        (
            Outcome.FORCED,
            "",
            "✓ [x]: Cancelled; if its container runs on another machine, it goes on",
        ),
        (Outcome.ENDED_BEFORE, "", "[x] has already ended: Cancelled; nothing was canceled"),
    ],
)
def test_how_a_run_was_canceled(outcome, container, text):
    run = ChosenRun("id", "[x]", "f/d", "http://x", StateType.CANCELLED, "Cancelled")
    (line,) = render_runs.canceled(Cancellation(run, outcome, container))
    assert Text.from_markup(line).plain == text
