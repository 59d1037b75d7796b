"""Carries out a plan, one request for each operation. It makes no decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flowship.deployment.plan import Action, IdOf, Operation, Plan, Resource
from flowship.events import Phase, Report, silent

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi

DOING = {Action.CREATE: "creating", Action.UPDATE: "updating", Action.DELETE: "removing"}
NAMES = {
    Resource.WORK_POOL: "the work pool",
    Resource.BLOCK_TYPE: "the block type",
    Resource.BLOCK_SCHEMA: "the schema of the block type",
    Resource.BLOCK: "the block",
    Resource.FLOW: "the flow",
    Resource.DEPLOYMENT: "the deployment",
    Resource.SCHEDULE: "the schedule of",
}


def execute(
    plan: Plan,
    api: PrefectApi,
    report: Report = silent,
    before_each: Callable[[], None] = lambda: None,
    after_each: Callable[[Operation], None] = lambda operation: None,
) -> None:
    """Send each operation's request, in order; then have the next runs planned.

    Args:
        plan: From `flowship.deployment.diff`.
        api: The server.
        report: Receives what is being done.
        before_each: Called before each request; raises where the deploy must stop.
        after_each: Called with each operation that was carried out.

    Raises:
        ConflictError: Another client created the same resource at this moment.
        ApiError: The API does not answer or refuses; earlier operations stay done.
    """
    ids: dict[str, str] = {}
    for operation in plan.operations:
        before_each()
        report(Phase(f"{DOING[operation.action]} {NAMES[operation.resource]} {operation.name}"))
        created = _send(api, operation, _resolved(operation.body, ids), ids)
        if operation.key and created:
            ids[operation.key] = created
        after_each(operation)
    for deployment in plan.reschedule:
        before_each()
        api.schedule_now(_id(deployment, ids))


def _id(value: str | IdOf, ids: Mapping[str, str]) -> str:
    return ids[value.key] if isinstance(value, IdOf) else value


def _resolved(body: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    return {k: ids[v.key] if isinstance(v, IdOf) else v for k, v in body.items()}


def _send(
    api: PrefectApi, operation: Operation, body: dict[str, Any], ids: Mapping[str, str]
) -> str | None:
    """Send one request; the id of what it created."""
    target, parent = operation.id or "", _id(operation.parent or "", ids)
    match operation.action, operation.resource:
        case Action.CREATE, Resource.WORK_POOL:
            return api.create_work_pool(body)["id"]
        case Action.CREATE, Resource.BLOCK_TYPE:
            return api.create_block_type(body)["id"]
        case Action.CREATE, Resource.BLOCK_SCHEMA:
            return api.create_block_schema(body)["id"]
        case Action.CREATE, Resource.BLOCK:
            return api.create_block_document(body)["id"]
        case Action.UPDATE, Resource.BLOCK:
            api.update_block_document(target, body)
        case Action.CREATE, Resource.FLOW:
            return api.create_flow(body["name"])["id"]
        case Action.CREATE, Resource.DEPLOYMENT:
            return api.create_deployment(body)["id"]
        case Action.UPDATE, Resource.DEPLOYMENT:
            api.update_deployment(target, body)
        case Action.CREATE, Resource.SCHEDULE:
            return api.create_schedule(parent, body)["id"]
        case Action.UPDATE, Resource.SCHEDULE:
            api.update_schedule(parent, target, body)
        case Action.DELETE, resource:
            _delete(api, resource, target, parent)
        case unknown:
            raise AssertionError(f"no request for {unknown}")
    return None


def _delete(api: PrefectApi, resource: Resource, target: str, parent: str) -> None:
    match resource:
        case Resource.SCHEDULE:
            api.delete_schedule(parent, target)
        case Resource.DEPLOYMENT:
            api.delete_deployment(target)
        case Resource.BLOCK:
            api.delete_block_document(target)
        case unknown:
            raise AssertionError(f"no request deletes {unknown}")
