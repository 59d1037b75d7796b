"""A dry run against a real Prefect server: the first one, whose values it replaces, and that a
deploy reaches what is desired from any state and keeps what a person owns."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowship.deployment.desired import Flags
from support.deploying import Project
from support.persons import (
    add_schedule,
    delete_block,
    delete_deployment,
    delete_schedule,
    edit_cron,
    edited,
    edited_block,
    pause_schedule,
    swap_pool,
)

pytestmark = pytest.mark.server

NEW = "user/de-repo:new@sha256:" + "cd" * 32


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


def test_the_first_deploy_creates_everything_in_the_order_in_which_it_is_needed(project):
    planned = project.plan()
    kinds = [
        o.resource.value for o in planned.operations if not o.resource.value.startswith("block-")
    ]
    assert kinds == ["work-pool", "block", "flow", "deployment", "schedule"]
    assert {o.action.value for o in planned.operations} == {"create"}
    assert project.network.writes == []
    assert project.api.work_pool(project.values["work-pool"]) is None


def editors(report) -> dict[str, str]:
    return {c.field: c.edited_by.value for o in report.operations for c in o.changes}


def test_what_a_person_changed_is_marked_and_what_the_configuration_changed_is_not(project):
    project.values["block"] = {"mem-limit": "1g", "env": {"A": "1"}}
    project.configure(parameters={"year": 2022, "months": [1]}, tags=["a"])
    project.deploy()
    edited_block(mem_limit="8g", image="other/image:edited")(project)
    edited(parameters={"year": 1999, "months": [1]})(project)
    edit_cron(project)
    project.values["block"] = {"mem-limit": "1g", "env": {"A": "2"}}
    project.configure(parameters={"year": 2022, "months": [2]}, tags=["a", "b"])
    assert editors(project.plan()) == {
        "mem_limit": "person",
        "image": "person",
        "env": "flowship",
        "parameters.year": "person",
        "parameters.months": "flowship",
        "tags": "flowship",
        "schedule": "person",
    }
    project.deploy()
    assert project.plan().operations == ()


def test_a_server_without_a_release_does_not_know_whose_edit_it_was(project):
    project.deploy()
    key = f"flowship-release-{project.values['name']}"
    wanted = {"artifacts": {"key": {"any_": [key]}}}
    for artifact in project.raw("POST", "/artifacts/filter", wanted):
        project.raw("DELETE", f"/artifacts/{artifact['id']}")
    project.configure(tags=["a"])
    assert editors(project.plan()) == {"tags": "unknown"}


def test_a_secret_is_in_no_plan(project):
    secret = {"type": "string", "format": "password", "writeOnly": True}
    schema = {"type": "object", "properties": {"token": secret}, "required": []}
    for value in ("one", "two"):
        project.values["block"] = {"env": {"API_TOKEN": f"sk-{value}"}}
        flags = Flags(parameters={"token": f"hunter-{value}"})
        planned = project.plan(flags, parameters=schema)
        project.deploy(flags, parameters=schema)
        text = json.dumps(planned.to_json()) + repr(planned)
        assert not [s for s in ("sk-", "hunter") if s in text]


# --- any two states ------------------------------------------------------------------------------

CRONS = st.sampled_from(["0 5 * * *", "15 4 * * 1", "0 12 1 * *"])
WANTED = st.fixed_dictionaries(
    {},
    optional={
        "schedules": st.lists(
            st.fixed_dictionaries(
                {"cron": CRONS}, optional={"parameters": st.just({"year": 2022})}
            ),
            max_size=3,
            unique_by=lambda s: s["cron"],
        ),
        "parameters": st.dictionaries(
            st.sampled_from(["year"]), st.integers(2000, 2030), max_size=1
        ),
        "tags": st.lists(st.sampled_from(["a", "b", "c"]), unique=True, max_size=3),
        "concurrency-limit": st.integers(1, 3),
        "description": st.text("abc", min_size=1, max_size=5),
        "job-variables": st.just({"mem_limit": "1g"}),
    },
)
BLOCKS = st.fixed_dictionaries(
    {},
    optional={
        "env": st.dictionaries(st.sampled_from(["A", "B"]), st.text("xyz", max_size=3), max_size=2),
        "mem-limit": st.sampled_from(["1g", "2g"]),
        "networks": st.lists(st.sampled_from(["n", "m"]), unique=True, max_size=2),
    },
)
IMAGES = st.sampled_from([{}, {"reference": NEW}, {"reference": "de-taxi:4f2a", "pushed": False}])


ACTS = st.lists(
    st.sampled_from(
        [
            add_schedule, edit_cron, pause_schedule, delete_schedule, delete_block,
            delete_deployment, swap_pool, edited(paused=True), edited(tags=["x"]),
            edited(parameters={"year": 1999}), edited(enforce_parameter_schema=False),
            edited_block(privileged=True), edited_block(mem_limit="9g"),
            edited_block(image="other/image:edited"),
        ]
    ),
    max_size=4,
)  # fmt: skip


def owned(project: Project) -> dict:
    """What a person owns, as far as it is there: schedules, pauses, and a field of the block."""
    stored = project.api.deployment_by_name(project.facts["flow_name"], "nightly")
    name = f"{project.values['name']}-docker"
    block = project.api.block_document("docker-container", name)
    found: dict = {"privileged": block["data"]["privileged"]} if block else {}
    if stored:
        schedules = {s["id"]: s for s in stored["schedules"]}
        found |= {"paused": stored["paused"], "enforced": stored["enforce_parameter_schema"]}
        found |= {i: s for i, s in schedules.items() if not (s["slug"] or "").startswith("flow")}
        found |= {f"{i} active": s["active"] for i, s in schedules.items()}
    return found


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=WANTED, acts=ACTS, after=WANTED, blocks=st.tuples(BLOCKS, BLOCKS), facts=IMAGES,
    prune=st.booleans(),
)  # fmt: skip
def test_a_deploy_reaches_what_is_desired_and_leaves_a_persons_things(
    prefect_server, before, acts, after, blocks, facts, prune
):
    project = Project(prefect_server)
    project.values |= {"deployments": [{"name": "nightly", **before}], "block": blocks[0]}
    project.deploy()
    for act in acts:
        with suppress(AssertionError, ValueError, IndexError):  # it is not there to be changed
            act(project)
    theirs = owned(project)

    flags = Flags(prune=prune)
    project.values |= {"deployments": [{"name": "nightly", **after}], "block": blocks[1]}
    planned = project.plan(flags, **facts)
    done = project.deploy(flags, **facts)

    assert [(o.action, o.resource, o.name) for o in done.operations] == [
        (o.action, o.resource, o.name) for o in planned.operations
    ]
    assert project.plan(flags, **facts).operations == ()
    now, schedules = owned(project), project.schedules()
    there = {key: value for key, value in theirs.items() if not key.endswith(" active")}
    assert {key: now.get(key) for key in there} == there
    still = {key: value for key, value in theirs.items() if key.endswith(" active") and key in now}
    assert {key: now[key] for key in still} == still
    own = [s for s in schedules if (s["slug"] or "").startswith("flowship-")]
    wanted = sorted(s["cron"] for s in after.get("schedules", ()))
    assert sorted(s["schedule"]["cron"] for s in own) == wanted
    stored = project.stored()
    assert stored["parameters"] == after.get("parameters", {})
    assert sorted(stored["tags"]) == sorted(after.get("tags", ()))
    assert stored["work_pool_name"] == project.values["work-pool"]
