"""The run that a user means, on a real Prefect server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from flowship import scope
from flowship.errors import UsageError
from flowship.runs.chosen import ChosenRun, Which
from flowship.runs.states import StateType
from flowship.scope import Scope
from support.deploying import Project, settings
from support.running import StartedRun

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    made = Project(prefect_server)
    made.deploy()
    return made


def started(project: Project, state: str | None = None, *, hours_ago: float = 0) -> dict:
    """A run that was due some hours ago and is in this state."""
    due = datetime.now(timezone.utc) - timedelta(hours=hours_ago)
    scheduled = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
    path = f"/deployments/{project.stored()['id']}/create_flow_run"
    run = project.raw("POST", path, {"parameters": {}, "state": scheduled})
    if state:
        StartedRun(project, run["id"]).state(state, "because")
    return run


def choose(project: Project, text: str | None = None, which: Which = Which.LATEST) -> ChosenRun:
    known = settings(**project.values)
    return scope.run(project.api, Scope(known.name, text, known, known), which)


def refused(project: Project, text: str | None = None, which: Which = Which.LATEST) -> UsageError:
    with pytest.raises(UsageError) as caught:
        choose(project, text, which)
    return caught.value


def test_without_a_name_it_is_the_run_that_goes_on_although_a_later_one_has_ended(project):
    going_on = started(project, "RUNNING", hours_ago=2)
    started(project, "FAILED", hours_ago=1)
    found = choose(project)
    assert found.id == going_on["id"]
    assert found.deployment == f"flow-{project.tag}/nightly"
    assert found.url.endswith(f"/runs/flow-run/{found.id}")


def test_a_run_of_the_future_is_not_the_last_one(project):
    last = started(project, "FAILED", hours_ago=1)
    started(project, hours_ago=-5)
    assert choose(project, "nightly").id == last["id"]
    late = started(project, hours_ago=0.5)
    assert choose(project, f"flow-{project.tag}/nightly").id == late["id"]


def test_the_last_failed_run_is_found_behind_later_ones(project):
    failed = started(project, "CRASHED", hours_ago=3)
    started(project, "COMPLETED", hours_ago=2)
    started(project, "RUNNING", hours_ago=1)
    found = choose(project, "nightly", Which.FAILED)
    assert (found.id, found.state_type, found.message) == (
        failed["id"], StateType.CRASHED, "because",
    )  # fmt: skip


def test_a_run_is_found_by_its_id_the_beginning_of_it_and_its_name(project):
    run = started(project, "COMPLETED")
    for text in (run["id"], run["id"].replace("-", ""), run["id"][:8], run["name"]):
        assert choose(project, text).id == run["id"], text
    elsewhere = Scope(None, run["id"][:13].upper())
    assert scope.run(project.api, elsewhere, Which.LATEST).id == run["id"]


def test_of_two_runs_with_one_name_the_projects_own_and_newest_is_meant(project):
    run, other = started(project, "COMPLETED"), Project(project.api.url)
    other.deploy()
    foreign = started(other, "COMPLETED", hours_ago=-1)
    for one in (run, foreign):
        project.raw("PATCH", f"/flow_runs/{one['id']}", {"name": f"night-{project.tag}"})
    assert choose(project, f"night-{project.tag}").id == run["id"]
    assert scope.run(project.api, Scope(None, f"night-{project.tag}"), Which.LATEST).id in (
        run["id"], foreign["id"],
    )  # fmt: skip


def test_what_is_neither_a_run_nor_a_deployment_is_an_error_with_a_suggestion(project):
    error = refused(project, "nightli")
    assert (error.code, error.where) == ("run-not-found", "RUN | DEPLOYMENT")
    assert "nightly" in error.hint
    error = refused(project, f"flow-{project.tag}/nightli")
    assert (error.code, error.where) == ("deployment-not-found", "RUN | DEPLOYMENT")
    error = refused(project, "00000000-0000-0000-0000-000000000000")
    assert error.code == "run-not-found"


def test_a_deployment_that_never_ran_says_how_to_start_it(project):
    error = refused(project)
    assert error.message == f"flow-{project.tag}/nightly has not run yet"
    assert error.hint == f"`flowship run flow-{project.tag}/nightly` starts one"
    assert refused(project, None, Which.FAILED).message.endswith("has failed")
    started(project, "COMPLETED")
    assert refused(project, None, Which.GOING_ON).message.endswith("is going on")


def test_several_runs_that_go_on_are_listed(project):
    runs = [started(project, "RUNNING"), started(project, "PENDING")]
    error = refused(project, None, Which.GOING_ON)
    assert error.code == "run-ambiguous"
    for run in runs:
        assert run["id"] in error.hint


def test_the_number_of_requests_does_not_grow_with_the_runs(project):
    runs = [started(project, "COMPLETED", hours_ago=hours) for hours in range(3)]
    requests = []
    sent = project.api._client.send

    def count(*args, **options):
        requests.append(args)
        return sent(*args, **options)

    project.api._client.send = count
    choose(project, runs[0]["id"][:8])
    before, requests[:] = len(requests), []
    more = [started(project, "COMPLETED", hours_ago=hours) for hours in range(5)]
    requests.clear()
    choose(project, more[0]["id"][:8])
    assert len(requests) == before
