"""Compares what is desired with what the server has: the plan of a deploy. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from flowship.deployment import diff_alerts, diff_block, diff_deployment, left
from flowship.deployment.desired import WhenRemoved
from flowship.deployment.drift import NO_RELEASE, LastRelease, edit_of
from flowship.deployment.left import NOT_CONFIGURED
from flowship.deployment.plan import (
    Action,
    Edit,
    Editor,
    FieldChange,
    IdOf,
    Operation,
    Plan,
    Resource,
    field_key,
    fingerprint,
)
from flowship.deployment.pools import creation, pool_of

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredState
    from flowship.deployment.observed import ServerState
    from flowship.prefect.types import BlockDocument, Deployment, Schedule, Written


def diff(desired: DesiredState, state: ServerState, last: LastRelease = NO_RELEASE) -> Plan:
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
    renamed = left.renamed(desired, state, last)
    for wanted, found in zip(desired.deployments, state.deployments, strict=True):
        before = renamed.get(wanted.full_name)
        created = left.paused_as_before(wanted, before) if before else wanted
        made = diff_deployment.operations(desired, created, found, variables)
        own: Iterable[Operation] = made.operations
        if before:
            moves = desired.when_removed is WhenRemoved.PRUNE
            own = left.hand_on(made.operations, wanted, found, before, moves=moves)
        operations += [o for o in own if not _is_repeated(o, operations)]
        reschedule += made.reschedule
    removed = list(left.operations(desired, state, last))
    operations += removed
    deleted = {str(o.id) for o in removed if o.action is Action.DELETE}
    operations += left.without_their_alerts(deleted, state)
    operations += diff_alerts.operations(desired, state)
    explained = [
        _with_origin(each, desired.origin) if desired.origin else each for each in operations
    ]
    return Plan(tuple(explained), tuple(reschedule))


_OF_CONFIGURATION = (
    "configuration",
    "the configuration differs",
    "not configured",
    NOT_CONFIGURED,
)


def _with_origin(operation: Operation, origin: str) -> Operation:
    """The same with reasons that do not say "configuration", where none was read."""
    changes = tuple(replace(c, reason=_reason(c.reason, origin)) for c in operation.changes)
    return replace(operation, reason=_reason(operation.reason, origin), changes=changes)


def _reason(reason: str, origin: str) -> str:
    parts = [origin if part in _OF_CONFIGURATION else part for part in reason.split(", ")]
    return ", ".join(dict.fromkeys(parts))


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


def attribute(plan: Plan, last: LastRelease, state: ServerState) -> Plan:
    """The same plan with each change's editor: whose value is replaced.

    Args:
        plan: From `diff`.
        last: The last release.
        state: What the plan was made of.
    """
    return replace(plan, operations=tuple(_attributed(o, last, state) for o in plan.operations))


def _attributed(operation: Operation, last: LastRelease, state: ServerState) -> Operation:
    if operation.action is Action.CREATE and _was_there(operation, last):
        return replace(operation, reason="it was deleted on the server", edited=Edit())
    changes = tuple(
        replace(change, edited_by=_editor(operation, change, last.applied, state))
        for change in operation.changes
    )
    by_person = any(change.edited_by is Editor.PERSON for change in changes)
    edited = (edit_of(_resource(operation, state), last) or Edit()) if by_person else None
    attributed = replace(operation, changes=changes, edited=edited)
    is_block = operation.resource is Resource.BLOCK
    return diff_block.explained(attributed) if is_block else attributed


def _was_there(operation: Operation, last: LastRelease) -> bool:
    """Whether the last release had what is created now."""
    if operation.resource is Resource.BLOCK:
        return bool(last.deployments) and operation.name in last.blocks
    if operation.resource is Resource.SCHEDULE:
        slugs = last.schedules.get(operation.name.partition(": ")[0], frozenset())
        return operation.body.get("slug") in slugs
    return operation.resource is Resource.DEPLOYMENT and operation.name in last.deployments


def _resource(operation: Operation, state: ServerState) -> Written | None:
    """What the server has of the resource that an operation changes."""
    deployments = [d.deployment for d in state.deployments if d.deployment]
    stored: list[BlockDocument | Deployment | Schedule] = [
        *([state.block] if state.block else []),
        *deployments,
        *(schedule for each in deployments for schedule in each["schedules"]),
    ]
    return next((each for each in stored if each["id"] == operation.id), None)


def _editor(
    operation: Operation, change: FieldChange, applied: Mapping[str, str], state: ServerState
) -> Editor:
    is_image = operation.resource is Resource.BLOCK and change.field == "image"
    if is_image and state.block and state.has_deployed(str(state.block["data"].get("image"))):
        return Editor.FLOWSHIP  # for this project, or another one that shares the block
    if change.field == "paused":  # a person's: no release records it
        return Editor.UNKNOWN
    by_id = operation.resource in (Resource.SCHEDULE, Resource.AUTOMATION)
    name = str(operation.id) if by_id else operation.name
    if not any(key.startswith(field_key(operation.resource, name, "")) for key in applied):
        return Editor.UNKNOWN  # no release knows this resource
    recorded = applied.get(field_key(operation.resource, name, change.field), fingerprint(None))
    if recorded == change.fingerprint:
        return Editor.FLOWSHIP
    return Editor.UNKNOWN if _has_unrecorded_deploy(applied, state) else Editor.PERSON


def _has_unrecorded_deploy(applied: Mapping[str, str], state: ServerState) -> bool:
    """Whether a deploy began after the last release and did not complete: the image is recorded
    before anything is changed. On a shared block, it may be another project's."""
    if state.block is None or not state.image or state.sharing:
        return False
    recorded = applied.get(field_key(Resource.BLOCK, state.block["name"], "image"))
    return recorded is not None and recorded != fingerprint(state.image)
