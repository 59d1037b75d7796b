"""Many deployments of one image on a real server: what is unchanged costs no request."""

from __future__ import annotations

import pytest

from flowship.deployment.desired import FlowFacts
from flowship.releases import store
from support.deploying import SCHEMA, Project

pytestmark = pytest.mark.server

COUNT = 30


@pytest.fixture
def project(prefect_server) -> Project:
    return Project(prefect_server)


def configure(project: Project, count: int) -> tuple[FlowFacts, ...]:
    """`count` deployments, each of a flow of its own; the flows."""
    names = [f"many-{project.tag}-{number}" for number in range(count)]
    entrypoints = [f"flows/f{number}.py:run" for number in range(count)]
    project.values["deployments"] = [
        {"name": "nightly", "entrypoint": entrypoint, "cron": "0 5 * * *"}
        for entrypoint in entrypoints
    ]
    for number, deployment in enumerate(project.values["deployments"]):
        deployment["name"] = f"nightly-{number}"
    return tuple(
        FlowFacts(entrypoint, name, None, SCHEMA)
        for entrypoint, name in zip(entrypoints, names, strict=True)
    )


def test_unchanged_deployments_cost_no_requests_and_a_changed_one_costs_its_own(project):
    flows = configure(project, COUNT)
    first = project.deploy(flows=flows)
    assert [d.outcome for d in first.deployments] == ["created"] * COUNT
    assert [d.flow_name for d in first.deployments] == [flow.name for flow in flows]
    assert store.history(project.api, project.values["name"])
    again = project.deploy(flows=flows)
    assert {d.outcome for d in again.deployments} == {"unchanged"}
    assert project.network.writes == []
    unchanged = list(project.network.requests)
    # As many requests as for one of them.
    project.values["deployments"] = project.values["deployments"][:1]
    project.deploy(flows=flows[:1])
    alone = [r for r in project.network.requests if not r.startswith("POST /flows/filter")]
    assert [r for r in unchanged if not r.startswith("POST /flows/filter")] == alone
    # A new image is one change, whatever the number of deployments.
    flows = configure(project, COUNT)
    report = project.deploy(flows=flows, reference="user/de-repo:new@sha256:" + "cd" * 32)
    assert {d.outcome for d in report.deployments} == {"unchanged"}
    # Each once, or again after a 503.
    changed = {w.partition("/api/")[2].partition("/")[0] for w in project.network.writes}
    assert changed == {"artifacts", "block_documents", "variables"}
    reads = [r for r in project.network.requests if r == "POST /deployments/filter"]
    assert len(reads) == 2  # before the lock is taken, and with it
    project.values["deployments"][3]["tags"] = ["changed"]
    report = project.deploy(flows=flows)
    assert [d.outcome for d in report.deployments].count("updated") == 1
    patches = {w for w in project.network.writes if w.startswith("PATCH /api/deployments/")}
    assert len(patches) == 1
    reads = [r for r in project.network.requests if r == "POST /deployments/filter"]
    assert len(reads) == 3  # the last one reads back the changed one


def test_names_that_differ_only_by_case_and_long_ones_are_deployments_of_their_own(project):
    names = ["Nightly", "nightly", "n" * 300]
    flow = project.facts["flow_name"]
    project.values["deployments"] = [{"name": name, "cron": "0 5 * * *"} for name in names]
    project.deploy()
    assert {d.outcome for d in project.deploy().deployments} == {"unchanged"}
    found = [project.api.deployment_by_name(flow, name) for name in names]
    assert [each and each["name"] for each in found] == names
    (release,) = store.history(project.api, project.values["name"])
    assert release.names == {f"{flow}/{name}" for name in names}
