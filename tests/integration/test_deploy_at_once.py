"""Deploys at the same moment: one after the other, never mixed, nothing lost.

``FLOWSHIP_ROUNDS=50`` runs more rounds than CI does.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace

import httpx
import pytest

from flowship.deployment.report import DeployReport
from flowship.errors import ApiError, FlowshipError
from flowship.prefect.client import PrefectApi
from flowship.releases import store
from support.deploying import Counting, Project, Target, send_until_accepted

pytestmark = pytest.mark.server

ROUNDS = int(os.environ.get("FLOWSHIP_ROUNDS", "6"))
CRONS = ["0 1 * * *", "0 2 * * *", "0 3 * * *", "0 4 * * *"]


def rivals(url: str, number: int) -> list[Project]:
    """Several deploys of one project, each with code and a schedule of its own."""
    first = Project(url)
    made = [first]
    for _ in range(number - 1):
        other = Project(url)
        other.tag, other.facts = first.tag, dict(first.facts)
        other.values = {**first.values}
        made.append(other)
    for turn, project in enumerate(made):
        project.values["deployments"] = [{"name": "nightly", "cron": CRONS[turn]}]
        project.facts = {
            **project.facts,
            "reference": f"user/de-repo:v{turn}@sha256:" + f"{turn:x}" * 64,
            "flow_description": f"version {turn}",
        }
    return made


def at_once(projects: list[Project]) -> list[DeployReport | Exception]:
    """Deploy all of them at the same moment."""
    barrier = threading.Barrier(len(projects))
    results: list[DeployReport | Exception] = [RuntimeError()] * len(projects)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = projects[number].deploy()
        except FlowshipError as exc:
            results[number] = exc

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(projects))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def whose(project: Project) -> set[int]:
    """Which rivals the server's block, deployment and schedules are from; one, or it is mixed."""
    stored, (schedule,) = project.stored(), project.schedules()
    image = project.block()["data"]["image"]
    return {
        int(image.partition(":v")[2][0]),
        int(stored["description"].split()[1]),
        CRONS.index(schedule["schedule"]["cron"]),
    }


