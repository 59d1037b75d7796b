"""Deleting deployments from a real server."""

from __future__ import annotations

import pytest

from flowship.deployment import lock
from flowship.deployment.plan import Resource
from flowship.errors import ApiError, Interrupted, UsageError
from flowship.events import silent
from flowship.operate import delete
from flowship.releases import store
from flowship.scope import Scope
from support.deploying import Project, send_until_accepted

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server) -> Project:
    return Project(prefect_server)


def about(project: Project, deployment: str | None = None) -> Scope:
    return Scope(project.values["name"], deployment, elsewhere=True)


def remove(project: Project, deployment: str | None = None, **options) -> delete.Deleted:
    found = delete.plan(project.api, about(project, deployment))
    return delete.carry_out(
        project.api, about(project, deployment), found, silent, wait=False, **options
    )


def test_a_deployment_goes_with_all_of_its_schedules_and_the_block_stays(project):
    project.values["deployments"].append({"name": "hourly", "cron": "0 * * * *"})
    project.deploy()
    project.add_schedule({"schedule": {"cron": "7 7 * * 7", "timezone": "UTC"}})
    found = delete.plan(project.api, about(project, "nightly"))
    assert [o.resource.value for o in found.plan.operations] == [
        "schedule", "schedule", "deployment",
    ]  # fmt: skip
    why = "its deployment is deleted"
    assert {o.name.partition(": ")[2]: o.reason for o in found.plan.operations[:2]} == {
        "every day at 05:00 Pacific/Auckland": why,
        "every Sunday at 07:07 UTC": f"{why}; a person made it, and no rollback brings it back",
    }
    assert found.kept == {f"taxi-{project.tag}-docker": "hourly"}
    assert remove(project, "nightly").release == 2
    flow = project.facts["flow_name"]
    assert project.api.deployment_by_name(flow, "nightly") is None
    assert project.api.deployment_by_name(flow, "hourly") is not None
    assert project.block()
    [release, before] = store.history(project.api, project.values["name"])
    assert (release.made_by, release.names) == ("delete", {f"{flow}/hourly"})
    assert not [key for key in release.applied if "/nightly" in key]
    assert before.number == 1


def test_the_last_deployment_takes_the_block_with_it(project):
    project.deploy()
    assert remove(project).release == 2
    assert project.api.block_document("docker-container", f"taxi-{project.tag}-docker") is None
    assert project.api.work_pool(f"pool-{project.tag}") is not None
    [release, _] = store.history(project.api, project.values["name"])
    assert (release.images, release.deployments) == ((), ())
    report = project.deploy()  # everything again
    assert report.release == 3


def test_a_block_that_another_projects_deployment_uses_stays(project):
    project.deploy()
    other = Project(project.api.url)
    other.values |= {"block": {"name": f"taxi-{project.tag}-docker"}}
    other.values["work-pool"] = project.values["work-pool"]
    other.deploy()
    found = delete.plan(project.api, about(project))
    assert found.kept == {f"taxi-{project.tag}-docker": "nightly"}


def test_it_is_known_by_its_full_name_too_outside_of_projects(project):
    project.deploy()
    scope = Scope(None, f"{project.facts['flow_name']}/nightly")
    found = delete.plan(project.api, scope)
    assert found.project == project.values["name"]
    assert delete.carry_out(project.api, scope, found, silent).release == 2


def test_a_deployment_that_flowship_did_not_make_is_refused(project):
    project.deploy()
    url = project.api.url
    flow = send_until_accepted("POST", f"{url}/flows/", {"name": f"own-{project.tag}"}).json()
    body = {"name": "mine", "flow_id": flow["id"]}
    send_until_accepted("POST", f"{url}/deployments/", body)
    with pytest.raises(UsageError) as caught:
        delete.plan(project.api, Scope(None, f"own-{project.tag}/mine"))
    assert caught.value.code == "deployment-not-flowships"


def test_a_deletion_that_cannot_be_recorded_says_what_that_means(project, monkeypatch):
    project.deploy()

    def refuse(*args: object) -> None:
        raise ApiError("forbidden")

    monkeypatch.setattr("flowship.releases.store.record", refuse)
    done = remove(project)
    assert done.release is None
    [warning] = done.warnings
    assert warning.startswith("the release was not recorded: forbidden; ")


def test_it_waits_for_a_deploy_or_fails(project):
    project.deploy()
    with lock.held(project.api, f"taxi-{project.tag}-docker"), pytest.raises(ApiError) as caught:
        remove(project)
    assert caught.value.code == "deploy-in-progress"
    assert project.stored()


def test_an_interrupted_deletion_says_how_far_it_got_and_can_be_completed(project):
    project.deploy()

    def stop_at_the_block(event: object) -> None:
        if getattr(getattr(event, "operation", None), "resource", None) is Resource.BLOCK:
            raise KeyboardInterrupt

    found = delete.plan(project.api, about(project))
    with pytest.raises(Interrupted) as caught:
        delete.carry_out(project.api, about(project), found, stop_at_the_block)
    assert str(caught.value) == "interrupted: 1 of 3 changes was made, and it stays"
    assert caught.value.hint == "run the command again to complete the deletion"
    [release, _] = store.history(project.api, project.values["name"])
    assert (release.made_by, release.incomplete) == ("delete", "interrupted")
    assert (project.schedules(), project.block() is None) == ([], False)
    remove(project)
    assert project.api.block_document("docker-container", f"taxi-{project.tag}-docker") is None
    assert store.history(project.api, project.values["name"])[0].deployments == ()


def test_what_was_not_shown_is_not_deleted(project):
    project.deploy()
    shown = delete.plan(project.api, about(project))
    project.values["deployments"].append({"name": "hourly", "cron": "0 * * * *"})
    project.deploy()
    delete.carry_out(project.api, about(project), shown, silent)
    flow = project.facts["flow_name"]
    assert project.api.deployment_by_name(flow, "hourly") is not None
    assert project.api.deployment_by_name(flow, "nightly") is None


def test_without_a_deployment_there_is_nothing_to_delete(project):
    project.deploy()
    remove(project)
    with pytest.raises(UsageError) as caught:
        delete.plan(project.api, about(project))
    assert caught.value.code == "project-not-deployed"
