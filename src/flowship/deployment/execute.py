"""Carries out a plan, one request for each operation. It makes no decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flowship.deployment.plan import Action, IdOf, Operation, Plan, Resource
from flowship.events import Applying, Report, silent

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi


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
        report(Applying(operation, len(plan.operations)))
        created = _send(api, operation, _resolved(operation.body, ids), ids)
        if operation.key and created:
            ids[operation.key] = created
        after_each(operation)
    for deployment in plan.reschedule:
        before_each()
        api.schedule_now(_id(deployment, ids))


def _id(value: str | IdOf, ids: Mapping[str, str]) -> str:
    return ids[value.key] if isinstance(value, IdOf) else value


def _resolved(value: Any, ids: Mapping[str, str]) -> Any:  # noqa: ANN401 JSON
    """The value with all ids, at every depth."""
    if isinstance(value, IdOf):
        return value.prefix + ids[value.key]
    if isinstance(value, Mapping):
        return {key: _resolved(item, ids) for key, item in value.items()}
    return [_resolved(item, ids) for item in value] if isinstance(value, list) else value


def _send(
    api: PrefectApi, operation: Operation, body: dict[str, Any], ids: Mapping[str, str]
) -> str | None:
    """Send one request; the id of what it created."""
    target, parent = operation.id or "", _id(operation.parent or "", ids)
    match operation.action:
        case Action.CREATE:
            return _create(api, operation.resource, body, parent)
        case Action.UPDATE:
            _update(api, operation.resource, body, target, parent)
        case Action.DELETE:
            _delete(api, operation.resource, target, parent)
    return None


def _create(api: PrefectApi, resource: Resource, body: dict[str, Any], parent: str) -> str:
    match resource:
        case Resource.WORK_POOL:
            return api.create_work_pool(body)["id"]
        case Resource.BLOCK_TYPE:
            return api.create_block_type(body)["id"]
        case Resource.BLOCK_SCHEMA:
            return api.create_block_schema(body)["id"]
        case Resource.BLOCK:
            return api.create_block_document(body)["id"]
        case Resource.FLOW:
            return api.create_flow(body["name"])["id"]
        case Resource.DEPLOYMENT:
            return api.create_deployment(body)["id"]
        case Resource.SCHEDULE:
            return api.create_schedule(parent, body)["id"]
        case Resource.AUTOMATION:
            return api.create_automation(body)["id"]


def _update(
    api: PrefectApi, resource: Resource, body: dict[str, Any], target: str, parent: str
) -> None:
    match resource:
        case Resource.BLOCK:
            api.update_block_document(target, body)
        case Resource.DEPLOYMENT:
            api.update_deployment(target, body)
        case Resource.SCHEDULE:
            api.update_schedule(parent, target, body)
        case Resource.AUTOMATION:
            api.update_automation(target, body)
        case unknown:
            raise AssertionError(f"no request that changes {unknown}")


def _delete(api: PrefectApi, resource: Resource, target: str, parent: str) -> None:
    match resource:
        case Resource.BLOCK:
            api.delete_block_document(target)
        case Resource.DEPLOYMENT:
            api.delete_deployment(target)
        case Resource.SCHEDULE:
            api.delete_schedule(parent, target)
        case Resource.AUTOMATION:
            api.delete_automation(target)
        case unknown:
            raise AssertionError(f"no request that deletes {unknown}")
