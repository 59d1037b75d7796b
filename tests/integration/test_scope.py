"""Whose deployments a command is about, on a real Prefect server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowship import scope
from flowship.errors import ApiError, UsageError
from flowship.scope import Scope
from support.deploying import Project, settings

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


def in_folder(project: Project, deployment: str | None = None) -> Scope:
    known = settings(**project.values)
    return Scope(known.name, deployment, known, known)


def elsewhere(project: Project, deployment: str | None = None) -> Scope:
    return Scope(project.values["name"], deployment, elsewhere=True)


def names(project: Project, about: Scope) -> list[str]:
    return [f"{d['flow_name']}/{d['name']}" for d in scope.deployments(project.api, about).found]


def refused(project: Project, about: Scope) -> UsageError:
    with pytest.raises(UsageError) as caught:
        scope.one(project.api, about)
    return caught.value


def test_a_projects_deployments_are_those_of_its_last_release(project):
    flow = f"flow-{project.tag}"
    project.values["deployments"] = [{"name": "nightly"}, {"name": "hourly"}]
    project.deploy()
    other = Project(project.api.url)
    other.deploy()
    expected = [f"{flow}/hourly", f"{flow}/nightly"]
    for about in (in_folder(project), elsewhere(project)):
        assert names(project, about) == expected
    project.values["deployments"] = [{"name": "edited"}]  # and not deployed yet
    assert names(project, in_folder(project)) == expected


def test_what_was_deleted_by_hand_is_named_as_absent(project):
    project.values["deployments"] = [{"name": "nightly"}, {"name": "hourly"}]
    project.deploy()
    project.api.delete_deployment(project.stored()["id"])
    found = scope.deployments(project.api, elsewhere(project))
    assert found.absent == (f"flow-{project.tag}/nightly",)
    assert [d["name"] for d in found.found] == ["hourly"]


def test_without_a_release_they_are_the_ones_of_the_configuration_that_start_from_its_block(
    project, monkeypatch
):
    def refuse(*args: object) -> None:
        raise ApiError("no artifacts here")

    monkeypatch.setattr("flowship.releases.store.record", refuse)
    project.deploy()
    other = Project(project.api.url)
    other.deploy()  # of the same name, with another block
    assert names(project, in_folder(project)) == [f"flow-{project.tag}/nightly"]
    assert refused(project, elsewhere(project)).code == "project-unknown"


def test_a_named_deployment_is_the_projects_own_where_others_have_one_of_this_name(project):
    project.deploy()
    other = Project(project.api.url)
    other.deploy()
    for about in (in_folder(project, "nightly"), elsewhere(project, "nightly")):
        assert scope.one(project.api, about)["flow_name"] == f"flow-{project.tag}"
    full = f"flow-{other.tag}/nightly"
    assert names(project, in_folder(project, full)) == [full]
    assert names(project, Scope(None, full)) == [full]
    error = refused(project, elsewhere(project, full))
    assert error.code == "deployment-not-found"
    assert error.hint == f"it has: flow-{project.tag}/nightly"
    own = f"flow-{project.tag}/nightly"
    assert refused(project, in_folder(project, "nope")).hint == f"the project has: {own}"
    assert refused(project, in_folder(project, "nigtly")).hint == f'did you mean "{own}"?'
    assert refused(project, Scope(None, "nope")).hint.startswith("the server has: ")


def test_the_only_deployment_is_meant_where_none_is_named(project):
    assert refused(project, in_folder(project)).code == "project-not-deployed"
    project.deploy()
    assert scope.one(project.api, in_folder(project))["name"] == "nightly"
    project.values["deployments"] = [{"name": "nightly"}, {"name": "hourly"}]
    project.deploy()
    error = refused(project, elsewhere(project))
    assert error.code == "deployment-name-required"
    assert f"flow-{project.tag}/hourly" in error.hint


def test_an_unknown_project_is_an_error_with_the_nearest_name(project):
    project.deploy()
    name = project.values["name"]
    error = refused(project, replace(elsewhere(project), project=f"{name}x"))
    assert (error.code, error.hint) == ("project-unknown", f'did you mean "{name}"?')
    error = refused(project, replace(elsewhere(project), project="zzzz"))
    assert error.hint.startswith("projects with a release there: ")


def test_the_number_of_requests_does_not_grow_with_other_peoples_deployments(project):
    project.deploy()
    counts = []
    for _ in range(2):
        project.network.requests.clear()
        scope.deployments(project.api, in_folder(project))
        scope.one(project.api, in_folder(project, "nightly"))
        counts.append(len(project.network.requests))
        for _ in range(3):
            Project(project.api.url).deploy()
    assert counts == [6, 6]
