"""A deployment: created as a whole, changed field by field, and woken where runs are due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flowship.deployment.desired import Flags
from flowship.deployment.diff import diff
from flowship.deployment.diff_deployment import stored_field
from flowship.deployment.plan import Action, IdOf, Operation, Plan, Resource
from flowship.redaction import MASK
from support.deploying import NOW, SCHEMA, desired, settings
from support.server_model import ServerModel

NEW = "user/de-repo:new@sha256:" + "cd" * 32
NIGHTLY = {"name": "nightly"}
SOON = (NOW + timedelta(minutes=1)).strftime("%M %H * * *")


@pytest.fixture
def server() -> ServerModel:
    return ServerModel()


def wanted(flags: Flags | None = None, block=None, facts=None, **deployment):
    project = settings(deployments=[NIGHTLY | deployment], block=block or {})
    return desired(project, flags, **(facts or {}))


def compared(server: ServerModel, state) -> Plan:
    return diff(state, server.observe(state))


def of_deployment(plan: Plan) -> Operation | None:
    found = plan.of(Resource.DEPLOYMENT, "taxi/nightly")
    return found[0] if found else None


def updated(server: ServerModel, state) -> Operation:
    operation = of_deployment(compared(server, state))
    assert operation is not None
    assert operation.action is Action.UPDATE
    return operation


def test_a_new_deployment_is_created_with_its_flow(server):
    plan = compared(server, wanted())
    flow, deployment = plan.operations[-2:]
    assert (flow.resource, flow.body, flow.key) == (
        Resource.FLOW, {"name": "taxi"}, "flow taxi",
    )  # fmt: skip
    assert deployment.action is Action.CREATE
    assert deployment.body["name"] == "nightly"
    assert deployment.body["flow_id"] == IdOf("flow taxi")
    assert deployment.body["enforce_parameter_schema"] is True
    assert deployment.body["pull_steps"] == [
        {"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/flows"}}
    ]


def test_only_the_fields_that_differ_are_sent(server):
    server.apply(wanted(tags=["a", "b"], description="Loads."))
    operation = updated(server, wanted(tags=["a", "b"], description="Loads more."))
    assert operation.body == {"description": "Loads more."}
    assert operation.reason == "configuration"
    (change,) = operation.changes
    assert (change.field, change.before, change.after) == (
        "description", "Loads.", "Loads more.",
    )  # fmt: skip


def test_the_order_of_tags_does_not_matter(server):
    server.apply(wanted(tags=["a", "b"]))
    assert not compared(server, wanted(tags=["b", "a"]))


def test_a_concurrency_limit_is_read_from_where_the_server_keeps_it(server):
    server.apply(wanted(**{"concurrency-limit": 2}))
    (deployment,) = server.stored.values()
    assert stored_field(deployment, "concurrency_limit") == 2
    operation = updated(server, wanted())
    assert operation.body == {"concurrency_limit": None}
    server.apply(wanted())
    assert stored_field(deployment, "concurrency_limit") is None


def test_a_run_that_exceeds_the_limit_is_handled_as_configured_and_the_rest_stays(server):
    server.apply(wanted(concurrency=2))
    (deployment,) = server.stored.values()
    assert "concurrency_options" not in deployment
    deployment["concurrency_options"] = {
        "collision_strategy": "ENQUEUE", "grace_period_seconds": 90,
    }  # fmt: skip
    assert not compared(server, wanted(concurrency=2))
    state = wanted(concurrency={"limit": 2, "on-conflict": "cancel-new"})
    operation = updated(server, state)
    (change,) = operation.changes
    assert (change.field, change.before, change.after) == (
        "concurrency_options", "queue", "cancel-new",
    )  # fmt: skip
    assert operation.body == {
        "concurrency_options": {"collision_strategy": "CANCEL_NEW", "grace_period_seconds": 90}
    }
    server.apply(state)
    assert not compared(server, state)


def test_a_work_queue_is_sent_with_its_pool_and_stays_where_none_is_configured(server):
    """The server moves a deployment whose pool is sent without a queue to the default queue."""
    server.apply(wanted(**{"work-queue": "fast"}))
    (deployment,) = server.stored.values()
    assert deployment["work_queue_name"] == "fast"
    operation = updated(server, wanted(**{"work-queue": "slow"}))
    assert operation.body == {"work_queue_name": "slow", "work_pool_name": "flowship"}
    server.apply(wanted(**{"job-variables": {"mem_limit": "1g"}}))
    assert deployment["work_queue_name"] == "fast"
    deployment["work_pool_name"] = "other"
    server.apply(wanted())
    assert deployment["work_queue_name"] == "default"
    deployment |= {"work_pool_name": "other", "work_queue_name": "fast"}
    server.apply(wanted(**{"work-queue": "fast"}))
    assert deployment["work_queue_name"] == "fast"


def test_a_version_is_the_configured_one_and_there_is_none_without(server):
    server.apply(wanted())
    state = wanted(version="2026.1")
    operation = updated(server, state)
    assert operation.body == {"version": "2026.1"}
    assert operation.reason == "configuration"
    server.apply(state)
    assert not compared(server, state)
    assert updated(server, wanted()).body == {"version": None}


def test_whether_parameters_are_enforced_is_a_persons_unless_it_is_configured(server):
    server.apply(wanted())
    (deployment,) = server.stored.values()
    assert deployment["enforce_parameter_schema"] is True
    deployment["enforce_parameter_schema"] = False
    assert not compared(server, wanted())
    operation = updated(server, wanted(**{"enforce-parameters": True}))
    assert operation.body == {"enforce_parameter_schema": True}


def test_labels_are_set_when_a_deployment_is_created_and_never_changed(server):
    server.apply(wanted(labels={"team": "data", "tier": 1}))
    (deployment,) = server.stored.values()
    assert deployment["labels"] == {"team": "data", "tier": 1}
    assert not compared(server, wanted(labels={"team": "other"}))


def test_parameters_are_compared_one_by_one_with_the_reason_of_each(server):
    server.apply(wanted(parameters={"year": 2021, "months": [1]}))
    state = wanted(Flags(parameters={"colour": "green"}), parameters={"year": 2022})
    operation = updated(server, state)
    assert operation.body == {"parameters": {"year": 2022, "colour": "green"}}
    assert [(c.field, c.before, c.after, c.reason) for c in operation.changes] == [
        ("parameters.colour", None, "green", "--param"),
        ("parameters.months", [1], None, "not configured"),
        ("parameters.year", 2021, 2022, "configuration"),
    ]


def test_job_variables_are_sent_together_with_their_pool(server):
    """The server validates job variables only where the pool is in the request."""
    server.apply(wanted())
    operation = updated(server, wanted(**{"job-variables": {"mem_limit": "1g"}}))
    assert set(operation.body) == {"job_variables", "work_pool_name", "work_queue_name"}
    assert [c.field for c in operation.changes] == ["job_variables.mem_limit"]


def test_configured_job_variables_win_over_the_blocks_and_env_is_merged(server):
    env = {"A": "1", "TOKEN": "{{ prefect.blocks.secret.token }}"}
    state = wanted(block={"env": env}, **{"job-variables": {"env": {"B": "2"}, "mem_limit": "1g"}})
    server.apply(state)
    (deployment,) = server.stored.values()
    variables = deployment["job_variables"]
    assert variables["mem_limit"] == "1g"
    assert variables["env"] == {
        "A": "{{ prefect.blocks.docker-container.de-taxi-docker.env.A }}",
        "TOKEN": "{{ prefect.blocks.secret.token }}",
        "B": "2",
    }


def test_secrets_are_masked_in_what_is_shown(server):
    schema = {**SCHEMA, "properties": {"token": {"type": "string", "format": "password"}}}
    before = wanted(facts={"parameters": schema}, parameters={"token": "hunter2"})
    server.apply(before)
    after = wanted(
        facts={"parameters": schema},
        parameters={"token": "hunter3"},
        **{"job-variables": {"env": {"API_TOKEN": "sk-1"}}},
    )
    operation = updated(server, after)
    shown = {c.field: (c.before, c.after) for c in operation.changes}
    assert shown["parameters.token"] == (MASK, MASK)
    assert shown["job_variables.env"][1]["API_TOKEN"] == MASK
    assert operation.body["parameters"] == {"token": "hunter3"}


def test_a_secret_that_the_flow_no_longer_has_is_masked_by_the_stored_schema(server):
    schema = {**SCHEMA, "properties": {"token": {"type": "string", "format": "password"}}}
    server.apply(wanted(facts={"parameters": schema}, parameters={"token": "hunter2"}))
    operation = updated(server, wanted())
    assert ("parameters.token", MASK, None) in [
        (c.field, c.before, c.after) for c in operation.changes
    ]
    unprobed = wanted(facts={"parameters": None}, parameters={"token": "hunter3"})
    assert "hunter" not in repr(compared(server, unprobed))


def test_a_changed_flow_shows_the_names_of_its_parameters(server):
    server.apply(wanted())
    schema = {**SCHEMA, "properties": {"year": SCHEMA["properties"]["year"]}}
    operation = updated(server, wanted(facts={"parameters": schema}))
    (change,) = operation.changes
    assert (change.before, change.after) == (["months", "year", "colour"], ["year"])
    assert change.reason == "the flow's parameters"


def test_an_image_that_was_not_probed_leaves_the_stored_schema_and_description_alone(server):
    server.apply(wanted())
    unknown = {"parameters": None, "flow_description": None}
    assert not compared(server, wanted(facts=unknown))
    configured = wanted(facts=unknown, description="ours")
    assert updated(server, configured).body == {"description": "ours"}


def test_a_new_image_leaves_the_deployment_and_its_planned_runs_alone(server):
    server.apply(wanted(description="Loads.", cron=SOON))
    facts = {"reference": NEW, "revision": "5f2c", "inputs": "ab" * 32}
    plan = compared(server, wanted(facts=facts, description="Loads.", cron=SOON))
    assert [(o.resource, o.reason) for o in plan.operations] == [(Resource.BLOCK, "new image")]
    assert plan.reschedule == ()


def test_a_description_that_is_empty_is_none(server):
    server.apply(wanted(facts={"flow_description": ""}))
    assert not compared(server, wanted(facts={"flow_description": None}))


def test_whether_it_is_paused_changes_only_by_a_flag(server):
    server.apply(wanted(paused=True))
    (deployment,) = server.stored.values()
    assert deployment["paused"] is True
    assert not compared(server, wanted(paused=False))
    operation = updated(server, wanted(Flags(paused=False)))
    assert operation.body == {"paused": False}
    assert operation.changes[0].reason == "--paused or --no-paused"


# --- when the next runs are planned at once -----------------------------------------------------


def test_a_new_schedule_has_its_next_runs_planned(server):
    assert compared(server, wanted(cron="0 5 * * *")).reschedule == (
        IdOf("deployment taxi/nightly"),
    )
    assert compared(server, wanted()).reschedule == ()


def test_a_paused_deployment_is_not_rescheduled(server):
    assert compared(server, wanted(cron=SOON, paused=True)).reschedule == ()
    server.apply(wanted(cron=SOON))
    server.stored[next(iter(server.stored))]["paused"] = True
    assert compared(server, wanted(cron="0 6 * * *")).reschedule == ()
    (identity,) = server.stored
    assert compared(server, wanted(Flags(paused=False), cron="0 6 * * *")).reschedule == (identity,)


@pytest.mark.parametrize(("cron", "woken"), [(SOON, True), ("0 5 * * *", False)])
def test_a_changed_deployment_is_rescheduled_only_where_a_run_is_due_soon(server, cron, woken):
    server.apply(wanted(cron=cron))
    (identity,) = server.stored
    plan = compared(server, wanted(cron=cron, tags=["a"]))
    assert plan.reschedule == ((identity,) if woken else ())


def test_an_interval_is_due_by_its_stored_anchor(server):
    server.apply(wanted(interval="1h"))
    (identity,) = server.stored
    (schedule,) = server.schedules()
    schedule["schedule"]["anchor_date"] = (NOW - timedelta(minutes=59)).isoformat()
    assert compared(server, wanted(interval="1h", tags=["a"])).reschedule == (identity,)
    schedule["schedule"]["anchor_date"] = (NOW - timedelta(minutes=30)).isoformat()
    assert compared(server, wanted(interval="1h", tags=["a"])).reschedule == ()


def test_a_deployment_with_a_schedule_that_never_runs_is_not_rescheduled(server):
    """The server answers 500 where it is asked to plan such a schedule."""
    server.apply(wanted(cron=SOON))
    theirs = server.add_schedule(schedule={"cron": "0 0 30 2 1", "day_or": False})
    assert compared(server, wanted(cron=SOON, tags=["a"])).reschedule == ()
    theirs["active"] = False
    assert compared(server, wanted(cron=SOON, tags=["a"])).reschedule == tuple(server.stored)
