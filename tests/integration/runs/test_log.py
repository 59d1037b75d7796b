"""The log of a run, read and followed on a real Prefect server."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from flowship.engine.client import connect
from flowship.errors import EngineError
from flowship.runs import log
from flowship.runs.log import Listener
from flowship.runs.records import Selection
from flowship.runs.states import StateType
from support.running import StartedRun, steps

pytestmark = pytest.mark.server


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


def read(started_run: StartedRun, selection: Selection | None = None) -> Heard:
    heard = Heard()
    run = started_run.chosen()
    heard.done = log.read(started_run.api, run, selection or Selection(), no_engine, heard.listener)
    return heard


def test_a_log_is_read_page_by_page_and_its_end_without_the_other_pages(started_run):
    body = [
        {
            "name": "prefect.flow_runs",
            "level": 20,
            "message": f"line {number}",
            "timestamp": (started_run.moment + timedelta(milliseconds=number)).isoformat(),
            "flow_run_id": started_run.run_id,
        }
        for number in range(450)
    ]
    started_run.post("/logs/", body)
    assert read(started_run).messages == [f"line {number}" for number in range(450)]
    started_run.project.network.requests.clear()
    heard = read(started_run, Selection(tail=3))
    assert heard.messages == ["line 447", "line 448", "line 449"]
    asked = [path for path in started_run.project.network.requests if path.endswith("/logs/filter")]
    assert len(asked) == 1
    heard = read(started_run, Selection(tail=2, pattern=re.compile("line 1.?$")))
    assert heard.messages == ["line 18", "line 19"]


def test_records_are_selected_by_level_moment_and_pattern(started_run):
    started_run.log("early", level=40)
    started_run.log("debug", seconds=10, level=10)
    moment = started_run.moment
    started_run.log("warning", level=30)
    started_run.log("error: no rows", level=40)
    assert read(started_run, Selection(level=30)).messages == [
        "early", "warning", "error: no rows",
    ]  # fmt: skip
    assert read(started_run, Selection(since=moment)).messages == [
        "debug", "warning", "error: no rows",
    ]  # fmt: skip
    assert read(started_run, Selection(30, moment, None, re.compile("no r"))).messages == [
        "error: no rows"
    ]
    assert read(started_run, Selection(tail=0)).messages == []


def test_records_of_tasks_and_of_children_of_children_have_the_names_of_their_runs(started_run):
    flow = started_run.api.create_flow(f"flow-{started_run.project.tag}")["id"]
    parent = started_run.run_id
    for name in ("child", "grandchild"):
        task = started_run.post(
            "/task_runs/", {"flow_run_id": parent, "task_key": name, "dynamic_key": "0",
                            "name": f"{name}-task"}
        )  # fmt: skip
        started_run.log(f"in the task of {name}", run=parent, task=task["id"])
        parent = started_run.post(
            "/flow_runs/", {"flow_id": flow, "name": name, "parent_task_run_id": task["id"]}
        )["id"]
        started_run.log(f"in {name}", run=parent)
    assert [(r.run, r.message) for r in read(started_run).records] == [
        ("child-task", "in the task of child"),
        ("child", "in child"),
        ("grandchild-task", "in the task of grandchild"),
        ("grandchild", "in grandchild"),
    ]


def test_a_followed_log_begins_with_the_tail_and_stops_at_the_end_of_the_run(started_run):
    started_run.state("RUNNING")
    for number in range(5):
        started_run.log(f"old {number}")
    sleep = steps(
        lambda: started_run.log("new"),
        lambda: (started_run.log("not this"), started_run.state("FAILED", "no rows")),
    )
    heard = Heard()
    wanted = Selection(tail=2, pattern=re.compile("old|new"))
    done = log.follow(
        started_run.api, started_run.chosen(), wanted, no_engine, heard.listener, sleep=sleep
    )
    assert heard.messages == ["old 3", "old 4", "new"]
    assert done.run.state_type is StateType.FAILED
    assert done.error.code == "run-failed"
    assert f"flowship logs {started_run.run_id}" in done.error.hint


def test_a_tail_of_nothing_follows_only_what_is_new(started_run):
    started_run.state("RUNNING")
    started_run.log("old")
    sleep = steps(lambda: (started_run.log("new"), started_run.state("COMPLETED")))
    heard = Heard()
    run = started_run.chosen()
    done = log.follow(
        started_run.api, run, Selection(tail=0), no_engine, heard.listener, sleep=sleep
    )
    assert heard.messages == ["new"]
    assert done.error is None


def test_a_crash_without_a_container_says_what_is_missing(started_run):
    started_run.state("CRASHED", "the worker says so")
    heard = read(started_run)
    (said,) = heard.containers
    assert said.title == "no worker took it, so there is no container"
    assert heard.done.to_json()["container"]["origin"] == "nowhere"
    started_run.taken_by("w")
    (said,) = read(started_run).containers
    assert "its container, which the worker w started, is unknown: cannot connect" in said.title


@pytest.mark.engine
def test_following_a_run_whose_container_died_warns_once(started_run, containers):
    started_run.state("RUNNING")
    made = containers(["sh", "-c", "echo it broke; exit 3"])
    made.wait()
    heard = Heard()
    sleep = steps(*[lambda: None] * 16, lambda: started_run.state("CRASHED"))
    run = started_run.chosen()
    log.follow(started_run.api, run, Selection(), connect, heard.listener, sleep=sleep)
    (warning,) = heard.warnings
    assert f"{run.name} counts as Running, but its container {made.name} exited with" in warning
    assert heard.lines == ["it broke"]
