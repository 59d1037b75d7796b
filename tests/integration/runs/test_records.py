"""The log records of a run and of what it starts, read from a real Prefect server."""

from __future__ import annotations

from uuid import uuid4

import pytest

from flowship.runs.find import find
from flowship.runs.records import NAME_REQUESTS
from flowship.runs.start import start
from flowship.runs.watch import watch
from support.deploying import Project
from support.running import StartedRun, steps

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


def test_the_logs_of_child_runs_are_reported_with_their_names(project):
    project.deploy()
    started = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
    container = StartedRun(project, started.id)

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
    watch(project.api, started, records.append, sleep=sleep)
    assert [(r.run, r.message) for r in records] == [("child", "from the child")]


def test_the_logs_of_a_task_have_the_name_that_prefect_gives_the_task_run(project):
    project.deploy()
    started = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
    container = StartedRun(project, started.id)
    late, unknown = str(uuid4()), str(uuid4())

    def arrive() -> None:
        body = {"id": late, "flow_run_id": started.id, "task_key": "load", "dynamic_key": "0"}
        container.post("/task_runs/", {**body, "name": "load-1f3"})

    sleep = steps(
        lambda: (container.log("loading", task=late), container.log("after it")),
        lambda: None,
        arrive,
        lambda: container.log("no such task", task=unknown),
        *[lambda: None] * NAME_REQUESTS,
        lambda: container.state("COMPLETED"),
    )
    records = []
    watch(project.api, started, records.append, sleep=sleep)
    assert [(r.run, r.message) for r in records] == [
        ("load-1f3", "loading"),
        (started.name, "after it"),
        (started.name, "no such task"),
    ]
