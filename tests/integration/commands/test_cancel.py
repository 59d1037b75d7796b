"""`flowship cancel` as a process, against a real Prefect server. There is no worker."""

from __future__ import annotations

import pytest

from support.commands import misfits, one_object
from support.shapes import CANCEL

pytestmark = pytest.mark.server


@pytest.fixture
def cancel(cli, started_run):
    def run(*arguments: str):
        return cli("cancel", *arguments, env={"PREFECT_API_URL": started_run.api.url})

    return run


def test_a_run_that_has_not_started_is_canceled_at_once(cancel, started_run):
    done = cancel(f"flow-{started_run.project.tag}/nightly")
    assert (done.code, done.stdout) == (0, "CANCELLED\n"), done.stderr
    assert started_run.api.run(started_run.run_id)["state"]["type"] == "CANCELLED"


def test_a_run_that_has_ended_stays_as_it_is(cancel, started_run):
    started_run.state("COMPLETED")
    done = cancel(started_run.run_id)
    assert (done.code, done.stdout) == (0, "COMPLETED\n")
    assert "has already ended: Completed; nothing was canceled" in done.stderr


def test_force_ends_a_run_on_another_machine_and_its_child_runs(cancel, started_run):
    started_run.state("RUNNING")
    flow = started_run.api.create_flow(f"flow-{started_run.project.tag}")["id"]
    task = {"flow_run_id": started_run.run_id, "task_key": "child", "dynamic_key": "0"}
    task_id = started_run.post("/task_runs/", task)["id"]
    body = {"flow_id": flow, "parent_task_run_id": task_id, "state": {"type": "RUNNING"}}
    child = started_run.post("/flow_runs/", body)["id"]
    done = cancel(started_run.run_id[:8], "--force", "--json")
    assert done.code == 0, done.stderr
    assert misfits(one_object(done.stdout), CANCEL) == []
    assert one_object(done.stdout)["outcome"] == "forced"
    for run in (started_run.run_id, child):
        assert started_run.api.run(run)["state"]["type"] == "CANCELLED"


def test_without_a_worker_the_run_stays_canceling_and_the_error_says_how_to_force_it(
    cancel, started_run
):
    started_run.state("RUNNING")
    done = cancel(started_run.run_id, "--json")
    assert done.code == 8
    error = one_object(done.stdout)["error"]
    assert error["code"] == "run-still-cancelling"
    assert f"flowship cancel {started_run.run_id} --force" in error["hint"]
    assert started_run.api.run(started_run.run_id)["state"]["type"] == "CANCELLING"
