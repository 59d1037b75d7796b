"""A deployment is found by its name on a real Prefect server."""

from __future__ import annotations

import pytest

from flowship.errors import UsageError
from flowship.runs.find import find
from support.deploying import Project, settings

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


def test_a_bare_name_and_a_full_name_find_the_same(project):
    project.values["deployments"] = [{"name": f"only-{project.tag}"}]
    project.deploy()
    name, full = f"only-{project.tag}", f"flow-{project.tag}/only-{project.tag}"
    assert find(project.api, name)["id"] == find(project.api, full)["id"]


def test_a_name_that_several_flows_share_lists_them(project):
    other = Project(project.api.url)
    name = f"shared-{project.tag}"
    for one in (project, other):
        one.values["deployments"] = [{"name": name}]
        one.deploy()
    with pytest.raises(UsageError) as caught:
        find(project.api, name)
    assert caught.value.code == "deployment-ambiguous"
    for one in (project, other):
        assert f"flow-{one.tag}/{name}" in caught.value.hint


def test_a_shared_name_means_the_projects_own_flow_even_after_a_rename(project):
    other = Project(project.api.url)
    name = f"shared-{project.tag}"
    for one in (project, other):
        one.values["deployments"] = [{"name": name}]
        one.deploy()
    own = settings(**project.values)
    found = find(project.api, name, project=lambda: own)
    assert found["flow_name"] == f"flow-{project.tag}"
    project.facts = {"flow_name": f"renamed-{project.tag}"}
    project.deploy(reference="user/de-repo:new@sha256:" + "cd" * 32)
    found = find(project.api, name, project=lambda: own)
    assert found["flow_name"] == f"renamed-{project.tag}"
    project.facts = {"flow_name": f"flow-{project.tag}"}  # back: both deployments exist already
    project.deploy(reference="user/de-repo:back@sha256:" + "ef" * 32)
    found = find(project.api, name, project=lambda: own)
    assert found["flow_name"] == f"flow-{project.tag}"


def test_an_unknown_name_suggests_the_closest_one(project):
    project.values["deployments"] = [{"name": f"nightly-{project.tag}"}]
    project.deploy()
    for wrong in (f"nigthly-{project.tag}", f"flow-{project.tag}/nigthly-{project.tag}"):
        with pytest.raises(UsageError) as caught:
            find(project.api, wrong)
        assert caught.value.code == "deployment-not-found"
        assert f"nightly-{project.tag}" in caught.value.hint


def test_a_configured_deployment_that_is_not_deployed_is_deployed_first(prefect_server):
    project = Project(prefect_server)
    with pytest.raises(UsageError) as caught:
        find(
            project.api,
            f"new-{project.tag}",
            project=lambda: settings().model_copy(update={"environment": "staging"}),
            own=("nightly", f"new-{project.tag}"),
        )
    command = "flowship ship --env staging"
    assert caught.value.hint == f"it is configured and not deployed: run `{command}`"
