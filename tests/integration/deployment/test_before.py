"""What a deployment was before it is created again, or under a new name, on a real server."""

from __future__ import annotations

import time

import pytest

from flowship.deployment.desired import Flags
from flowship.output import render_plan
from support.deploying import Project
from support.rendering import shown

pytestmark = pytest.mark.server

EVERY = {"cron": None, "timezone": None, "interval": "36h"}


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


def found(project: Project, name: str) -> dict:
    stored = project.api.deployment_by_name(project.facts["flow_name"], name)
    assert stored is not None
    return stored


def pause(project: Project, name: str = "nightly", *, resume: bool = False) -> None:
    word = "resume" if resume else "pause"
    project.raw("POST", f"/deployments/{found(project, name)['id']}/{word}_deployment")


def anchor(project: Project, name: str = "nightly") -> str:
    (schedule,) = found(project, name)["schedules"]
    return schedule["schedule"]["anchor_date"]


def lost(project: Project, name: str = "nightly") -> None:
    project.api.delete_deployment(found(project, name)["id"])


def reasons(report) -> list[tuple[str, str]]:
    return [
        (o.resource.value, o.reason)
        for o in report.operations
        if o.resource.value in ("deployment", "schedule")
    ]


DELETED = "it was deleted on the server"


def test_the_old_name_has_no_say_in_what_was_deployed_under_the_new_one(project):
    project.deploy()
    pause(project)
    project.configure(name="wk")
    project.deploy()
    assert found(project, "wk")["paused"] is True, "the rename kept the pause"
    pause(project, "wk", resume=True)
    project.configure(tags=["a"])
    project.deploy()
    lost(project, "wk")
    planned = project.plan()
    assert reasons(planned) == [("deployment", DELETED), ("schedule", DELETED)]
    assert [d.paused for d in planned.deployments] == [False]
    assert [left.renamed_to for left in planned.left] == [None]
    project.deploy()
    assert found(project, "wk")["paused"] is False


def test_a_name_that_was_pruned_can_be_taken_again(project):
    project.deploy()
    project.configure(name="wk")
    project.deploy(Flags(prune=True))
    pause(project, "wk")
    project.configure(name="nightly")
    report = project.deploy(Flags(prune=True))
    assert ("deployment", "renamed from wk, stays paused") in reasons(report)
    assert found(project, "nightly")["paused"] is True


def test_a_pause_that_a_release_knows_survives_that_the_deployment_is_deleted(project):
    project.deploy()
    pause(project)
    project.configure(tags=["a"])
    project.deploy()
    lost(project)
    planned = project.plan()
    assert reasons(planned) == [
        ("deployment", f"{DELETED}, stays paused"), ("schedule", DELETED),
    ]  # fmt: skip
    assert "it was deleted on the server, stays paused" in " ".join(
        shown(render_plan.of_report(planned), width=200).split()
    )
    assert planned.deployments[0].paused is True
    report = project.deploy()
    assert reasons(report) == reasons(planned)
    assert report.deployments[0].paused is True
    assert found(project, "nightly")["paused"] is True
    assert project.plan().operations == ()


def test_an_option_has_the_last_word(project):
    project.deploy()
    pause(project)
    project.configure(tags=["a"])
    project.deploy()
    lost(project)
    assert reasons(project.deploy(Flags(paused=False)))[0] == ("deployment", DELETED)
    assert found(project, "nightly")["paused"] is False


def test_what_was_resumed_stays_active_although_it_is_configured_to_begin_paused(project):
    project.configure(paused=True)
    project.deploy()
    pause(project, resume=True)
    project.configure(tags=["a"])
    project.deploy()
    lost(project)
    assert reasons(project.plan())[0] == ("deployment", f"{DELETED}, stays active")
    project.deploy()
    assert found(project, "nightly")["paused"] is False


@pytest.mark.parametrize("whole", [True, False], ids=["its deployment", "the schedule"])
def test_a_paused_schedule_that_was_deleted_is_created_paused(project, whole):
    project.values["deployments"] = [
        {"name": "nightly", "schedules": [{"cron": "0 5 * * *"}, {"cron": "0 9 * * *"}]}
    ]
    project.deploy()
    early = next(s for s in project.schedules() if "0500" in s["slug"])
    project.pause(early)
    project.configure(tags=["a"])
    project.deploy()
    if whole:
        lost(project)
    else:
        project.raw("DELETE", f"/deployments/{project.stored()['id']}/schedules/{early['id']}")
    planned = project.plan()
    said = [reason for kind, reason in reasons(planned) if kind == "schedule"]
    assert said == [f"{DELETED}, stays paused", *([DELETED] if whole else [])]
    active = {s.words: s.active for s in planned.deployments[0].schedules}
    assert active == {"every day at 05:00 UTC": False, "every day at 09:00 UTC": True}
    project.deploy()
    assert {s["slug"]: s["active"] for s in project.schedules()} == {
        "flowship-daily-0500": False, "flowship-daily-0900": True,
    }  # fmt: skip
    assert project.plan().operations == ()


def test_an_interval_of_a_renamed_deployment_keeps_the_moment_that_it_counts_from(project):
    project.configure(**EVERY)
    project.deploy()
    before = anchor(project)
    time.sleep(1.1)
    project.configure(name="wk")
    planned = project.plan()
    project.deploy(Flags(prune=True))
    assert anchor(project, "wk") == before
    [schedule] = planned.deployments[0].schedules
    [now] = project.plan().deployments[0].schedules
    assert schedule.next_runs == now.next_runs, "and the plan says when it runs"


@pytest.mark.parametrize("whole", [True, False], ids=["its deployment", "the schedule"])
def test_an_interval_that_was_deleted_keeps_the_moment_that_it_counts_from(project, whole):
    project.configure(**EVERY)
    project.deploy()
    before = anchor(project)
    time.sleep(1.1)
    if whole:
        lost(project)
    else:
        [schedule] = project.schedules()
        project.raw("DELETE", f"/deployments/{project.stored()['id']}/schedules/{schedule['id']}")
    project.deploy()
    assert anchor(project) == before


def test_prune_is_not_promised_for_what_it_does_not_delete(project):
    project.deploy()
    project.add_schedule({"schedule": {"cron": "7 7 * * 0", "timezone": "UTC"}, "active": True})
    project.configure(name="wk")
    name = f"{project.facts['flow_name']}/nightly"
    tells = f"`flowship delete {name}` deletes it"
    [renamed] = project.plan().left
    assert renamed.words.endswith("--prune deletes it"), "it would move along"
    for report in (project.deploy(), project.plan()):
        [left] = report.left
        assert tells in left.words
        assert "--prune does not: it has a schedule that was added on the server" in left.words
    [left] = project.plan(Flags(prune=True)).left
    assert left.words.endswith(
        f"not deleted: it has a schedule that was added on the server; {tells}"
    )
