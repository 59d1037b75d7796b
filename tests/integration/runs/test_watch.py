"""Runs are followed on a real Prefect server until they end.

There is no worker: the tests report states and logs in its place.
"""

from __future__ import annotations

import pytest

from flowship.errors import ExitCode
from flowship.local import records as local_records
from flowship.runs.find import find
from flowship.runs.start import start
from flowship.runs.states import StateType
from flowship.runs.watch import failure, watch
from support.deploying import Project
from support.running import StartedRun, steps

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


def test_a_watched_run_reports_each_log_record_once_and_its_outcome(project):
    project.deploy()
    started = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
    container = StartedRun(project, started.id)
    records, states = [], []
    sleep = steps(
        lambda: (container.state("RUNNING"), container.log("one")),
        lambda: container.log("two"),
        lambda: None,
        lambda: (container.log("earlier, sent later", seconds=-1.5), container.state("COMPLETED")),
        lambda: container.log("after the end"),
    )
    result = watch(project.api, started, records.append, on_state=states.append, sleep=sleep)
    assert [r.message for r in records] == ["one", "two", "earlier, sent later", "after the end"]
    assert {r.run for r in records} == {started.name}
    assert records[0].level == "INFO"
    assert states == ["Scheduled", "Running"]  # the last one is the result
    assert result.completed
    assert failure(result) is None
    assert set(result.to_json()) == {
        "id", "name", "deployment", "state_type", "state_name", "message", "url", "seconds",
        "worker_log", "completed",
    }  # fmt: skip


def test_a_run_that_does_not_start_is_explained_once(project):
    pool = project.deploy().pool.name
    assert not any("is paused" in text for text in project.deploy().warnings)
    started = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
    container = StartedRun(project, started.id)
    warnings = []
    sleep = steps(
        lambda: project.raw("PATCH", f"/work_pools/{pool}", {"is_paused": True}),
        *[lambda: None] * 30,
        lambda: container.state("COMPLETED"),
    )
    watch(project.api, started, lambda record: None, warn=warnings.append, sleep=sleep)
    (warning,) = warnings  # without the one about workers, which `start` reported already
    assert f'"{pool}" is paused' in warning
    assert warning in project.deploy().warnings


def test_a_failed_run_is_an_error_with_exit_code_8_and_the_runs_message(project):
    project.deploy()
    started = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
    container = StartedRun(project, started.id)
    sleep = steps(lambda: container.state("FAILED", "ValueError: no rows"))
    result = watch(project.api, started, lambda record: None, sleep=sleep)
    error = failure(result)
    assert (error.exit_code, error.code) == (ExitCode.RUN, "run-failed")
    assert error.details == "ValueError: no rows"
    assert started.url in error.hint


def test_a_crash_points_to_the_log_of_the_worker_that_flowship_started(project):
    project.deploy()
    state = local_records.state_dir()
    state.mkdir(parents=True)
    worker = local_records.Record(
        "worker", 1, "", project.api.url, "/logs/worker.log", f"pool-{project.tag}"
    )
    local_records.save(state, worker)
    started = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
    container = StartedRun(project, started.id)
    sleep = steps(lambda: container.state("CRASHED", "no such image"))
    result = watch(project.api, started, lambda record: None, sleep=sleep)
    error = failure(result)
    assert error.code == "run-crashed"
    assert "the worker's log /logs/worker.log" in error.hint


def test_a_canceled_run_has_a_code_of_its_own(project):
    project.deploy()
    started = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
    container = StartedRun(project, started.id)
    sleep = steps(lambda: container.state("CANCELLED"))
    result = watch(project.api, started, lambda record: None, sleep=sleep)
    assert result.state_type is StateType.CANCELLED
    assert failure(result).code == "run-cancelled"


AGAIN = "Started again after a crash by flowship (1 of 1)."


def test_a_crashed_run_that_is_started_again_is_watched_until_its_last_end(project):
    project.deploy()
    started = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
    container = StartedRun(project, started.id)
    states, warnings, records = [], [], []
    sleep = steps(
        lambda: container.state("RUNNING"),
        lambda: container.state("CRASHED", "exit code 137"),
        lambda: container.state("SCHEDULED", AGAIN),  # while late records are fetched
        *[lambda: None] * 3,
        lambda: (container.state("RUNNING"), container.log("second attempt")),
        lambda: container.state("COMPLETED"),
    )
    result = watch(
        project.api, started, records.append, on_state=states.append, warn=warnings.append,
        sleep=sleep,
    )  # fmt: skip
    assert states == ["Scheduled", "Running", "Crashed", "Scheduled", "Running"]
    assert f"the run ended in state Crashed, and starts again: {AGAIN}" in warnings
    assert [record.message for record in records] == ["second attempt"]
    assert (result.state_type, failure(result)) == (StateType.COMPLETED, None)


def test_a_crash_that_fell_between_two_requests_is_named_too(project):
    project.deploy()
    started = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
    container = StartedRun(project, started.id)
    warnings = []
    sleep = steps(
        lambda: container.state("RUNNING"),
        lambda: (container.state("CRASHED"), container.state("SCHEDULED", AGAIN)),
        lambda: container.state("CRASHED", "again"),
    )
    result = watch(project.api, started, lambda record: None, warn=warnings.append, sleep=sleep)
    assert f"the run starts again: {AGAIN}" in warnings
    assert (result.state_type, result.message) == (StateType.CRASHED, "again")


def test_ctrl_c_while_watching_does_not_affect_the_run(project):
    project.deploy()
    started = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(project.api, started, lambda record: None, sleep=interrupt)
    assert project.api.run(started.id)["state"]["type"] == "SCHEDULED"
