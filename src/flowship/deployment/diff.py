"""Compares what is desired with what the server has: the plan of a deploy. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from flowship.deployment import diff_alerts, diff_block, diff_deployment
from flowship.deployment.plan import (
    Action,
    Editor,
    FieldChange,
    IdOf,
    Operation,
    Plan,
    Resource,
    fingerprint,
)
from flowship.deployment.pools import creation, pool_of

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredState
    from flowship.deployment.observed import ServerState


def diff(desired: DesiredState, state: ServerState) -> Plan:
    """The operations that make the server what is desired, each with its reason.

    What a person owns is in no operation: whether a schedule or a deployment is paused (unless a
    flag says so), schedules that flowship did not make, and fields of the block that the
    configuration does not name.
    """
    pool = pool_of(desired.pool, state.ground.pool)
    block = diff_block.block_after(desired, state)
    variables = pool.type.job_variables(desired.block.name, block, pool.template)
    operations = [*_pool(desired, state), *diff_block.operations(desired, state)]
    reschedule: list[str | IdOf] = []
    for wanted, found in zip(desired.deployments, state.deployments, strict=True):
        made = diff_deployment.operations(desired, wanted, found, variables)
        operations += [o for o in made.operations if not _is_repeated(o, operations)]
        reschedule += made.reschedule
    operations += diff_alerts.operations(desired, state)
    return Plan(tuple(operations), tuple(reschedule))


def _is_repeated(operation: Operation, earlier: Sequence[Operation]) -> bool:
    """Whether an earlier deployment of the same new flow has registered it already."""
    return operation.resource is Resource.FLOW and any(o.key == operation.key for o in earlier)


def _pool(desired: DesiredState, state: ServerState) -> Iterator[Operation]:
    if state.ground.pool is None:
        pool = pool_of(desired.pool, None)
        yield Operation(
            Action.CREATE,
            Resource.WORK_POOL,
            desired.pool,
            "it does not exist",
            body=creation(pool),
        )


def attribute(plan: Plan, applied: Mapping[str, str], state: ServerState) -> Plan:
    """The same plan with each change's editor: whose value is replaced.

    Args:
        plan: From `diff`.
        applied: Fingerprints that the last release recorded; see `flowship.releases`.
        state: What the plan was made of.
    """
    return replace(
        plan,
        operations=tuple(
            replace(
                operation,
                changes=tuple(
                    replace(change, edited_by=_editor(operation, change, applied, state))
                    for change in operation.changes
                ),
            )
            for operation in plan.operations
        ),
    )


def _editor(
    operation: Operation, change: FieldChange, applied: Mapping[str, str], state: ServerState
) -> Editor:
    is_image = operation.resource is Resource.BLOCK and change.field == "image"
    if is_image and state.block and state.has_deployed(str(state.block["data"].get("image"))):
        return Editor.FLOWSHIP  # for this project, or another one that shares the block
    by_id = operation.resource in (Resource.SCHEDULE, Resource.AUTOMATION)
    name = str(operation.id) if by_id else operation.name
    if not any(key.startswith(field_key(operation.resource, name, "")) for key in applied):
        return Editor.UNKNOWN  # no release knows this resource
    recorded = applied.get(field_key(operation.resource, name, change.field), fingerprint(None))
    return Editor.FLOWSHIP if recorded == change.fingerprint else Editor.PERSON


def field_key(resource: Resource, name: str, field: str) -> str:
    """Under which a release records a field."""
    return f"{resource.value} {name} {field}"
