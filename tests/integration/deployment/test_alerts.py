"""Alerts on a real server: their automations, what they report, and which runs start again.

No worker runs here: the tests report states and heartbeats as a container would.
`tests/integration/test_alerts.py` has the containers.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from flowship.deployment.alerts import owner_of, stored
from flowship.deployment.plan import Resource
from support.commands import until
from support.deploying import Project, send_until_accepted
from support.receiver import Receiver

pytestmark = pytest.mark.server

FAILED = {"on": ["failed"], "notify": "custom-webhook/ops"}


@pytest.fixture
def project(prefect_server: str, receiver) -> Project:
    """A project with a notification block of its own name."""
    made = Project(prefect_server)
    receiver.create_block(prefect_server, f"ops-{made.tag}")
    made.values["deployments"] = [{"name": "nightly"}]
    return made


def ops(project: Project) -> str:
    return f"custom-webhook/ops-{project.tag}"


def configure(project: Project, **alert) -> None:
    project.values["alerts"] = [{"notify": ops(project), **alert}]


def automations(project: Project) -> list[dict]:
    found = stored(project.api, [f"taxi-{project.tag}-docker"])
    return sorted(found, key=lambda a: a["name"])


def of_alerts(report) -> list[str]:
    return [
        f"{o.action.value}: {', '.join(c.field for c in o.changes)}"
        for o in report.operations
        if o.resource is Resource.AUTOMATION
    ]


# --- kept as automations -------------------------------------------------------------------------


def test_alerts_are_deployed_once_and_cost_two_requests_afterwards(project):
    project.deploy()
    project.deploy()
    without = len(project.network.requests)
    configure(project, on=["failed", "crashed", "late", "stuck"], **{"retry-crashed": 2})
    report = project.deploy()
    assert of_alerts(report) == ["create: "] * 7
    again = project.deploy()
    assert (again.operations, project.network.writes) == ((), [])
    owner = owner_of(f"taxi-{project.tag}", f"taxi-{project.tag}-docker")
    assert f"GET /automations/related-to/{owner}" in project.network.requests
    assert len(project.network.requests) == without + 2
    assert len(automations(project)) == 7


def test_what_a_person_disables_stays_and_what_a_person_edits_is_restored(project):
    configure(project, on=["failed", "late"])
    project.deploy()
    failed, late = automations(project)
    project.raw("PATCH", f"/automations/{failed['id']}", {"enabled": False})
    fields = ("name", "description", "enabled", "trigger", "actions")
    edited = {k: late[k] for k in fields} | {"description": "mine"}
    edited["trigger"] = {**late["trigger"], "within": 77}
    project.raw("PUT", f"/automations/{late['id']}", edited)
    planned = project.plan()
    assert of_alerts(planned) == ["update: description, trigger.within"]
    (disabled,) = planned.kept
    assert (disabled.name, disabled.reason) == (failed["name"], "disabled on the server")
    assert disabled.edited, "it was disabled since the release"
    assert {c.edited_by.value for o in planned.operations for c in o.changes} == {"person"}
    project.deploy()
    now = {a["id"]: a for a in automations(project)}
    assert now[failed["id"]]["enabled"] is False
    assert now[late["id"]]["trigger"]["within"] == 900
    configure(project, on=["failed"], deployments=["nightly"])
    project.deploy()
    (kept,) = automations(project)
    assert (kept["id"], kept["enabled"]) == (failed["id"], False)


def test_an_automation_of_a_person_is_never_touched(project):
    configure(project, on=["failed"])
    project.deploy()
    (ours,) = automations(project)
    fields = ("name", "description", "trigger", "actions")
    theirs = project.raw("POST", "/automations/", {k: ours[k] for k in fields})
    project.values["alerts"] = []
    assert of_alerts(project.deploy()) == ["delete: "]
    assert automations(project) == []
    assert project.raw("GET", f"/automations/{theirs['id']}")["name"] == ours["name"]
    assert project.deploy().operations == ()
    project.raw("DELETE", f"/automations/{theirs['id']}")


# --- what they do --------------------------------------------------------------------------------


def happens(something: Callable[[], object], within: float = 60) -> bool:
    """Whether something becomes true within some seconds."""
    deadline = time.monotonic() + within
    while not (happened := something()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return bool(happened)


class Runs:
    """Runs of the deployed flow, reported on as their containers would."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.deployment = project.stored()["id"]
        self.ids: dict[str, str] = {}

    def send(self, method: str, path: str, body: object = None) -> Any:
        """SQLite can keep a change waiting for a minute while automations are carried out."""
        url = self.project.api.url + path
        response = send_until_accepted(method, url, body, timeout=150)
        return response.json() if response.content else None

    def start(self, name: str, **state: object) -> str:
        name = f"{name}-{self.project.tag}"
        body = {"name": name, **({"state": state} if state else {})}
        made = self.send("POST", f"/deployments/{self.deployment}/create_flow_run", body)
        self.ids[name] = made["id"]
        return name

    def set(self, name: str, kind: str, state_name: str | None = None, message: str = "") -> None:
        state = {"type": kind, "name": state_name or kind.capitalize(), "message": message}
        path = f"/flow_runs/{self.ids[name]}/set_state"
        self.send("POST", path, {"state": state})

    def run_to(self, name: str, *end: str) -> None:
        """Begin to run, and end."""
        self.set(name, "PENDING")
        self.set(name, "RUNNING")
        self.set(name, *end)

    def reported(self, receiver: Receiver, name: str, *end: str) -> str:
        """A run that ended so, and that was reported as failed."""

        def is_reported(run: str) -> bool:
            self.run_to(run, *end)
            return happens(lambda: receiver.about(run))

        run = self.first(name, is_reported)
        assert {*receiver.about(run)} == {"failed"}
        return run

    def started_again(self, name: str, *before: str, times: int = 1) -> str:
        """A run that the server started again so often, each time it crashed.

        Args:
            name: How the run is called.
            before: Its states before each crash.
            times: How often.
        """

        def is_started_again(run: str, number: int) -> bool:
            self.crash(run, *before)
            message = f"Started again after a crash by flowship ({number} of 2)."
            return happens(lambda: self.states(run)[-1] == ("Scheduled", message))

        numbers = range(1, times + 1)
        return self.first(name, lambda run: all(is_started_again(run, n) for n in numbers))

    def crash(self, run: str, *before: str) -> None:
        """Reach states, and crash."""
        for state in (*before, "CRASHED"):
            self.set(run, state)

    def first(self, name: str, happened: Callable[[str], bool]) -> str:
        """The first of some runs to which it happened. The server gives up an event if its SQLite
        database stays locked, so it may take another run."""
        for number in range(4):
            run = self.start(f"{name}-{number}")
            if happened(run):
                return run
        raise AssertionError(f"it happened to no run {name}")

    def heartbeat(self, name: str) -> None:
        """The heartbeat of a container, as Prefect's engine sends it."""
        event = {
            "id": str(uuid.uuid4()),
            "occurred": datetime.now(timezone.utc).isoformat(),
            "event": "prefect.flow-run.heartbeat",
            "resource": {"prefect.resource.id": f"prefect.flow-run.{self.ids[name]}"},
            "related": [
                {
                    "prefect.resource.id": f"prefect.deployment.{self.deployment}",
                    "prefect.resource.role": "deployment",
                }
            ],
        }
        self.send("POST", "/events", [event])

    def states(self, name: str) -> list[tuple[str, str]]:
        found = self.send("GET", f"/flow_run_states/?flow_run_id={self.ids[name]}")
        return [(s["name"], s["message"] or "") for s in found]

    def state(self, name: str) -> str:
        return self.states(name)[-1][0]


