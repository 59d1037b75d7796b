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
        report(Applying(operation))
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


Body = dict[str, Any]
REQUESTS: dict[tuple[Action, Resource], Callable[[PrefectApi, Body, str, str], object]] = {
    (Action.CREATE, Resource.WORK_POOL): lambda api, body, *_: api.create_work_pool(body),
    (Action.CREATE, Resource.BLOCK_TYPE): lambda api, body, *_: api.create_block_type(body),
    (Action.CREATE, Resource.BLOCK_SCHEMA): lambda api, body, *_: api.create_block_schema(body),
    (Action.CREATE, Resource.BLOCK): lambda api, body, *_: api.create_block_document(body),
    (Action.UPDATE, Resource.BLOCK): (
        lambda api, body, target, _: api.update_block_document(target, body)
    ),
    (Action.CREATE, Resource.FLOW): lambda api, body, *_: api.create_flow(body["name"]),
    (Action.CREATE, Resource.DEPLOYMENT): lambda api, body, *_: api.create_deployment(body),
    (Action.UPDATE, Resource.DEPLOYMENT): (
        lambda api, body, target, _: api.update_deployment(target, body)
    ),
    (Action.DELETE, Resource.DEPLOYMENT): (
        lambda api, body, target, _: api.delete_deployment(target)
    ),
    (Action.CREATE, Resource.SCHEDULE): (
        lambda api, body, _, parent: api.create_schedule(parent, body)
    ),
    (Action.UPDATE, Resource.SCHEDULE): (
        lambda api, body, target, parent: api.update_schedule(parent, target, body)
    ),
    (Action.DELETE, Resource.SCHEDULE): (
        lambda api, body, target, parent: api.delete_schedule(parent, target)
    ),
    (Action.CREATE, Resource.AUTOMATION): lambda api, body, *_: api.create_automation(body),
    (Action.UPDATE, Resource.AUTOMATION): (
        lambda api, body, target, _: api.update_automation(target, body)
    ),
    (Action.DELETE, Resource.AUTOMATION): (
        lambda api, body, target, _: api.delete_automation(target)
    ),
}
"""What is sent for each operation: the body, the id, and the id of a schedule's deployment."""


def _send(api: PrefectApi, operation: Operation, body: Body, ids: Mapping[str, str]) -> str | None:
    """Send one request; the id of what it created."""
    request = REQUESTS.get((operation.action, operation.resource))
    assert request, f"no request for {operation.action} {operation.resource}"
    answer = request(api, body, operation.id or "", _id(operation.parent or "", ids))
    return str(answer["id"]) if isinstance(answer, Mapping) else None
