"""The status of a project on a real Prefect server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from flowship import scope
from flowship.deployment import lock
from flowship.deployment.alerts import owner_of
from flowship.scope import Scope
from flowship.status.read import Subject, read
from flowship.status.record import AlertStatus, Compared, Problem, ProjectStatus, Source
from support.deploying import Project

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    made = Project(prefect_server)
    made.deploy()
    return made


def status(project: Project, *, later: timedelta = timedelta(0), compared=None) -> ProjectStatus:
    about = Scope(project.values["name"], elsewhere=True)
    own = scope.deployments(project.api, about)
    subject = Subject(
        about.project,
        None,
        own.found,
        own.absent,
        own.release,
        own.lock,
        compared or {},
        own.alerts,
    )
    return read(project.api, subject, datetime.now(timezone.utc) + later)


def problems(found: ProjectStatus) -> list[Problem]:
    return [each.problem for each in found.attention]


def begin(project: Project, state: str) -> str:
    made = project.api.create_run(project.stored()["id"], {})
    change = {"state": {"type": state, "name": state.title()}, "force": True}
    project.raw("POST", f"/flow_runs/{made['id']}/set_state", change)
    return made["name"]


def online(project: Project) -> None:
    pool = project.values["work-pool"]
    body = {"name": f"worker-{project.tag}", "heartbeat_interval_seconds": 30}
    project.raw("POST", f"/work_pools/{pool}/workers/heartbeat", body)


def test_what_a_deploy_made_is_shown(project):
    found = status(project)
    [nightly] = found.deployments
    assert nightly.name == f"flow-{project.tag}/nightly"
    assert [(s.slug, s.words, s.active) for s in nightly.schedules] == [
        ("daily-0500", "every day at 05:00 Pacific/Auckland", True)
    ]
    assert nightly.next_run
    assert nightly.next_run.at > found.checked
    assert (nightly.next_run.planned, nightly.next_run.by_schedule) == (True, True)
    assert nightly.runs == ()
    [image] = found.images
    assert (image.reference, image.released) == (nightly.image, True)
    assert found.release
    assert (found.release.number, found.release.made_by) == (1, "deploy")
    assert found.lock is None
    assert problems(found) == [Problem.NO_WORKER]


def test_runs_a_worker_and_a_deploy_in_progress(project):
    online(project)
    done, running = begin(project, "COMPLETED"), begin(project, "RUNNING")
    with lock.held(project.api, f"{project.values['name']}-docker"):
        found = status(project)
    assert found.lock
    assert "@" in found.lock.who
    [nightly] = found.deployments
    assert [(run.name, run.state_type) for run in nightly.runs] == [
        (done, "COMPLETED"),
        (running, "RUNNING"),
    ]
    assert nightly.runs[1].seconds >= 0
    [pool] = found.pools
    assert [(worker.name, worker.online) for worker in pool.workers] == [
        (f"worker-{project.tag}", True)
    ]
    assert problems(found) == []


def test_hours_later_what_did_not_get_on_is_late_or_stuck(project):
    online(project)
    pending = begin(project, "PENDING")
    project.api.create_run(project.stored()["id"], {})
    found = status(project, later=timedelta(hours=1))
    assert problems(found) == [Problem.LATE_RUNS, Problem.STUCK_RUN]
    [nightly] = found.deployments
    assert nightly.late
    assert nightly.late.count == 1
    assert [run.name for run in nightly.stuck] == [pending]


def test_a_pause_and_what_was_changed_or_deleted_by_hand(project):
    online(project)
    pool = project.values["work-pool"]
    project.raw("PATCH", f"/work_pools/{pool}", {"is_paused": True})
    block = project.block()
    project.api.update_block_document(block["id"], {"data": {"image": "user/de-repo:other"}})
    project.api.set_deployment_paused(project.stored()["id"], paused=True)
    found = status(project)
    assert found.deployments[0].paused
    assert found.deployments[0].next_run is None
    assert [(i.reference, i.released) for i in found.images] == [("user/de-repo:other", False)]
    assert problems(found) == [Problem.POOL_PAUSED, Problem.IMAGE_CHANGED]
    project.api.delete_deployment(project.stored()["id"])
    assert Problem.DEPLOYMENT_MISSING in problems(status(project))


def test_a_schedule_whose_next_run_the_server_has_not_planned_is_named(project):
    online(project)
    which = {"deployment_id": {"any_": [project.stored()["id"]]}}
    for run in project.api.runs(which):
        project.api.delete_run(run["id"])
    assert problems(status(project)) == [], "its scheduler may come by in a moment"
    found = status(project, later=timedelta(minutes=3))
    [nightly] = found.deployments
    assert nightly.next_run
    assert not nightly.next_run.planned
    assert Problem.NOT_PLANNED in problems(found)


def test_the_projects_files_are_compared_only_with_the_image_that_runs(project):
    edited = {project.values["name"]: Compared(Source.EDITED, ("flow.py",))}
    [image] = status(project, compared=edited).images
    assert (image.source, image.changed) == (Source.EDITED, ("flow.py",))
    block = project.block()
    project.api.update_block_document(block["id"], {"data": {"image": "user/de-repo:other"}})
    [image] = status(project, compared=edited).images
    assert (image.source, image.changed) == (Source.UNKNOWN, ())


def test_a_disabled_alert_is_shown_and_costs_one_request(project, receiver):
    project.network.requests.clear()
    assert status(project).deployments[0].alerts == ()
    without = len(project.network.requests)
    receiver.create_block(project.api.url, f"ops-{project.tag}")
    ops = f"custom-webhook/ops-{project.tag}"
    project.values["deployments"] += [{"name": "other"}]
    project.values["alerts"] = [
        {"on": ["failed"], "notify": ops},
        {"on": ["late"], "notify": ops, "deployments": ["other"]},
    ]
    project.deploy()
    owner = owner_of(project.values["name"], f"{project.values['name']}-docker")
    failed, late = sorted(project.api.automations_of(owner), key=lambda a: a["name"])
    project.raw("PATCH", f"/automations/{failed['id']}", {"enabled": False})
    project.network.requests.clear()
    nightly, other = status(project).deployments
    assert len(project.network.requests) == without + 1
    assert nightly.alerts == (AlertStatus(failed["name"], enabled=False),)
    assert other.alerts == (*nightly.alerts, AlertStatus(late["name"], enabled=True))


def test_the_number_of_requests_does_not_grow_with_other_peoples_objects(project):
    begin(project, "COMPLETED")
    counts = []
    for _ in range(2):
        project.network.requests.clear()
        status(project)
        counts.append(len(project.network.requests))
        for _ in range(2):
            other = Project(project.api.url)
            other.values["deployments"] += [{"name": f"other-{n}"} for n in range(5)]
            other.deploy()
            for _ in range(5):
                begin(other, "COMPLETED")
    assert counts[0] == counts[1]
    assert counts[0] <= 12
