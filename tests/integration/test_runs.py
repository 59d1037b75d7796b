"""Runs on a real Prefect server: found by name, validated, followed until they end.

There is no worker: the tests report states and logs in its place.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from uuid import uuid4

import pytest

from flowship import runs
from flowship.errors import ExitCode, UsageError
from flowship.local import records
from support.deploying import Project, send_until_accepted, settings

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


class Container:
    """Reports to the server what a worker and its container would report."""

    def __init__(self, project: Project, run_id: str) -> None:
        self.url = project.api.url
        self.run_id = run_id
        self.moment = datetime.now(timezone.utc)

    def post(self, path: str, body: object) -> dict:
        response = send_until_accepted("POST", self.url + path, body)
        return response.json() if response.content else {}

    def state(self, kind: str, message: str = "") -> None:
        body = {"state": {"type": kind, "name": kind.capitalize(), "message": message},
                "force": True}  # fmt: skip
        self.post(f"/flow_runs/{self.run_id}/set_state", body)

    def log(
        self, message: str, *, seconds: float = 1.0, level: int = 20, run=None, task=None
    ) -> None:
        self.moment += timedelta(seconds=seconds)
        record = {
            "name": "prefect.flow_runs",
            "level": level,
            "message": message,
            "timestamp": self.moment.isoformat(),
            "flow_run_id": run or self.run_id,
            "task_run_id": task,
        }
        self.post("/logs/", [record])


def steps(*actions):
    """A replacement for sleep that performs one action each time, and never sleeps."""
    left = list(actions)

    def sleep(seconds: float) -> None:
        if left:
            left.pop(0)()

    return sleep


def test_a_bare_name_and_a_full_name_find_the_same(project):
    project.values["deployments"] = [{"name": f"only-{project.tag}"}]
    project.deploy()
    name, full = f"only-{project.tag}", f"flow-{project.tag}/only-{project.tag}"
    assert runs.find(project.api, name)["id"] == runs.find(project.api, full)["id"]


def test_a_name_that_several_flows_share_lists_them(project):
    other = Project(project.api.url)
    name = f"shared-{project.tag}"
    for one in (project, other):
        one.values["deployments"] = [{"name": name}]
        one.deploy()
    with pytest.raises(UsageError) as caught:
        runs.find(project.api, name)
    assert caught.value.code == "deployment-ambiguous"
    for one in (project, other):
        assert f"flow-{one.tag}/{name}" in caught.value.hint


def test_a_shared_name_means_the_projects_own_flow_even_after_a_rename(project):
    other = Project(project.api.url)
    name = f"shared-{project.tag}"
    for one in (project, other):
        one.values["deployments"] = [{"name": name}]
        one.deploy()
    own = settings(**project.values)
    found = runs.find(project.api, name, project=lambda: own)
    assert found["flow_name"] == f"flow-{project.tag}"
    project.facts = {"flow_name": f"renamed-{project.tag}"}
    project.deploy(reference="user/de-repo:new@sha256:" + "cd" * 32)
    found = runs.find(project.api, name, project=lambda: own)
    assert found["flow_name"] == f"renamed-{project.tag}"


def test_an_unknown_name_suggests_the_closest_one(project):
    project.values["deployments"] = [{"name": f"nightly-{project.tag}"}]
    project.deploy()
    for wrong in (f"nigthly-{project.tag}", f"flow-{project.tag}/nigthly-{project.tag}"):
        with pytest.raises(UsageError) as caught:
            runs.find(project.api, wrong)
        assert caught.value.code == "deployment-not-found"
        assert f"nightly-{project.tag}" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "message"),
    [({"month": "1"}, 'no parameter "month"'), ({"year": "soon"}, "a whole number")],
)
def test_a_wrong_parameter_starts_no_run(project, given, message):
    project.deploy()
    deployment = {**project.stored(), "flow_name": f"flow-{project.tag}"}
    project.network.writes.clear()
    with pytest.raises(UsageError) as caught:
        runs.start(project.api, deployment, given)
    assert message in caught.value.message
    assert project.network.writes == []


def test_a_run_starts_with_its_parameters_and_warns_that_no_worker_is_online(project):
    project.deploy()
    deployment = runs.find(project.api, f"flow-{project.tag}/nightly")
    started = runs.start(project.api, deployment, {"months": "[3]"})
    assert project.api.run(started.id)["parameters"]["months"] == [3]
    first = started.parameters[0]
    assert (first.name, first.value, first.source) == ("months", [3], "given")
    (warning,) = started.warnings
    assert f'prefect worker start --pool "pool-{project.tag}" --type docker' in warning
    assert any(f"prefect flow-run cancel {started.id}" in hint for hint in started.hints)
    assert set(started.to_json()) == {
        "id", "name", "deployment", "url", "parameters", "warnings", "hints",
    }  # fmt: skip


def test_a_watched_run_reports_each_log_record_once_and_its_outcome(project):
    project.deploy()
    started = runs.start(project.api, runs.find(project.api, f"flow-{project.tag}/nightly"))
    container = Container(project, started.id)
    records, states = [], []
    sleep = steps(
        lambda: (container.state("RUNNING"), container.log("one")),
        lambda: container.log("two"),
        lambda: None,
        lambda: (container.log("earlier, sent later", seconds=-1.5), container.state("COMPLETED")),
        lambda: container.log("after the end"),
    )
    result = runs.watch(project.api, started, records.append, on_state=states.append, sleep=sleep)
    assert [r.message for r in records] == ["one", "two", "earlier, sent later", "after the end"]
    assert {r.run for r in records} == {started.name}
    assert records[0].level == "INFO"
    assert states == ["Scheduled", "Running"]  # the last one is the result
    assert result.completed
    assert runs.failure(result) is None
    assert set(result.to_json()) == {
        "id", "name", "deployment", "state_type", "state_name", "message", "url", "seconds",
        "worker_log", "completed",
    }  # fmt: skip


def test_a_run_that_does_not_start_is_explained_once(project):
    pool = project.deploy().pool.name
    assert not any("is paused" in text for text in project.deploy().warnings)
    started = runs.start(project.api, runs.find(project.api, f"flow-{project.tag}/nightly"))
    container = Container(project, started.id)
    warnings = []
    sleep = steps(
        lambda: project.raw("PATCH", f"/work_pools/{pool}", {"is_paused": True}),
        *[lambda: None] * 30,
        lambda: container.state("COMPLETED"),
    )
    runs.watch(project.api, started, lambda record: None, warn=warnings.append, sleep=sleep)
    (warning,) = warnings  # without the one about workers, which `start` reported already
    assert f'"{pool}" is paused' in warning
    assert warning in project.deploy().warnings


def test_a_failed_run_is_an_error_with_exit_code_8_and_the_runs_message(project):
    project.deploy()
    started = runs.start(project.api, runs.find(project.api, f"flow-{project.tag}/nightly"))
    container = Container(project, started.id)
    sleep = steps(lambda: container.state("FAILED", "ValueError: no rows"))
    result = runs.watch(project.api, started, lambda record: None, sleep=sleep)
    error = runs.failure(result)
    assert (error.exit_code, error.code) == (ExitCode.RUN, "run-failed")
    assert error.details == "ValueError: no rows"
    assert started.url in error.hint


def test_a_crash_points_to_the_log_of_the_worker_that_flowship_started(project):
    project.deploy()
    state = records.state_dir()
    state.mkdir(parents=True)
    worker = records.Record(
        "worker", 1, "", project.api.url, "/logs/worker.log", f"pool-{project.tag}"
    )
    records.save(state, worker)
    started = runs.start(project.api, runs.find(project.api, f"flow-{project.tag}/nightly"))
    container = Container(project, started.id)
    sleep = steps(lambda: container.state("CRASHED", "no such image"))
    result = runs.watch(project.api, started, lambda record: None, sleep=sleep)
    error = runs.failure(result)
    assert error.code == "run-crashed"
    assert "the worker's log /logs/worker.log" in error.hint


def test_a_cancelled_run_has_a_code_of_its_own(project):
    project.deploy()
    started = runs.start(project.api, runs.find(project.api, f"flow-{project.tag}/nightly"))
    container = Container(project, started.id)
    sleep = steps(lambda: container.state("CANCELLED"))
    result = runs.watch(project.api, started, lambda record: None, sleep=sleep)
    assert result.state_type is runs.StateType.CANCELLED
    assert runs.failure(result).code == "run-cancelled"


def test_the_state_types_are_those_of_prefect():
    from prefect.client.schemas.objects import StateType

    assert {state.value for state in runs.StateType} == {state.value for state in StateType}


def test_the_logs_of_child_runs_are_reported_with_their_names(project):
    project.deploy()
    started = runs.start(project.api, runs.find(project.api, f"flow-{project.tag}/nightly"))
    container = Container(project, started.id)

    def start_child() -> None:
        flow = project.api.create_flow(f"flow-{project.tag}")
        task = container.post(
            "/task_runs/",
            {"flow_run_id": started.id, "task_key": "child", "dynamic_key": "0"},
        )
        child = container.post(
            "/flow_runs/",
            {"flow_id": flow["id"], "name": "child", "parent_task_run_id": task["id"]},
        )
        container.log("from the child", run=child["id"])

    sleep = steps(start_child, lambda: container.state("COMPLETED"))
    records = []
    runs.watch(project.api, started, records.append, sleep=sleep)
    assert [(r.run, r.message) for r in records] == [("child", "from the child")]


def test_the_logs_of_a_task_have_the_name_that_prefect_gives_the_task_run(project):
    project.deploy()
    started = runs.start(project.api, runs.find(project.api, f"flow-{project.tag}/nightly"))
    container = Container(project, started.id)
    late, unknown = str(uuid4()), str(uuid4())

    def arrive() -> None:
        body = {"id": late, "flow_run_id": started.id, "task_key": "load", "dynamic_key": "0"}
        container.post("/task_runs/", {**body, "name": "load-1f3"})

    sleep = steps(
        lambda: (container.log("loading", task=late), container.log("after it")),
        lambda: None,
        arrive,
        lambda: container.log("no such task", task=unknown),
        *[lambda: None] * runs.NAME_REQUESTS,
        lambda: container.state("COMPLETED"),
    )
    records = []
    runs.watch(project.api, started, records.append, sleep=sleep)
    assert [(r.run, r.message) for r in records] == [
        ("load-1f3", "loading"),
        (started.name, "after it"),
        (started.name, "no such task"),
    ]


def test_ctrl_c_while_watching_does_not_affect_the_run(project):
    project.deploy()
    started = runs.start(project.api, runs.find(project.api, f"flow-{project.tag}/nightly"))

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.watch(project.api, started, lambda record: None, sleep=interrupt)
    assert project.api.run(started.id)["state"]["type"] == "SCHEDULED"
