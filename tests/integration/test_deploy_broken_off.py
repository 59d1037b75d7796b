"""A deploy that breaks off in the middle, on a real server: what it says, and what a plan says
afterwards."""

from __future__ import annotations

import httpx
import pytest

from flowship.deployment.lock import current
from flowship.deployment.plan import Editor
from flowship.errors import ApiError, Interrupted
from flowship.prefect.client import PrefectApi
from flowship.releases import store
from flowship.releases.words import changes
from support.deploying import Counting, Project, Target

pytestmark = pytest.mark.server

NEW = "user/de-repo:new@sha256:" + "cd" * 32


class Breaking(Counting):
    """Ends with `exc` where a schedule would be written, or what else `at` names."""

    def __init__(self, exc: BaseException, at: str = "/schedules") -> None:
        super().__init__()
        self.exc, self.at = exc, at

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        there = f"{self.at.rstrip('/')}/" in f"{request.url.path}/"
        if request.method in ("POST", "PATCH") and there:
            raise self.exc
        return super().handle_request(request)


def break_off(
    project: Project, exc: BaseException, at: str = "/schedules", *, reference: str = NEW
) -> None:
    """Deploy a new image and another cron; `exc` comes before the cron is written."""
    project.configure(cron="0 7 * * *")
    url = project.api.url
    project.api = PrefectApi(Target(url), transport=Breaking(exc, at), sleep=lambda seconds: None)
    try:
        project.deploy(reference=reference)
    finally:
        project.api = PrefectApi(Target(url))


def editors(project: Project) -> set[Editor]:
    plan = project.plan(reference=NEW)
    assert plan.operations
    return {change.edited_by for o in plan.operations for change in o.changes}


@pytest.fixture
def project(prefect_server) -> Project:
    project = Project(prefect_server)
    project.deploy()
    return project


def test_an_interrupted_deploy_says_what_it_changed_and_the_next_one_completes_it(project):
    with pytest.raises(Interrupted) as caught:
        break_off(project, KeyboardInterrupt())
    assert str(caught.value) == "interrupted: 1 of 2 changes was made, and it stays"
    assert project.block()["data"]["image"] == NEW
    assert current(project.api, project.block()["name"]) is None
    release = store.history(project.api, project.values["name"])[0]
    assert (release.incomplete, release.images[0].reference) == ("interrupted", NEW)
    assert editors(project) == {Editor.FLOWSHIP}, "nobody edited it"
    project.deploy(reference=NEW)
    (schedule,) = project.schedules()
    assert schedule["schedule"]["cron"] == "0 7 * * *"
    assert not store.history(project.api, project.values["name"])[0].incomplete


def test_an_interrupt_after_the_last_change_leaves_nothing_to_complete(project):
    """Ctrl-C comes while the next runs are planned."""
    with pytest.raises(Interrupted) as caught:
        break_off(project, KeyboardInterrupt(), "/schedule")
    assert str(caught.value) == "interrupted: 2 of 2 changes were made: nothing is missing"
    assert caught.value.hint == "run the command again to confirm the deploy"
    release = store.history(project.api, project.values["name"])[0]
    assert (release.number, release.incomplete) == (2, "")
    report = project.deploy(reference=NEW)
    assert (report.operations, report.release) == ((), None)


def test_an_image_whose_deploy_broke_off_before_it_was_written_is_new_and_not_edited(project):
    with pytest.raises(KeyboardInterrupt):
        break_off(project, KeyboardInterrupt(), at="/block_documents/")
    update = project.plan(reference=NEW).operations[0]
    assert (update.name, update.reason) == (project.block()["name"], "new image")
    assert update.edited is None
    kept = project.block()["data"]["image"]
    project.api.update_block_document(project.block()["id"], {"data": {"image": "other:edited"}})
    edited = project.plan(reference=NEW).operations[0]
    assert edited.reason == "the block has another image"  # that of the deploy, or a person's
    project.api.update_block_document(project.block()["id"], {"data": {"image": kept}})
    project.deploy(reference=NEW)
    project.api.update_block_document(project.block()["id"], {"data": {"image": "other:edited"}})
    (edited,) = project.plan(reference=NEW).operations
    assert edited.reason == "the block's image was edited"
    assert edited.edited


def test_an_interrupt_before_the_first_change_leaves_nothing_to_complete(project):
    project.deploy(reference=NEW)
    with pytest.raises(KeyboardInterrupt) as caught:
        break_off(project, KeyboardInterrupt())
    assert type(caught.value) is KeyboardInterrupt
    assert not store.history(project.api, project.values["name"])[0].incomplete


class Killed(BaseException):
    """Ends a deploy that records nothing more, as kill -9 does."""


def test_what_a_killed_deploy_wrote_is_not_taken_for_a_persons_edit(project):
    name = project.values["name"]
    project.configure(tags=["new"])
    with pytest.raises(Killed):
        break_off(project, Killed())
    assert store.history(project.api, name)[0].number == 1
    project.configure(tags=["a"], cron="0 5 * * *")
    plan = project.plan()
    editors = {change.field: change.edited_by for o in plan.operations for change in o.changes}
    assert editors == {"image": Editor.FLOWSHIP, "tags": Editor.UNKNOWN}
    assert not [operation for operation in plan.operations if operation.edited]


def killed(monkeypatch) -> None:
    """A deploy that is killed does not release its lock."""
    monkeypatch.setattr("flowship.deployment.lock.DeployLock.release", stop_renewing)


def stop_renewing(self) -> None:
    self._released.set()


def test_without_a_new_image_its_lock_says_whose_the_values_are(project, monkeypatch):
    """Change tags and a cron, end it when the cron is written; then change the tags again."""
    same = project.block()["data"]["image"]
    name = project.values["name"]
    with monkeypatch.context() as patched:
        killed(patched)
        project.configure(tags=["f3"])
        with pytest.raises(Killed):
            break_off(project, Killed(), "/schedule", reference=same)
    assert store.history(project.api, name)[0].number == 1
    monkeypatch.setattr("flowship.deployment.lock._is_abandoned", lambda variable: True)
    assert current(project.api, project.block()["name"]).abandoned
    project.configure(tags=["f9"])
    planned = project.plan(reference=same)
    done = project.deploy(reference=same)
    for report in (planned, done):
        [change] = [change for o in report.operations for change in o.changes]
        assert (change.before, change.edited_by) == (["f3"], Editor.UNKNOWN)
        assert not [operation for operation in report.operations if operation.edited]
    project.raw("PATCH", f"/deployments/{project.stored()['id']}", {"tags": ["mine"]})
    [edited] = project.plan(reference=same).operations
    assert edited.changes[0].edited_by is Editor.PERSON, "the lock is gone, and so is the doubt"


def test_a_killed_deploy_that_was_complete_is_only_recorded(project):
    with pytest.raises(Killed):
        break_off(project, Killed(), "/schedule")
    assert project.plan(reference=NEW).operations == ()
    assert project.deploy(reference=NEW).release == 2
    assert changes(store.history(project.api, project.values["name"])[0]) == ["only recorded"]


def test_a_timeout_in_the_middle_says_what_was_changed(project):
    with pytest.raises(ApiError) as caught:
        break_off(project, httpx.ReadTimeout("timed out"))
    assert caught.value.code == "api-timeout"
    assert caught.value.details.endswith("1 of 2 changes was made, and it stays")
    assert caught.value.hint.endswith("; then run the command again to complete the deploy")
