"""Runs are canceled on a real Prefect server, with containers on a real engine and no worker."""

from __future__ import annotations

import pytest

from flowship.engine.client import connect
from flowship.errors import RunFailedError
from flowship.local import records
from flowship.runs import cancel as canceling
from flowship.runs import containers as run_containers
from flowship.runs.cancel import Outcome
from flowship.runs.states import StateType
from support.running import steps

pytestmark = [pytest.mark.engine, pytest.mark.server]


def cancel(started_run, *, force: bool = False, sleep=lambda seconds: None):
    api = started_run.api
    return canceling.cancel(api, started_run.chosen(), connect, force=force, sleep=sleep)


def test_the_container_of_a_run_that_does_not_end_is_stopped(started_run, containers):
    started_run.state("RUNNING")
    made = containers(["sleep", "300"], init=True)
    done = cancel(started_run)
    assert (done.outcome, done.container) == (Outcome.STOPPED, made.name)
    assert done.run.state_type is StateType.CANCELLED
    made.reload()
    assert made.status == "exited"


def test_a_crash_that_the_worker_reports_while_its_container_is_stopped_is_a_cancellation(
    started_run, containers
):
    started_run.state("RUNNING")
    containers(["sleep", "300"], init=True)
    stop, api = canceling._stop, started_run.api
    try:
        canceling._stop = lambda *args: (stop(*args), started_run.state("CRASHED"))
        assert cancel(started_run).run.state_type is StateType.CANCELLED
    finally:
        canceling._stop = stop
    assert api.run(started_run.run_id)["state"]["type"] == "CANCELLED"


def test_a_run_whose_process_ends_it_is_not_touched(started_run, containers):
    started_run.state("RUNNING")
    made = containers(["sleep", "300"], init=True)
    done = cancel(started_run, sleep=steps(lambda: started_run.state("CANCELLED")))
    assert done.outcome is Outcome.CANCELLED
    made.reload()
    assert made.status == "running"


def test_a_run_that_completes_while_it_is_canceled_has_completed(started_run, containers):
    started_run.state("RUNNING")
    run = started_run.chosen()
    started_run.state("COMPLETED")
    done = canceling.cancel(started_run.api, run, connect)
    assert done.outcome is Outcome.ENDED_BEFORE
    assert done.run.state_type is StateType.COMPLETED


def test_a_dead_container_is_recognized_without_waiting_for_its_worker(started_run, containers):
    started_run.state("RUNNING")
    containers(["sh", "-c", "exit 3"]).wait()
    reason = run_containers.lost(
        started_run.api, started_run.run_id, connect, sleep=lambda seconds: None
    )
    assert "counts as Running, but its container" in reason
    assert f"exited with code 3; `flowship cancel {started_run.run_id}` ends the run" in reason
    waits = []
    done = cancel(started_run, sleep=waits.append)
    assert done.outcome is Outcome.GONE
    assert waits == [run_containers.REPORT_SECONDS]


def test_a_removed_container_of_the_worker_on_this_machine_is_gone(
    started_run, engine, tmp_path, monkeypatch
):
    monkeypatch.setenv("FLOWSHIP_STATE_DIR", str(tmp_path))
    started_run.state("RUNNING")
    started_run.taken_by("flowship-here")
    with pytest.raises(RunFailedError) as caught:
        cancel(started_run)
    assert "its worker flowship-here ends it when it can" in caught.value.hint
    record = records.Record("worker", 1, "", "http://127.0.0.1:1/api", "/log", "p", "flowship-here")
    records.save(tmp_path, record)
    assert cancel(started_run).outcome is Outcome.GONE


def test_a_run_that_just_ended_is_not_called_lost(started_run, containers):
    started_run.state("RUNNING")
    containers(["true"]).wait()
    reason = run_containers.lost(
        started_run.api,
        started_run.run_id,
        connect,
        sleep=steps(lambda: started_run.state("CRASHED")),
    )
    assert reason == ""
