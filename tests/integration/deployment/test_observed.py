"""What is read from a real server: everything that a plan needs, in few requests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowship.deployment.desired import DesiredState, Flags
from flowship.deployment.diff import diff
from flowship.deployment.docker_block import registration
from flowship.deployment.draft import draft
from flowship.deployment.execute import execute
from flowship.deployment.observed import (
    Ground,
    observe,
    observe_again,
    observe_deployments,
    observe_ground,
)
from flowship.deployment.plan import Plan
from flowship.errors import ConfigError, UsageError
from flowship.runs.find import find
from support.deploying import Project, image, settings

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


def wanted(project: Project, flags: Flags | None = None, **facts) -> DesiredState:
    state = draft(settings(**project.values), flags or Flags())
    return state.bind(image(**{**project.facts, **facts}))


def requests_of(project: Project, state: DesiredState) -> list[str]:
    """The requests that one observation takes."""
    project.network.requests.clear()
    observe(project.api, state)
    return list(project.network.requests)


def test_of_what_does_not_exist_nothing_is_observed(project):
    state = observe(project.api, wanted(project))
    assert state.ground == Ground(None, None)
    assert state.block is None
    (found,) = state.deployments
    assert (found.flow, found.deployment, found.schedules) == (None, None, ())
    assert state.sharing == ()
    assert project.network.writes == []


def test_after_a_deploy_everything_is_observed_and_nothing_is_left_to_do(project):
    report = project.deploy()
    desired = wanted(project)
    state = observe(project.api, desired)
    assert state.ground.pool is not None
    assert state.block is not None
    assert state.block["id"] == report.block.id
    (found,) = state.deployments
    assert found.deployment is not None
    assert found.deployment["id"] == report.deployments[0].id
    assert found.flow == found.deployment["flow_id"]
    assert [s["id"] for s in found.schedules] == [s.id for s in report.deployments[0].schedules]
    assert state.registration.schema == state.block["block_schema_id"]
    assert state.block["block_schema"]["checksum"] == registration()["checksum"]
    assert state.has_deployed(desired.image.reference)
    assert not state.has_deployed("user/de-repo:other@sha256:" + "cd" * 32)
    assert diff(desired, state) == Plan(())
    (alone,) = observe_deployments(project.api, desired.deployments)
    assert alone.deployment is not None
    assert alone.deployment["id"] == found.deployment["id"]


def test_what_is_read_back_is_what_the_server_has(project):
    """Only what was changed is read again."""
    project.configure(cron="0 5 * * *")
    project.values["deployments"].append({"name": "weekly"})
    project.deploy()
    project.values["deployments"].append({"name": "hourly", "interval": "1h"})
    project.values["deployments"][0] |= {"tags": ["a"], "cron": "0 6 * * *"}
    desired = wanted(project, reference="user/de-repo:new@sha256:" + "cd" * 32)
    before = observe(project.api, desired)
    plan = diff(desired, before)
    assert {o.resource.value for o in plan.operations} == {"block", "deployment", "schedule"}
    execute(plan, project.api)
    read_back = observe_again(project.api, desired, before, plan)
    assert diff(desired, read_back) == Plan(())
    full = observe(project.api, desired)
    assert replace(read_back, ground=full.ground) == full


def test_other_deployments_on_the_same_block_are_observed_with_their_names(project):
    project.values["deployments"] = [{"name": "nightly"}, {"name": "hourly"}]
    project.deploy()
    state = observe(project.api, wanted(project, Flags(name="nightly")))
    assert [d.deployment and d.deployment["name"] for d in state.deployments] == ["nightly"]
    assert [s.name for s in state.sharing] == [f"{project.facts['flow_name']}/hourly"]
    assert observe(project.api, wanted(project)).sharing == ()


def test_the_number_of_requests_does_not_depend_on_how_much_is_on_the_server(project):
    project.deploy()
    few = requests_of(project, wanted(project))
    names = [{"name": "nightly"}, *({"name": f"n{i}", "cron": "0 5 * * *"} for i in range(5))]
    project.values["deployments"] = names
    project.deploy()
    for _ in range(3):
        project.add_schedule({"schedule": {"cron": "0 5 * * *"}})
    assert requests_of(project, wanted(project, Flags(name="nightly"))) == [
        *few,
        "POST /flows/filter",  # the names of the others' flows, once
    ]
    assert not [r for r in few if r.startswith(("PATCH", "DELETE"))]


def test_the_deployments_of_other_projects_are_not_read(project, prefect_server):
    project.deploy()
    few = requests_of(project, wanted(project))
    flow = f"other-{project.tag}"
    flow_id = project.raw("POST", "/flows/", {"name": flow})["id"]
    for number in range(210):  # more than a page
        body = {"name": f"{project.tag}-{number}", "flow_id": flow_id}
        project.raw("POST", "/deployments/", {**body, "enforce_parameter_schema": False})
    assert requests_of(project, wanted(project)) == few
    assert few.count("POST /deployments/filter") == 1
    project.network.requests.clear()
    with pytest.raises(UsageError) as caught:
        find(project.api, f"{project.tag}-x")
    assert f'did you mean "{project.tag}-' in caught.value.hint
    assert project.network.requests.count("POST /deployments/filter") <= 3
    project.raw("DELETE", f"/flows/{flow_id}")


def test_a_renamed_flow_and_another_project_are_found_on_the_same_block(project, prefect_server):
    project.deploy()
    project.deploy(flow_name=f"renamed-{project.tag}")
    other = Project(prefect_server)
    other.values["block"] = {"name": f"taxi-{project.tag}-docker"}
    other.deploy()
    state = observe(project.api, wanted(project))
    assert {s.name for s in state.sharing} == {
        f"renamed-{project.tag}/nightly", f"{other.facts['flow_name']}/nightly",
    }  # fmt: skip


def test_what_was_read_before_the_build_is_not_read_again(project):
    project.deploy()
    desired = wanted(project)
    ground = observe_ground(project.api, desired.pool, desired.block.credentials)
    project.network.requests.clear()
    assert observe(project.api, desired, ground).ground is ground
    assert not [r for r in project.network.requests if r.startswith("GET /work_pools")]


def test_a_credentials_block_that_does_not_exist_is_an_error_with_where_to_create_it(project):
    project.values["block"] = {"registry-credentials": f"hub-{project.tag}"}
    with pytest.raises(ConfigError) as caught:
        observe(project.api, wanted(project))
    assert caught.value.code == "credentials-block-not-found"
    assert project.api.ui_url("blocks/catalog") in caught.value.hint
    assert caught.value.where == "block.registry-credentials"
