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


def alerts_of(project: Project, name: str) -> list[str]:
    """What the server has of the alerts of the project with this name."""
    listed = project.raw("POST", "/automations/filter", {"limit": 200})
    return sorted(a["name"] for a in listed if a["name"].startswith(f"flowship: {name}:"))


def with_alerts(project: Project) -> None:
    project.create_block("slack-webhook", f"ops-{project.tag}", {"url": "https://hooks.invalid/x"})
    notify = f"slack-webhook/ops-{project.tag}"
    project.values["alerts"] = [{"on": ["failed", "crashed"], "notify": notify}]


def test_a_project_under_a_new_name_replaces_its_alerts(project):
    """Ship as one project and then, with the same deployment, as another: the plan says what
    happens to the alerts of the first, and each failure is reported once."""
    with_alerts(project)
    project.deploy()
    old, block = project.values["name"], f"taxi-{project.tag}-docker"
    assert len(alerts_of(project, old)) == 2
    project.values["name"] = new = f"taxi2-{project.tag}"
    planned = project.plan()
    gone = [o for o in planned.operations if o.action.value == "delete"]
    assert {o.name for o in gone} == {*alerts_of(project, old)}
    assert {o.reason for o in gone} == {f"its deployments move to the block {new}-docker"}
    [warning] = planned.deployments[0].warnings
    assert warning.startswith(f"it uses the block {block}, which may belong to another project")
    assert "would run this image" in warning
    [warning] = project.deploy().deployments[0].warnings
    assert warning.startswith(f"it used the block {block}")
    assert (alerts_of(project, old), len(alerts_of(project, new))) == ([], 2)
    assert project.plan().operations == ()
    scope = Scope(old, elsewhere=True)
    found = delete.plan(project.api, scope)
    assert [(o.resource.value, o.name) for o in found.plan.operations] == [("block", block)]
    delete.carry_out(project.api, scope, found, silent)
    assert len(alerts_of(project, new)) == 2
    assert project.stored()["id"]
    assert project.api.block_document("docker-container", f"{new}-docker")
    with pytest.raises(UsageError, match="has no deployment"):
        delete.plan(project.api, scope)


def test_the_alerts_of_a_project_go_with_it_although_another_one_has_its_deployments(project):
    """The alerts are about one more deployment than the new project takes."""
    with_alerts(project)
    project.values["deployments"].append({"name": "hourly", "cron": "0 * * * *"})
    project.deploy()
    old, new = project.values["name"], f"taxi2-{project.tag}"
    project.values["name"] = new
    project.values["deployments"].pop()
    project.deploy()
    assert len(alerts_of(project, old)) == 2, "they still are about hourly"
    scope = Scope(old, elsewhere=True)
    found = delete.plan(project.api, scope)
    assert found.deployments == (f"{project.facts['flow_name']}/hourly",)
    delete.carry_out(project.api, scope, found, silent)
    assert (alerts_of(project, old), len(alerts_of(project, new))) == ([], 2)
    assert project.stored()


def test_a_block_under_a_new_name_replaces_the_alerts_too(project):
    with_alerts(project)
    project.deploy()
    before = alerts_of(project, project.values["name"])
    project.values["block"] = {"name": f"box-{project.tag}"}
    report = project.deploy()
    assert report.deployments[0].warnings == (), "the block was this project's own"
    assert alerts_of(project, project.values["name"]) == before
    assert project.plan().operations == ()
