"""The log of a run, read and followed on a real Prefect server."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from flowship.engine.client import connect
from flowship.errors import EngineError
from flowship.runs import log
from flowship.runs.chosen import ChosenRun, described
from flowship.runs.find import find
from flowship.runs.log import Listener
from flowship.runs.records import Selection
from flowship.runs.start import start
from flowship.runs.states import StateType
from support.deploying import Project
from support.running import Container, steps

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    made = Project(prefect_server)
    made.deploy()
    return made


@pytest.fixture
def container(project: Project) -> Container:
    run = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
    return Container(project, run.id)


class Heard:
    """What a listener receives."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.records: list = []
        self.containers: list = []
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.listener = Listener(
            self.record, self.containers.append, self.lines.append, self.warnings.append
        )

    def record(self, record) -> None:
        self.records.append(record)
        self.messages.append(record.message)


def no_engine():
    raise EngineError("cannot connect to a container engine at the default socket")


def chosen(project: Project, container: Container) -> ChosenRun:
    return described(project.api, [project.api.run(container.run_id)])[0]


def read(project: Project, container: Container, selection: Selection | None = None) -> Heard:
    heard = Heard()
    run = chosen(project, container)
    heard.done = log.read(project.api, run, selection or Selection(), no_engine, heard.listener)
    return heard


def test_a_log_is_read_page_by_page_and_its_end_without_the_other_pages(project, container):
    body = [
        {
            "name": "prefect.flow_runs",
            "level": 20,
            "message": f"line {number}",
            "timestamp": (container.moment + timedelta(milliseconds=number)).isoformat(),
            "flow_run_id": container.run_id,
        }
        for number in range(450)
    ]
    container.post("/logs/", body)
    assert read(project, container).messages == [f"line {number}" for number in range(450)]
    project.network.requests.clear()
    heard = read(project, container, Selection(tail=3))
    assert heard.messages == ["line 447", "line 448", "line 449"]
    asked = [path for path in project.network.requests if path.endswith("/logs/filter")]
    assert len(asked) == 1
    heard = read(project, container, Selection(tail=2, pattern=re.compile("line 1.?$")))
    assert heard.messages == ["line 18", "line 19"]


def test_records_are_selected_by_level_moment_and_pattern(project, container):
    container.log("early", level=40)
    container.log("debug", seconds=10, level=10)
    moment = container.moment
    container.log("warning", level=30)
    container.log("error: no rows", level=40)
    assert read(project, container, Selection(level=30)).messages == [
        "early", "warning", "error: no rows",
    ]  # fmt: skip
    assert read(project, container, Selection(since=moment)).messages == [
        "debug", "warning", "error: no rows",
    ]  # fmt: skip
    assert read(project, container, Selection(30, moment, None, re.compile("no r"))).messages == [
        "error: no rows"
    ]
    assert read(project, container, Selection(tail=0)).messages == []


def test_records_of_tasks_and_of_children_of_children_have_the_names_of_their_runs(
    project, container
):
    flow = project.api.create_flow(f"flow-{project.tag}")["id"]
    parent = container.run_id
    for name in ("child", "grandchild"):
        task = container.post(
            "/task_runs/", {"flow_run_id": parent, "task_key": name, "dynamic_key": "0",
                            "name": f"{name}-task"}
        )  # fmt: skip
        container.log(f"in the task of {name}", run=parent, task=task["id"])
        parent = container.post(
            "/flow_runs/", {"flow_id": flow, "name": name, "parent_task_run_id": task["id"]}
        )["id"]
        container.log(f"in {name}", run=parent)
    assert [(r.run, r.message) for r in read(project, container).records] == [
        ("child-task", "in the task of child"),
        ("child", "in child"),
        ("grandchild-task", "in the task of grandchild"),
        ("grandchild", "in grandchild"),
    ]


def test_a_followed_log_begins_with_the_tail_and_stops_at_the_end_of_the_run(project, container):
    container.state("RUNNING")
    for number in range(5):
        container.log(f"old {number}")
    sleep = steps(
        lambda: container.log("new"),
        lambda: (container.log("not this"), container.state("FAILED", "no rows")),
    )
    heard = Heard()
    wanted = Selection(tail=2, pattern=re.compile("old|new"))
    done = log.follow(
        project.api, chosen(project, container), wanted, no_engine, heard.listener, sleep=sleep
    )
    assert heard.messages == ["old 3", "old 4", "new"]
    assert done.run.state_type is StateType.FAILED
    assert done.error.code == "run-failed"
    assert f"flowship logs {container.run_id}" in done.error.hint


def test_a_tail_of_nothing_follows_only_what_is_new(project, container):
    container.state("RUNNING")
    container.log("old")
    sleep = steps(lambda: (container.log("new"), container.state("COMPLETED")))
    heard = Heard()
    run = chosen(project, container)
    done = log.follow(project.api, run, Selection(tail=0), no_engine, heard.listener, sleep=sleep)
    assert heard.messages == ["new"]
    assert done.error is None


def test_a_crash_without_a_container_says_what_is_missing(project, container):
    container.state("CRASHED", "the worker says so")
    heard = read(project, container)
    (said,) = heard.containers
    assert said.title == "no worker took it, so there is no container"
    assert heard.done.to_json()["container"]["origin"] == "nowhere"
    body = {"labels": {"prefect.worker.name": "w"}}
    project.raw("PATCH", f"/flow_runs/{container.run_id}/labels", body["labels"])
    (said,) = read(project, container).containers
    assert "its container, which the worker w started, is unknown: cannot connect" in said.title


@pytest.mark.engine
def test_following_a_run_whose_container_died_warns_once(one_run, containers):
    one_run.reported.state("RUNNING")
    made = containers(["sh", "-c", "echo it broke; exit 3"])
    made.wait()
    heard = Heard()
    sleep = steps(*[lambda: None] * 16, lambda: one_run.reported.state("CRASHED"))
    run = one_run.chosen()
    log.follow(one_run.project.api, run, Selection(), connect, heard.listener, sleep=sleep)
    (warning,) = heard.warnings
    assert f"{run.name} counts as Running, but its container {made.name} exited with" in warning
    assert heard.lines == ["it broke"]
