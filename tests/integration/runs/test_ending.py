"""Final states that flowship sets on a real Prefect server."""

from __future__ import annotations

import pytest

from flowship.runs.ending import end
from flowship.runs.states import StateType

pytestmark = pytest.mark.server


@pytest.mark.parametrize(
    ("before", "given", "after"),
    [
        ("RUNNING", StateType.CANCELLED, "CANCELLED"),
        ("RUNNING", StateType.CRASHED, "CRASHED"),
        ("PENDING", StateType.CANCELLED, "CANCELLED"),
        ("CRASHED", StateType.CANCELLED, "CANCELLED"),
        ("COMPLETED", StateType.CANCELLED, "COMPLETED"),
        ("FAILED", StateType.CRASHED, "FAILED"),
        ("CANCELLED", StateType.CRASHED, "CANCELLED"),
    ],
)
def test_a_run_gets_a_final_state_unless_it_has_one(started_run, before, given, after):
    started_run.state(before)
    end(started_run.api, started_run.run_id, given, "why it ended")
    state = started_run.api.run(started_run.run_id)["state"]
    assert state["type"] == after
    assert (state["message"] == "why it ended") == (before != after)