@pytest.mark.parametrize(("number", "rounds"), [(2, ROUNDS), (4, ROUNDS // 2)])
def test_deploys_at_once_leave_the_state_of_one_of_them(prefect_server, number, rounds):
    for turn in range(rounds):
        projects = rivals(prefect_server, number)
        if turn % 2:  # every other round on what is already there
            projects[0].deploy()
        results = at_once(projects)
        assert all(isinstance(result, DeployReport) for result in results), results
        assert len(whose(projects[0])) == 1


class SlowRecording(Counting):
    """Takes its time to store a release: another deploy can look at the history meanwhile."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/artifacts/") and b"flowship-release-" in request.read():
            time.sleep(0.5)
        return super().handle_request(request)


@pytest.mark.parametrize("rounds", [max(2, ROUNDS // 3)])
def test_environments_that_deploy_at_once_have_releases_with_numbers_of_their_own(
    prefect_server, rounds
):
    """Each has its own block, and so its own deploy lock; all share the numbers."""
    names = ["staging", "production", "test"]
    projects = rivals(prefect_server, len(names))
    project = projects[0].values["name"]
    for environment, each in zip(names, projects, strict=True):
        each.environment = environment
        each.api = PrefectApi(Target(prefect_server), transport=SlowRecording())
        each.values["block"] = {"name": f"{project}-{environment}"}
        each.values["deployments"] = [{"name": environment}]
    for turn in range(rounds):
        for each in projects:
            each.values["deployments"] = [{**each.values["deployments"][0], "tags": [str(turn)]}]
        results = at_once(projects)
        assert all(isinstance(result, DeployReport) for result in results), results
        assert not [w for result in results for w in result.warnings if "recorded" in w]
    found = store.history(projects[0].api, project)
    expected = list(range(len(names) * rounds, 0, -1))
    assert [release.number for release in found] == expected
    for environment in names:
        own = [each for each in found if each.environment == environment]
        assert [d.tags for each in own for d in each.deployments] == [
            (str(turn),) for turn in reversed(range(rounds))
        ]


class Forbidden(Counting):
    """Refuses to store a release."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/artifacts/") and b"flowship-release-" in request.read():
            return httpx.Response(403, json={"detail": "no"}, request=request)
        return super().handle_request(request)


def test_a_release_that_cannot_be_recorded_is_a_warning_and_the_next_deploy_records_it(
    prefect_server,
):
    project = Project(prefect_server)
    project.api = PrefectApi(Target(prefect_server), transport=Forbidden())
    report = project.deploy()
    assert report.release is None
    [warning] = [text for text in report.warnings if "recorded" in text]
    assert warning.startswith("the release was not recorded: ")
    assert "denied POST /artifacts/: no; " in warning
    assert "`flowship rollback` cannot return to it" in warning
    project.api = PrefectApi(Target(prefect_server))
    again = project.deploy()
    assert (again.operations, again.release) == ((), 1)


class Slow(Counting):
    """Delays the first request that changes `path`."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__()
        self.path, self.seconds = path, seconds

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.path in request.url.path and request.method in ("POST", "PATCH"):
            seconds, self.seconds = self.seconds, 0
            time.sleep(seconds)
        return super().handle_request(request)


@pytest.mark.parametrize("path", ["/block_documents/", "/deployments/", "/schedules"])
def test_a_request_that_is_delayed_mixes_nothing(prefect_server, path):
    slow, other = rivals(prefect_server, 2)
    slow.deploy()
    slow.values["deployments"] = [{"name": "nightly", "cron": CRONS[0], "tags": ["slow"]}]
    slow.facts["reference"] = "user/de-repo:v0@sha256:" + "00" * 31 + "01"
    slow.api = PrefectApi(Target(prefect_server), transport=Slow(path, 3))
    results = at_once([slow, other])
    assert all(isinstance(result, DeployReport) for result in results), results
    assert len(whose(slow)) == 1


class Unwatched(Counting):
    """Refuses to say which workers there are."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/workers/filter"):
            return httpx.Response(500, json={"detail": "broken"}, request=request)
        return super().handle_request(request)


def test_what_fails_after_everything_is_deployed_does_not_make_the_deploy_fail(prefect_server):
    project = Project(prefect_server)
    project.api = PrefectApi(
        Target(prefect_server), transport=Unwatched(), sleep=lambda seconds: None
    )
    project.deploy()
    project.raw("PATCH", f"/work_pools/{project.values['work-pool']}", {"is_paused": True})
    project.configure(cron="0 7 * * *")
    assert project.deploy().pool.worker_online is None
    (schedule,) = project.schedules()
    assert schedule["schedule"]["cron"] == "0 7 * * *"


class Undoing(Counting):
    """Another program that undoes each change of the deployment."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        path = request.url.path
        if request.method == "PATCH" and "/deployments/" in path and "/schedules" not in path:
            send_until_accepted("PATCH", str(request.url), {"description": "mine"})
        return response


def test_a_deploy_that_does_not_last_is_not_a_success(prefect_server):
    project = Project(prefect_server)
    project.deploy()
    project.configure(description="ours")
    project.api = PrefectApi(Target(prefect_server), transport=Undoing())
    with pytest.raises(ApiError) as caught:
        project.deploy()
    assert caught.value.code == "deploy-not-verified"
    assert "description" in caught.value.details


class Deleting(Counting):
    """A person who deletes a schedule right before it is changed."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH" and "/schedules/" in request.url.path:
            send_until_accepted("DELETE", str(request.url))
        return super().handle_request(request)


def test_what_a_person_deletes_during_the_deploy_is_created_again(prefect_server):
    project = Project(prefect_server)
    project.deploy()
    project.configure(cron="0 7 * * *")
    project.api = PrefectApi(Target(prefect_server), transport=Deleting())
    project.deploy()
    (schedule,) = project.schedules()
    assert schedule["schedule"]["cron"] == "0 7 * * *"


def test_two_projects_at_once_share_what_both_create(prefect_server):
    one, other = Project(prefect_server), Project(prefect_server)
    other.values["work-pool"] = one.values["work-pool"]
    results = at_once([one, other])
    assert all(isinstance(result, DeployReport) for result in results), results
    assert replace(results[0].pool, outcome="") == replace(results[1].pool, outcome="")
