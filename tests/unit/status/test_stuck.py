"""Which runs are late or stuck."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from flowship.status import stuck
from flowship.status.record import RunStatus

NOW = datetime(2026, 11, 26, 5, 0, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)


def run(state: str, since: timedelta, name: str = "", expected: timedelta | None = None) -> Any:
    begun = (NOW - since).isoformat()
    return {
        "id": "r",
        "name": "amber-fox",
        "state": {"type": state, "name": name or state.title(), "timestamp": begun},
        "start_time": begun,
        "expected_start_time": (NOW - (expected or since)).isoformat(),
    }


def took(*minutes: float) -> list[RunStatus]:
    return [
        RunStatus(str(n), "x", "COMPLETED", "Completed", None, None, None, each * 60)
        for n, each in enumerate(minutes)
    ]


def reason(of: Any, beats: list[timedelta], last: list[RunStatus] | None = None) -> str:
    found = stuck.stuck(of, [NOW - each for each in beats], last or [], NOW)
    return found.reason if found else ""


def test_runs_that_no_worker_took_are_late_since_the_first_of_them():
    due = [run("SCHEDULED", 60 * MINUTE, "Late"), run("SCHEDULED", MINUTE, "Scheduled")]
    found = stuck.late(due)
    assert found is not None
    assert (found.count, found.since) == (2, NOW - 60 * MINUTE)
    assert stuck.late([]) is None


def test_a_run_that_waits_for_others_to_end_is_not_late():
    due = [run("SCHEDULED", 60 * MINUTE, "AwaitingConcurrencySlot")]
    assert stuck.late(due) is None
    assert stuck.waiting(due) == 1


@pytest.mark.parametrize(
    ("beats", "expected"),
    [
        ([1, 4], ""),
        ([8.9, 11.9], ""),  # three of these signs of life can be lost
        ([9.1, 12.1], "no heartbeat for 9 min 6 s"),
        ([2, 2.5], "no heartbeat for 2 min"),  # of a run that sends one every 30 s
        ([8], ""),  # of one that has sent only one, as Prefect does by default
        ([10], "no heartbeat for 10 min"),
    ],
)
def test_a_running_run_that_gave_signs_of_life_and_stopped_is_stuck(beats, expected):
    of = run("RUNNING", timedelta(days=3))
    assert reason(of, [each * MINUTE for each in beats], took(1)) == expected


def test_without_signs_of_life_only_a_run_that_is_much_longer_than_the_others_is_stuck():
    assert reason(run("RUNNING", 59 * MINUTE), [], took(1, 2)) == ""
    assert reason(run("RUNNING", 61 * MINUTE), [], took(1, 2)) == (
        "running for 1 h 1 min; the last runs took at most 2 min"
    )
    assert reason(run("RUNNING", 170 * MINUTE), [], took(60)) == ""
    assert reason(run("RUNNING", timedelta(days=9)), [], []) == ""  # nothing is known of it


@pytest.mark.parametrize(("state", "words"), [("PENDING", "pending"), ("CANCELLING", "cancelling")])
def test_a_run_that_does_not_leave_a_short_state_is_stuck(state, words):
    assert reason(run(state, 9 * MINUTE), []) == ""
    assert reason(run(state, 25 * MINUTE), []) == f"{words} for 25 min"


def test_the_result_names_the_run_and_since_when_it_is_in_its_state():
    found = stuck.stuck(run("PENDING", 25 * MINUTE), [], [], NOW)
    assert found is not None
    assert (found.name, found.state_name, found.since) == (
        "amber-fox",
        "Pending",
        NOW - 25 * MINUTE,
    )


def test_a_moment_that_is_not_there_is_none():
    assert stuck.moment(None) is stuck.moment("") is None
    assert stuck.moment("2026-11-26T05:00:00Z") == NOW
