"""Pausing and resuming, on a real Prefect server."""

from __future__ import annotations

import time

import pytest

from flowship.deployment import pausing
from flowship.deployment.desired import Flags
from flowship.errors import UsageError
from support.deploying import Project

pytestmark = pytest.mark.server

TWO = [{"cron": "0 5 * * *", "timezone": "Europe/Berlin"}, {"interval": "1h"}]


@pytest.fixture
def project(prefect_server: str) -> Project:
    made = Project(prefect_server)
    made.values["deployments"] = [{"name": "nightly", "schedules": TWO}]
    made.deploy()
    return made


def change(project: Project, *, paused: bool, schedule: str | None = None) -> pausing.PauseChange:
    project.network.writes.clear()
    flow = project.facts["flow_name"]
    return pausing.change(project.api, project.stored(), flow, paused=paused, schedule=schedule)


def planned(project: Project) -> int:
    """How many runs the server has planned by schedule."""
    which = {
        "deployment_id": {"any_": [project.stored()["id"]]},
        "state": {"type": {"any_": ["SCHEDULED"]}},
    }
    return len([run for run in project.api.runs(which) if run["auto_scheduled"]])


def active(project: Project) -> dict[str, bool]:
    return {pausing.slug(each): each["active"] for each in project.schedules()}


def test_a_paused_deployment_has_no_planned_runs_and_its_schedules_keep_their_own_state(project):
    done = change(project, paused=True)
    assert (done.changed, done.deployment_paused, done.next_run) == (True, True, None)
    assert project.stored()["paused"]
    assert planned(project) == 0
    assert active(project) == {"daily-0500": True, "hourly": True}
    project.api.schedule_now(project.stored()["id"])
    assert planned(project) > 0  # the server plans them, and would start them
    again = change(project, paused=True)
    assert (again.changed, planned(project)) == (False, 0)


def test_a_paused_deployment_that_gets_another_name_has_no_planned_runs(project):
    change(project, paused=True)
    project.values["deployments"] = [{"name": "nightly-new", "schedules": TWO}]
    project.deploy(Flags(prune=True))
    [renamed] = project.api.deployments(flows=[project.facts["flow_name"]])
    assert (renamed["name"], renamed["paused"]) == ("nightly-new", True)
    which = {"deployment_id": {"any_": [renamed["id"]]}}
    assert list(project.api.runs(which)) == []


def test_a_resumed_deployment_has_its_planned_runs_at_once(project):
    change(project, paused=True)
    done = change(project, paused=False)
    assert done.changed
    assert done.next_run
    assert not done.deployment_paused
    assert planned(project) > 0
    assert not change(project, paused=False).changed


def test_of_one_schedule_that_is_paused_only_its_runs_go(project):
    both = planned(project)
    done = change(project, paused=True, schedule="hourly")
    assert (done.changed, done.schedule, done.words) == (True, "hourly", "every hour")
    assert (done.deployment_paused, done.paused_schedules) == (False, ("hourly",))
    assert done.next_run
    assert done.next_run.hour == 5  # the other schedule's
    assert active(project) == {"daily-0500": True, "hourly": False}
    assert 0 < planned(project) < both
    assert not change(project, paused=True, schedule="flowship-hourly").changed
    change(project, paused=False, schedule="flowship-hourly")
    assert planned(project) == both


def test_a_schedule_keeps_its_parameters(project):
    project.values["deployments"][0]["schedules"] = [
        {"cron": "0 5 * * *", "parameters": {"year": 2020}}
    ]
    project.deploy()
    [slug] = active(project)
    change(project, paused=True, schedule=slug)
    assert project.schedules()[0]["parameters"] == {"year": 2020}


def test_a_schedule_that_a_person_added_is_found_by_its_slug_or_its_id(project):
    project.add_schedule({"schedule": {"cron": "7 7 * * *"}, "active": True})
    [mine] = [each for each in project.schedules() if not each["slug"]]
    assert change(project, paused=True, schedule=mine["id"]).words == "every day at 07:07 UTC"


def test_an_unknown_schedule_is_an_error_with_the_nearest_slug(project):
    for wanted, hint in (("daily-500", 'did you mean "daily-0500"?'), ("x", "its schedules: ")):
        with pytest.raises(UsageError) as caught:
            change(project, paused=True, schedule=wanted)
        assert caught.value.code == "schedule-not-found"
        assert caught.value.hint.startswith(hint)


def test_a_later_deploy_keeps_the_pause_of_a_deployment_and_of_a_schedule(project):
    change(project, paused=True)
    change(project, paused=True, schedule="hourly")
    project.values["deployments"][0]["description"] = "changed"
    project.deploy(reference="user/de-repo:new@sha256:" + "cd" * 32)
    assert project.stored()["paused"]
    assert active(project) == {"daily-0500": True, "hourly": False}
    time.sleep(6)  # of the server's rounds that look for deployments that changed
    assert planned(project) == 0


def test_a_run_that_has_begun_goes_on(project):
    run = project.api.create_run(project.stored()["id"], {})
    state = {"state": {"type": "RUNNING", "name": "Running"}, "force": True}
    project.raw("POST", f"/flow_runs/{run['id']}/set_state", state)
    assert change(project, paused=True).going_on == (run["name"],)
    assert project.api.run(run["id"])["state"]["type"] == "RUNNING"
