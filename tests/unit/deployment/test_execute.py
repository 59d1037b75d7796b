"""Execution: each operation is one request, in the plan's order, with the ids that earlier
requests returned."""

from __future__ import annotations

import itertools

import pytest

from flowship.deployment.diff import diff
from flowship.deployment.execute import execute
from flowship.deployment.plan import Action, IdOf, Operation, Plan, Resource
from flowship.prefect.errors import ConflictError
from support.deploying import desired, settings
from support.server_model import ServerModel

PROJECT = settings(deployments=[{"name": "nightly", "cron": "0 5 * * *"}])
WANTED = desired(PROJECT)


@pytest.fixture
def server() -> ServerModel:
    return ServerModel()


def schedule(action: Action, **values) -> Operation:
    return Operation(action, Resource.SCHEDULE, "taxi/nightly: every day", "a test", **values)


def test_a_first_deploy_sends_its_requests_in_the_order_in_which_they_need_each_other(server):
    server.apply(WANTED)
    assert [name for name, *_ in server.sent] == [
        "create_work_pool",
        "create_block_type",
        "create_block_type",
        "create_block_schema",
        "create_block_document",
        "create_flow",
        "create_deployment",
        "create_schedule",
        "schedule_now",
    ]


def test_the_ids_of_what_was_created_are_in_the_later_requests(server):
    server.apply(WANTED)
    sent = {name: rest for name, *rest in server.sent}
    kind = server.types["docker-container"]["id"]
    (schema,) = server.schemas.values()
    (flow,), (deployment,) = server.flows, server.stored
    assert sent["create_block_schema"][0]["block_type_id"] == kind
    assert sent["create_block_document"][0]["block_type_id"] == kind
    assert sent["create_block_document"][0]["block_schema_id"] == schema["id"]
    assert sent["create_deployment"][0]["flow_id"] == flow
    assert sent["create_schedule"][0] == deployment
    assert sent["schedule_now"] == [deployment]


def test_no_reference_to_a_created_id_is_left_in_a_request(server):
    server.apply(WANTED)
    assert "IdOf" not in repr(server.sent)


def test_changes_and_deletions_name_what_they_are_about(server):
    server.apply(WANTED)
    (deployment,) = server.stored
    (existing,) = server.schedules()
    server.sent.clear()
    body = {"slug": "flowship-x", "parameters": {}}
    plan = Plan(
        (
            Operation(Action.UPDATE, Resource.DEPLOYMENT, "taxi/nightly", "a test",
                      id=deployment, body={"tags": ["a"]}),
            schedule(Action.UPDATE, id=existing["id"], parent=deployment, body=body),
            schedule(Action.DELETE, id=existing["id"], parent=deployment),
        )
    )  # fmt: skip
    execute(plan, server.api)
    assert server.sent == [
        ("update_deployment", deployment, {"tags": ["a"]}),
        ("update_schedule", deployment, existing["id"], body),
        ("delete_schedule", deployment, existing["id"]),
    ]


def test_the_check_before_each_request_stops_what_follows(server):
    plan = diff(WANTED, server.observe(WANTED))
    turns = itertools.count()

    def check() -> None:
        if next(turns) == 3:
            raise RuntimeError("the lock was lost")

    with pytest.raises(RuntimeError):
        execute(plan, server.api, before_each=check)
    assert len(server.sent) == 3


def test_the_check_also_comes_before_the_next_runs_are_planned(server):
    server.apply(WANTED)
    (deployment,) = server.stored
    server.sent.clear()

    def check() -> None:
        raise RuntimeError("the lock was lost")

    with pytest.raises(RuntimeError):
        execute(Plan((), reschedule=(deployment,)), server.api, before_each=check)
    assert server.sent == []


def test_each_operation_that_was_carried_out_is_handed_over_even_where_a_later_one_fails(server):
    done: list[Operation] = []
    plan = diff(WANTED, server.observe(WANTED))
    server.fail("create_flow", ConflictError("it exists"))
    with pytest.raises(ConflictError):
        execute(plan, server.api, after_each=done.append)
    assert done == list(plan.operations[:5])


def test_each_request_is_reported_before_it_is_sent(server):
    seen: list[tuple[Operation, int]] = []
    plan = diff(WANTED, server.observe(WANTED))
    execute(plan, server.api, report=lambda e: seen.append((e.operation, len(server.sent))))
    assert seen == [(operation, n) for n, operation in enumerate(plan.operations)]


def test_a_request_that_fails_leaves_what_was_done_before_it(server):
    body = {"name": "x", "flow_id": IdOf("flow that nothing creates")}
    plan = Plan(
        (
            Operation(Action.CREATE, Resource.FLOW, "taxi", "a test", body={"name": "taxi"}),
            Operation(Action.CREATE, Resource.DEPLOYMENT, "taxi/x", "a test", body=body),
        )
    )
    with pytest.raises(KeyError):
        execute(plan, server.api)
    assert [f["name"] for f in server.flows.values()] == ["taxi"]


def test_an_operation_without_a_request_is_a_bug(server):
    plan = Plan((Operation(Action.DELETE, Resource.FLOW, "taxi", "a test", id="flow-1"),))
    with pytest.raises(AssertionError, match="no request"):
        execute(plan, server.api)