def test_each_event_is_reported_and_crashed_runs_start_again_within_their_limit(project, receiver):
    values = {"on": ["failed", "crashed"], "retry-crashed": 2}
    configure(project, **values)
    project.values["alerts"] += [
        {"on": ["late"], "notify": ops(project), "after": 10},
        {"on": ["stuck"], "notify": ops(project), "after": "90s"},
    ]
    project.deploy()
    runs = Runs(project)
    late = [runs.start(f"late-{number}") for number in range(3)]
    stuck = [runs.start(f"stuck-{number}") for number in range(3)]
    for run in stuck:
        runs.set(run, "PENDING")
        runs.set(run, "RUNNING")
        runs.heartbeat(run)

    failed = runs.reported(receiver, "failed", "FAILED", "Failed", "no rows")
    runs.reported(receiver, "timed-out", "FAILED", "TimedOut")
    runs.reported(receiver, "named", "FAILED", "No data")
    fine, skipped = runs.start("fine"), runs.start("skipped")
    runs.run_to(fine, "COMPLETED")
    runs.run_to(skipped, "COMPLETED", "Skipped")
    runs.heartbeat(fine)  # one that arrives after the end

    begun = ("PENDING", "RUNNING")
    crashing = runs.started_again("crashing", *begun, times=2)
    runs.crash(crashing, *begun)
    runs.started_again("not-started", "PENDING")

    until(lambda: any(receiver.about(run) == ["late for 10 seconds"] for run in late))
    until(lambda: any("stuck" in receiver.about(run) for run in stuck))
    ended = ("Crashed", "No heartbeat for 1 minute 30 seconds: its container has probably died."
             " Ended by flowship.")  # fmt: skip
    [reported, *_] = [run for run in stuck if "stuck" in receiver.about(run)]
    assert ended in runs.states(reported)
    until(lambda: any(runs.state(run) in ("Scheduled", "Late") for run in stuck))

    assert {*receiver.about(crashing)} == {"crashed"}
    assert runs.state(crashing) == "Crashed", "the limit is reached"
    assert receiver.about(fine) == receiver.about(skipped) == []
    assert runs.state(fine) == "Completed", "a late heartbeat ends nothing that is over"
    message, *_ = (n for n in receiver.received if f"Run {failed} is" in n.body)
    assert message.subject == f"flow-{project.tag}/nightly: failed"
    assert message.body.splitlines()[:2] == [
        f"Run {failed} is Failed: no rows",
        f"Logs: flowship logs {runs.ids[failed]}",
    ]
