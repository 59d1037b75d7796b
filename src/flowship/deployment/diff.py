"""Compares what is desired with what the server has: the plan of a deploy. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from flowship.deployment import before, diff_alerts, diff_block, diff_deployment, left
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
    from flowship.deployment.before import Before
    from flowship.deployment.desired import DesiredDeployment, DesiredState
    from flowship.deployment.diff_deployment import DeploymentPlan
    from flowship.deployment.observed import ObservedDeployment, ServerState
    from flowship.deployment.pools.job_variables import JobVariables
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
    # They come first: after its deployments have moved, nothing leads to their automation.
    operations += left.alerts_of_taken(desired, state)
    reschedule: list[str | IdOf] = []
    renamed = left.renamed(desired, state, last)
    for wanted, found in zip(desired.deployments, state.deployments, strict=True):
        old = renamed.get(wanted.full_name)
        made = _made(desired, wanted, found, variables, before_of(wanted, old, last))
        operations += [o for o in made.operations if not _is_repeated(o, operations)]
        if old and desired.when_removed is WhenRemoved.PRUNE:
            operations += left.moved(wanted, found, old)
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


def before_of(
    wanted: DesiredDeployment, old: Deployment | None, last: LastRelease
) -> Before | None:
    """What a deployment was; None for one that is new.

    Args:
        wanted: The deployment.
        old: What the server has of it under its old name, if it was renamed.
        last: The last release.
    """
    return before.of_renamed(old) if old else last.before.get(wanted.full_name)


def _made(
    desired: DesiredState,
    wanted: DesiredDeployment,
    found: ObservedDeployment,
    variables: JobVariables,
    was: Before | None,
) -> DeploymentPlan:
    """The operations on a deployment; what is created of it begins as it was."""
    if was is None or (desired.origin and not was.renamed_from):  # a rollback says what was
        return diff_deployment.operations(desired, wanted, found, variables)
    begins = before.begins_as(wanted, found, was)
    made = diff_deployment.operations(desired, begins, found, variables)
    return replace(made, operations=tuple(before.explained(made.operations, wanted, was)))


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
        stays = [part for part in operation.reason.split(", ") if part in before.STAYS]
        reason = ", ".join(("it was deleted on the server", *stays))
        return replace(operation, reason=reason, edited=Edit())
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
        was = last.before.get(operation.name.partition(": ")[0])
        return was is not None and operation.body.get("slug") in was.slugs
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
    """Whether a deploy began after the last release and did not complete: it left its lock, or the
    image, which is recorded before anything is changed. On a shared block, that may be another
    project's."""
    if state.killed:
        return True
    if state.block is None or not state.image or state.sharing:
        return False
    recorded = applied.get(field_key(Resource.BLOCK, state.block["name"], "image"))
    return recorded is not None and recorded != fingerprint(state.image)
