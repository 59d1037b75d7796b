"""The runs of deployments, on a real Prefect server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from flowship.status import observed
from support.commands import until
from support.deploying import Project

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    made = Project(prefect_server)
    made.values["deployments"] = [{"name": "nightly", "cron": "0 5 * * *"}, {"name": "often"}]
    made.deploy()
    return made


def ids(project: Project) -> list[str]:
    flow = project.facts["flow_name"]
    found = [project.api.deployment_by_name(flow, name) for name in ("nightly", "often")]
    return [each["id"] for each in found if each]


def run(project: Project, deployment: str, state: str, *, due: timedelta) -> dict[str, Any]:
    """A run that was due some time ago."""
    at = (datetime.now(timezone.utc) - due).isoformat()
    body = {"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}}
    made = project.raw("POST", f"/deployments/{deployment}/create_flow_run", body)
    if state != "SCHEDULED":
        change = {"state": {"type": state, "name": state.title()}, "force": True}
        project.raw("POST", f"/flow_runs/{made['id']}/set_state", change)
    return made


def names(found) -> list[str]:
    return [each["name"] for each in found]


def test_the_runs_of_a_deployment_are_divided_into_last_due_following_and_active(project):
    nightly, often = ids(project)
    done = run(project, nightly, "COMPLETED", due=timedelta(hours=2))
    running = run(project, nightly, "RUNNING", due=timedelta(hours=1))
    late = run(project, nightly, "SCHEDULED", due=timedelta(minutes=5))
    retried = run(project, nightly, "FAILED", due=timedelta(hours=3))
    again = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True}
    project.raw("POST", f"/flow_runs/{retried['id']}/set_state", again)
    found = observed.runs(project.api, [nightly, often], datetime.now(timezone.utc))
    of = found[nightly]
    assert names(of.last) == [running["name"], done["name"], retried["name"]]
    assert names(of.active) == [running["name"]]
    assert names(of.due) == [late["name"]]
    assert [each["auto_scheduled"] for each in of.following] == [True]
    assert found[often] == observed.Runs([], [], [], [])
    assert observed.runs(project.api, [], datetime.now(timezone.utc)) == {}


def test_a_deployment_that_runs_often_does_not_take_the_places_of_others(project, monkeypatch):
    monkeypatch.setattr(observed, "PAGE", 4)
    real = type(project.api).runs

    def small(api, which, *, sort="START_TIME_DESC", limit=4):
        return real(api, which, sort=sort, limit=min(limit, 4))

    monkeypatch.setattr(type(project.api), "runs", small)
    nightly, often = ids(project)
    kept = [run(project, nightly, "COMPLETED", due=timedelta(days=each)) for each in (1, 2)]
    for minutes in range(5):
        run(project, often, "COMPLETED", due=timedelta(minutes=minutes))
    project.network.requests.clear()
    which = {"state": observed.BEGUN}
    found = observed.of_each(project.api, [nightly, often], which, 3, newest=True)
    assert names(found[nightly]) == names(kept)
    assert len(found[often]) == 3
    assert len(project.network.requests) == 2  # one for both, one for the one that came too short


def test_signs_of_life_are_read_the_newest_first(project):
    nightly, _ = ids(project)
    made = run(project, nightly, "RUNNING", due=timedelta(0))
    started = project.api.run(made["id"])
    assert observed.heartbeats(project.api, started) == []
    moments = [datetime.now(timezone.utc) + timedelta(seconds=each) for each in (1, 2, 3)]
    events = [
        {
            "occurred": moment.isoformat(),
            "event": "prefect.flow-run.heartbeat",
            "resource": {"prefect.resource.id": f"prefect.flow-run.{made['id']}"},
            "id": f"00000000-0000-4000-8000-{number:012}",
            "payload": {},
        }
        for number, moment in enumerate(moments, start=int(project.tag[:6], 16))
    ]
    project.raw("POST", "/events", events)
    expected = moments[:0:-1]  # the server stores events in batches, after some seconds
    until(lambda: observed.heartbeats(project.api, started) == expected, every=0.2)
