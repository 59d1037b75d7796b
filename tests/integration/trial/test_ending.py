"""The end of a run whose container did not come to its own end, on a real Prefect server."""

from __future__ import annotations

import pytest

from flowship.prefect.client import PrefectApi
from flowship.runs.states import StateType
from flowship.trial import ending
from support import running
from support.deploying import Target

pytestmark = pytest.mark.server
started_run = running.started_run


def test_an_interrupted_run_is_canceled_with_its_page(started_run):
    started_run.state("RUNNING")
    raised = ending.canceled(started_run.api, started_run.run_id)
    state = started_run.api.run(started_run.run_id)["state"]
    assert (state["type"], state["message"]) == ("CANCELLED", ending.INTERRUPTED)
    assert str(raised).startswith("interrupted: the run was canceled: http")
    assert str(raised).endswith(f"/runs/flow-run/{started_run.run_id}")


def test_a_run_that_the_server_cannot_end_now_is_named_with_the_command_that_ends_it():
    api = PrefectApi(Target("http://127.0.0.1:1/api"), sleep=lambda seconds: None)
    raised = ending.canceled(api, "11111111-1111-4111-8111-111111111111")
    assert "may still be Running" in str(raised)
    assert "flowship cancel 11111111-1111-4111-8111-111111111111 --force" in raised.hint
    assert ending.end(api, "11111111-1111-4111-8111-111111111111", StateType.CRASHED, "x")
