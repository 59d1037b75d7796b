"""The plan of a deploy: applied, it leaves nothing to do, and what a person made stays."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowship.deployment.desired import Flags
from flowship.deployment.diff import attribute, diff
from flowship.deployment.drift import LastRelease
from flowship.deployment.plan import Action, Editor, Plan, Resource, field_key
from flowship.errors import ConfigError
from flowship.releases.fingerprints import applied
from support.deploying import EMPTY, desired, settings
from support.server_model import ServerModel

NEW = "user/de-repo:new@sha256:" + "cd" * 32
NIGHTLY = {"name": "nightly", "cron": "0 5 * * *"}


def names(plan: Plan) -> list[tuple[Action, Resource]]:
    return [(o.action, o.resource) for o in plan.operations]


def test_an_empty_server_gets_everything_in_the_order_in_which_it_is_needed():
    project = settings(deployments=[NIGHTLY, {"name": "hourly", "interval": "1h"}])
    wanted = desired(project)
    state = ServerModel().observe(wanted)
    assert names(diff(wanted, state)) == [
        (Action.CREATE, Resource.WORK_POOL),
        (Action.CREATE, Resource.BLOCK_TYPE),
        (Action.CREATE, Resource.BLOCK_TYPE),
        (Action.CREATE, Resource.BLOCK_SCHEMA),
        (Action.CREATE, Resource.BLOCK),
        (Action.CREATE, Resource.FLOW),
        (Action.CREATE, Resource.DEPLOYMENT),
        (Action.CREATE, Resource.SCHEDULE),
        (Action.CREATE, Resource.DEPLOYMENT),
        (Action.CREATE, Resource.SCHEDULE),
    ]


def test_every_operation_has_a_reason_and_every_change_too():
    server, wanted = ServerModel(), desired(settings(deployments=[NIGHTLY]))
    first = server.apply(wanted)
    changed = settings(deployments=[{**NIGHTLY, "tags": ["a"]}], block={"mem-limit": "1g"})
    second = server.apply(desired(changed, reference=NEW))
    assert all(o.reason for plan in (first, second) for o in plan.operations)
    assert all(c.reason for o in second.operations for c in o.changes)


def test_a_new_image_changes_the_block_and_nothing_else():
    server = ServerModel()
    project = settings(deployments=[NIGHTLY])
    server.apply(desired(project))
    plan = server.apply(desired(project, reference=NEW))
    assert [(o.reason, [c.field for c in o.changes]) for o in plan.operations] == [
        ("new image", ["image"]),
    ]
    assert plan.reschedule == ()


def test_a_pool_of_a_type_that_flowship_does_not_know_makes_no_plan():
    pool = {"id": "1", "name": "flowship", "type": "process", "is_paused": False,
            "base_job_template": {}}  # fmt: skip
    state = replace(EMPTY, ground=replace(EMPTY.ground, pool=pool))
    with pytest.raises(ConfigError, match="of type process"):
        diff(desired(), state)


# --- whose value is replaced ---------------------------------------------------------------------


def editors(server: ServerModel, before, after) -> dict[str, Editor]:
    """The editor of each change from the state that a release recorded."""
    state = server.observe(after)
    plan = attribute(diff(after, state), LastRelease(before), state)
    return {c.field: c.edited_by for o in plan.operations for c in o.changes}


def released(server: ServerModel, wanted) -> dict[str, str]:
    server.apply(wanted)
    return applied(wanted, server.observe(wanted))


def test_a_value_that_the_last_release_recorded_is_flowships():
    server = ServerModel()
    before = released(server, desired(settings(deployments=[NIGHTLY], block={"mem-limit": "1g"})))
    after = settings(
        deployments=[{**NIGHTLY, "tags": ["a"], "parameters": {"year": 2022}}],
        block={"mem-limit": "2g"},
    )
    assert editors(server, before, desired(after, reference=NEW)) == {
        "image": Editor.FLOWSHIP,
        "mem_limit": Editor.FLOWSHIP,
        "tags": Editor.FLOWSHIP,
        "parameters.year": Editor.FLOWSHIP,
    }


def test_a_value_that_differs_from_the_last_release_is_a_persons():
    server, wanted = ServerModel(), desired(settings(deployments=[NIGHTLY]))
    before = released(server, wanted)
    (deployment,) = server.stored.values()
    deployment["tags"] = ["by hand"]
    deployment["parameters"] = {"year": 1999}
    (document,) = server.documents.values()
    document["data"]["image"] = "other/image:1"
    assert editors(server, before, wanted) == {
        "image": Editor.PERSON,
        "tags": Editor.PERSON,
        "parameters.year": Editor.PERSON,
    }


def test_a_schedule_is_known_by_its_id():
    server, wanted = ServerModel(), desired(settings(deployments=[NIGHTLY]))
    before = released(server, wanted)
    other = desired(settings(deployments=[{**NIGHTLY, "cron": "0 6 * * *"}]))
    assert editors(server, before, other) == {"schedule": Editor.FLOWSHIP}
    server.schedules()[0]["schedule"]["cron"] = "0 7 * * *"
    assert editors(server, before, other) == {"schedule": Editor.PERSON}


def test_without_a_release_the_editor_is_unknown():
    server, wanted = ServerModel(), desired(settings(deployments=[NIGHTLY]))
    server.apply(wanted)
    other = desired(settings(deployments=[{**NIGHTLY, "tags": ["a"]}]))
    assert editors(server, {}, other) == {"tags": Editor.UNKNOWN}


def test_the_key_of_a_field_names_the_resource_and_the_field():
    assert field_key(Resource.DEPLOYMENT, "taxi/nightly", "tags") == "deployment taxi/nightly tags"


# --- any two states ------------------------------------------------------------------------------

TIMES = st.sampled_from(
    [
        {"cron": "0 5 * * *"},
        {"cron": "15 4 * * 1", "timezone": "Pacific/Auckland"},
        {"interval": "1h"},
        {"interval": "90m"},
        {"rrule": "FREQ=DAILY;BYHOUR=5"},
        {"rrule": "DTSTART:20240101T093000\nRRULE:FREQ=DAILY;INTERVAL=3"},
    ]
)
SCHEDULES = st.lists(
    st.tuples(TIMES, st.sampled_from([{}, {"parameters": {"year": 2022}}])).map(
        lambda pair: pair[0] | pair[1]
    ),
    max_size=3,
    unique_by=repr,
)
DEPLOYMENTS = st.fixed_dictionaries(
    {"name": st.just("nightly")},
    optional={
        "schedules": SCHEDULES,
        "parameters": st.dictionaries(
            st.sampled_from(["year"]), st.integers(2000, 2030), max_size=1
        ),
        "tags": st.lists(st.sampled_from("abc"), unique=True, max_size=3),
        "concurrency-limit": st.integers(1, 3),
        "description": st.text("abc", min_size=1, max_size=5),
        "job-variables": st.sampled_from([{"mem_limit": "1g"}, {"env": {"A": "own"}}]),
        "paused": st.booleans(),
    },
)
BLOCKS = st.fixed_dictionaries(
    {},
    optional={
        "env": st.dictionaries(
            st.sampled_from("AB"),
            st.sampled_from(["x", "", "{{ prefect.blocks.secret.token }}"]),
        ),
        "mem-limit": st.sampled_from(["1g", "2g"]),
        "networks": st.lists(st.sampled_from("nm"), unique=True, max_size=2),
        "volumes": st.lists(st.sampled_from(["data:/x", "/srv:/y:ro"]), unique=True),
        "auto-remove": st.booleans(),
    },
)
FLAGS = st.sampled_from(
    [
        Flags(),
        Flags(cron="0 9 * * *"),
        Flags(interval="2h"),
        Flags(no_schedule=True),
        Flags(paused=True),
        Flags(paused=False),
        Flags(parameters={"year": "2031"}),
    ]
)
IMAGES = st.sampled_from(
    [{}, {"reference": NEW}, {"reference": "de-taxi:4f2a", "pushed": False}, {"parameters": None}]
)
STATES = st.builds(
    lambda deployment, block, flags, facts: desired(
        settings(deployments=[deployment], block=block), flags, **facts
    ),
    DEPLOYMENTS,
    BLOCKS,
    FLAGS,
    IMAGES,
)


@given(st.lists(STATES, min_size=1, max_size=3))
def test_after_a_plan_was_applied_the_next_one_is_empty(states):
    server = ServerModel()
    for wanted in states:
        server.apply(wanted)
        assert diff(wanted, server.observe(wanted)) == Plan(())


@given(STATES, STATES, st.booleans(), st.sampled_from(["1 1 1 1 1", "0 5 * * *"]))
def test_what_a_person_changed_is_in_no_operation(before, after, paused, cron):
    server = ServerModel()
    server.apply(before)
    (deployment,) = server.stored.values()
    (document,) = server.documents.values()
    for own in deployment["schedules"]:
        own["active"] = False
    theirs = server.add_schedule(schedule={"cron": cron, "timezone": "UTC"}, parameters={"a": 1})
    deployment["paused"] = paused
    document["data"] |= {"privileged": True, "labels": {"by": "hand"}}
    kept = copy.deepcopy(theirs)

    plan = server.apply(after)

    bodies = [o.body for o in plan.operations if o.action is Action.UPDATE]
    data = [body["data"] for body in bodies if "data" in body]
    assert theirs["id"] not in [o.id for o in plan.operations]
    assert not any("active" in body for body in bodies)
    assert not any({"privileged", "labels"} & set(fields) for fields in data)
    assert [s for s in server.schedules() if s["id"] == theirs["id"]] == [kept]
    assert document["data"]["privileged"] is True
    (flag,) = (d.paused for d in after.deployments)
    assert deployment["paused"] is (paused if flag is None else flag)
