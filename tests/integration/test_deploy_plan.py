"""What a dry run says before each kind of change, against a real Prefect server; then the change
is made, and a second dry run is empty."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowship.deployment.desired import Flags
from support.deploying import SCHEMA, Project

pytestmark = pytest.mark.server

NEW = "user/de-repo:new@sha256:" + "cd" * 32


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


class Change(NamedTuple):
    """One situation: what changes after a first deploy, and what the dry run then says."""

    name: str
    make: Callable[[Project], dict]
    """Changes the configuration or the server; returns facts of the image to deploy."""
    expected: list[tuple]
    """(action, resource, [fields])."""
    flags: Flags = Flags()


def configured(**changes) -> Callable[[Project], dict]:
    return lambda p: p.configure(**changes) or {}


def block(**values) -> Callable[[Project], dict]:
    return lambda p: p.values.update(block=values) or {}


def edited_block(**data) -> Callable[[Project], dict]:
    return lambda p: p.raw("PATCH", f"/block_documents/{p.block()['id']}", {"data": data}) or {}


def edited(**fields) -> Callable[[Project], dict]:
    return lambda p: p.raw("PATCH", f"/deployments/{p.stored()['id']}", fields) or {}


def image(**facts) -> Callable[[Project], dict]:
    return lambda p: facts


def person_schedule(p: Project) -> dict:
    p.add_schedule({"schedule": {"cron": "0 12 * * *", "timezone": "UTC"}})
    return {}


def paused_schedule(p: Project) -> dict:
    p.pause(p.schedules()[0])
    return {}


def edited_schedule(p: Project) -> dict:
    (schedule,) = p.schedules()
    path = f"/deployments/{p.stored()['id']}/schedules/{schedule['id']}"
    p.raw("PATCH", path, {"schedule": {"cron": "0 9 * * *", "timezone": "Pacific/Auckland"},
                          "parameters": {}})  # fmt: skip
    return {}


def deleted_schedule(p: Project) -> dict:
    (schedule,) = p.schedules()
    p.api.delete_schedule(p.stored()["id"], schedule["id"])
    return {}


def deleted_deployment(p: Project) -> dict:
    p.api.delete_deployment(p.stored()["id"])
    return {}


def deleted_block(p: Project) -> dict:
    p.raw("DELETE", f"/block_documents/{p.block()['id']}")
    return {}


def deleted_pool(p: Project) -> dict:
    p.raw("DELETE", f"/work_pools/{p.values['work-pool']}")
    return {}


def paused_pool(p: Project) -> dict:
    p.raw("PATCH", f"/work_pools/{p.values['work-pool']}", {"is_paused": True})
    return {}


def second_deployment(p: Project) -> dict:
    p.values["deployments"].append({"name": "weekly", "cron": "0 5 * * 1"})
    return {}


SCHEDULE, DEPLOYMENT, BLOCK = "schedule", "deployment", "block"
SITUATIONS = [
    Change("nothing", image(), []),
    Change("a cron", configured(cron="0 7 * * *"), [("update", SCHEDULE, ["schedule"])]),
    Change("a timezone", configured(timezone="UTC"), [("update", SCHEDULE, ["schedule"])]),
    Change("an interval instead", configured(cron=None, interval="15m"),
           [("update", SCHEDULE, ["schedule"])]),
    Change("a second schedule",
           configured(cron=None, timezone=None,
                      schedules=[{"cron": "0 5 * * *", "timezone": "Pacific/Auckland"},
                                 {"cron": "0 6 * * *"}]),
           [("create", SCHEDULE, [])]),
    Change("parameters of a schedule",
           configured(cron=None, timezone=None,
                      schedules=[{"cron": "0 5 * * *", "timezone": "Pacific/Auckland",
                                  "parameters": {"year": 2022}}]),
           [("update", SCHEDULE, ["parameters.year"])]),
    Change("no schedule", configured(cron=None, timezone=None), [("delete", SCHEDULE, [])]),
    Change("a schedule by flag", image(), [("update", SCHEDULE, ["schedule"])],
           Flags(cron="15 4 * * *")),
    Change("--no-schedule", image(), [("delete", SCHEDULE, [])], Flags(no_schedule=True)),
    Change("a person's schedule", person_schedule, []),
    Change("a schedule that a person paused", paused_schedule, []),
    Change("a schedule that a person edited", edited_schedule,
           [("update", SCHEDULE, ["schedule"])]),
    Change("a schedule that a person deleted", deleted_schedule, [("create", SCHEDULE, [])]),
    Change("a parameter", configured(parameters={"year": 2022}),
           [("update", DEPLOYMENT, ["parameters.year"])]),
    Change("a parameter by flag", image(), [("update", DEPLOYMENT, ["parameters.year"])],
           Flags(parameters={"year": "2022"})),
    Change("a parameter that a person set", edited(parameters={"year": 1999}),
           [("update", DEPLOYMENT, ["parameters.year"])]),
    Change("a tag", configured(tags=["nightly"]), [("update", DEPLOYMENT, ["tags"])]),
    Change("a description", configured(description="Loads."),
           [("update", DEPLOYMENT, ["description"])]),
    Change("a concurrency limit", configured(**{"concurrency-limit": 2}),
           [("update", DEPLOYMENT, ["concurrency_limit"])]),
    Change("what a run does that exceeds the limit",
           configured(concurrency={"limit": 2, "on-conflict": "cancel-new"}),
           [("update", DEPLOYMENT, ["concurrency_limit", "concurrency_options"])]),
    Change("a work queue", configured(**{"work-queue": "fast"}),
           [("update", DEPLOYMENT, ["work_queue_name"])]),
    Change("a version", configured(version="2026.1"), [("update", DEPLOYMENT, ["version"])]),
    Change("parameters that are not enforced", configured(**{"enforce-parameters": False}),
           [("update", DEPLOYMENT, ["enforce_parameter_schema"])]),
    Change("parameters that a person does not enforce", edited(enforce_parameter_schema=False),
           []),
    Change("a job variable", configured(**{"job-variables": {"mem_limit": "1g"}}),
           [("update", DEPLOYMENT, ["job_variables.mem_limit"])]),
    Change("paused by flag", image(), [("update", DEPLOYMENT, ["paused"])], Flags(paused=True)),
    Change("paused by a person", edited(paused=True), []),
    Change("a new image", image(reference=NEW),
           [("update", BLOCK, ["image"])]),
    Change("an image that was never pushed", image(reference="de-taxi:4f2a", pushed=False),
           [("update", BLOCK, ["image", "image_pull_policy"])]),
    Change("another schema of the flow",
           image(parameters={**SCHEMA, "properties": {"day": {"type": "string"}}}),
           [("update", DEPLOYMENT, ["parameter_openapi_schema"])]),
    Change("another entrypoint", image(entrypoint="b.py:b"),
           [("update", DEPLOYMENT, ["entrypoint"])]),
    Change("a field of the block", block(**{"mem-limit": "1g"}),
           [("update", BLOCK, ["mem_limit"])]),
    Change("a variable of the block", block(env={"A": "1"}),
           [("update", BLOCK, ["env"]), ("update", DEPLOYMENT, ["job_variables.env"])]),
    Change("an image that a person set in the block", edited_block(image="other/image:edited"),
           [("update", BLOCK, ["image"])]),
    Change("a field of the block that a person set", edited_block(privileged=True), []),
    Change("a second deployment", second_deployment,
           [("create", DEPLOYMENT, []), ("create", SCHEDULE, [])]),
    Change("a deployment that a person deleted", deleted_deployment,
           [("create", DEPLOYMENT, []), ("create", SCHEDULE, [])]),
    Change("a block that a person deleted", deleted_block, [("create", BLOCK, [])]),
    Change("a paused pool", paused_pool, []),
]  # fmt: skip


@pytest.mark.parametrize("case", SITUATIONS, ids=lambda case: case.name)
def test_a_dry_run_says_what_changes_and_is_empty_after_the_deploy(project, case):
    project.deploy()
    facts = case.make(project)
    planned = project.plan(case.flags, **facts)
    assert project.network.writes == []
    found = [
        (o.action.value, o.resource.value, [change.field for change in o.changes])
        for o in planned.operations
    ]
    assert found == case.expected
    assert all(o.reason and all(c.reason for c in o.changes) for o in planned.operations)
    assert json.dumps(planned.to_json()["operations"])
    done = project.deploy(case.flags, **facts)
    assert [(o.action, o.resource, o.name) for o in done.operations] == [
        (o.action, o.resource, o.name) for o in planned.operations
    ]
    assert project.plan(case.flags, **facts).operations == ()


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
    edited_schedule(project)
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


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=WANTED, after=WANTED, blocks=st.tuples(BLOCKS, BLOCKS), facts=IMAGES)
def test_a_deploy_reaches_what_is_desired_and_leaves_a_persons_things(
    prefect_server, before, after, blocks, facts
):
    project = Project(prefect_server)
    project.values |= {"deployments": [{"name": "nightly", **before}], "block": blocks[0]}
    project.deploy()
    person_schedule(project)
    theirs = [s for s in project.schedules() if not (s["slug"] or "").startswith("flowship-")]
    ours = [s for s in project.schedules() if s not in theirs]
    for schedule in ours[:1]:
        project.pause(schedule)
    edited_block(privileged=True)(project)
    edited(paused=True)(project)

    project.values |= {"deployments": [{"name": "nightly", **after}], "block": blocks[1]}
    project.deploy(**facts)

    assert project.plan(**facts).operations == ()
    stored, kept = project.stored(), project.schedules()
    assert stored["paused"] is True
    assert project.block()["data"]["privileged"] is True
    assert [s for s in kept if s["id"] == theirs[0]["id"]] == theirs
    wanted = sorted(s["cron"] for s in after.get("schedules", ()))
    assert sorted(s["schedule"]["cron"] for s in kept if s["id"] != theirs[0]["id"]) == wanted
    if ours and after.get("schedules"):  # a paused schedule stays paused through its pair
        still = [s for s in kept if s["id"] == ours[0]["id"]]
        assert all(s["active"] is False for s in still)
    assert stored["parameters"] == after.get("parameters", {})
    assert sorted(stored["tags"]) == sorted(after.get("tags", ()))
