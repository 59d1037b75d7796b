"""What was changed on the server since the last release, and what of it a deploy keeps. Pure.

A deploy restores what the configuration says. What a person owns stays: whether something is
paused or disabled, schedules that flowship did not make, and values that the configuration does
not set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flowship.deployment import (
    diff_alerts,
    diff_block,
    diff_deployment,
    diff_schedules,
    docker_block,
)
from flowship.deployment.plan import Edit, Kept, Resource, field_key, fingerprint
from flowship.deployment.stored import parse_moment, words_of

if TYPE_CHECKING:
    from flowship.deployment.before import Before
    from flowship.deployment.desired import DesiredDeployment, DesiredState
    from flowship.deployment.observed import ObservedDeployment, ServerState
    from flowship.prefect.types import Deployment, Schedule, Written

DEFAULT_QUEUE = "default"
NOT_SET = "the configuration does not set it"


@dataclass(frozen=True)
class LastRelease:
    """What the last release of the environment recorded, as far as a plan compares with it.

    Attributes:
        applied: Fingerprints of what it left on the server, by `field_key`.
        created: When, by the server's clock; None where there is no release.
        number: Its number; 0 where there is none.
        who: Who made it.
        deployments: The full names of the project's deployments, by then.
        before: Full name → what each of them was.
        blocks: The blocks of all images that the project has deployed.
        files: The name of an image → the short hash of each of its inputs.
        incomplete: Whether the deploy broke off.
    """

    applied: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None
    number: int = 0
    who: str = ""
    deployments: frozenset[str] = frozenset()
    before: Mapping[str, Before] = field(default_factory=dict)
    blocks: frozenset[str] = frozenset()
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    incomplete: bool = False


NO_RELEASE = LastRelease()


def edit_of(resource: Written | None, last: LastRelease) -> Edit | None:
    """When and by whom a resource was written; None if not since the last release."""
    at = resource.get("updated") if resource else None
    if resource is None or at is None or last.created is None:
        return None
    if parse_moment(at) <= last.created:
        return None
    by = resource.get("updated_by") or {}
    return Edit(at, str(by["display_value"]) if by.get("display_value") else None)


def kept(desired: DesiredState, state: ServerState, last: LastRelease) -> tuple[Kept, ...]:
    """What differs from the configuration, or is not in it, and stays.

    Args:
        desired: What is to be deployed.
        state: What the server has.
        last: The last release.
    """
    deployments = zip(desired.deployments, state.deployments, strict=True)
    return (
        *_pool(desired, state),
        *_block(desired, state, last),
        *(
            each
            for wanted, found in deployments
            if found.deployment is not None
            for each in (
                *_deployment(desired, wanted, found.deployment, last),
                *_schedules(wanted, found, last),
            )
        ),
        *_alerts(desired, state, last),
    )


def _pool(desired: DesiredState, state: ServerState) -> Iterator[Kept]:
    if state.ground.pool and state.ground.pool["is_paused"]:
        yield Kept(Resource.WORK_POOL, desired.pool, "paused", True, "paused on the server")


def _block(desired: DesiredState, state: ServerState, last: LastRelease) -> Iterator[Kept]:
    if state.block is None:
        return
    name = desired.block.name
    values = docker_block.kept(
        diff_block.block_after(desired, state),
        desired.block.fields,
        has_credentials=desired.block.credentials is not None,
    )
    for field_name, value in values.items():
        recorded = last.applied.get(field_key(Resource.BLOCK, name, field_name))
        is_new = recorded != fingerprint(diff_block.stored_field(state.block, field_name))
        edit = edit_of(state.block, last) if is_new else None
        yield Kept(Resource.BLOCK, name, field_name, value, NOT_SET, edit)


def _deployment(
    desired: DesiredState, wanted: DesiredDeployment, stored: Deployment, last: LastRelease
) -> Iterator[Kept]:
    edit = edit_of(stored, last)

    def stays(name: str, value: Any, reason: str) -> Kept:  # noqa: ANN401 JSON
        return Kept(Resource.DEPLOYMENT, wanted.full_name, name, value, reason, edit)

    if wanted.paused is None and bool(stored["paused"]) != wanted.paused_at_first:
        done = "paused" if stored["paused"] else "resumed"
        yield stays("paused", bool(stored["paused"]), f"{done} on the server")
    queue = stored.get(diff_deployment.QUEUE)
    in_pool = stored.get("work_pool_name") == desired.pool
    if wanted.work_queue is None and in_pool and queue not in (None, DEFAULT_QUEUE):
        yield stays(diff_deployment.QUEUE, queue, NOT_SET)
    conflict = diff_deployment.stored_field(stored, diff_deployment.OPTIONS)
    if wanted.on_conflict is None and conflict not in (None, "queue"):
        yield stays(diff_deployment.OPTIONS, conflict, NOT_SET)
    if wanted.enforce_parameters is None and stored.get(diff_deployment.ENFORCE) is False:
        yield stays(diff_deployment.ENFORCE, False, NOT_SET)


def _alerts(desired: DesiredState, state: ServerState, last: LastRelease) -> Iterator[Kept]:
    for match in diff_alerts.match(desired, state.alerts)[0]:
        if match.stored and not match.stored["enabled"]:
            name, edit = match.wanted.name, edit_of(match.stored, last)
            reason = "disabled on the server"
            yield Kept(Resource.AUTOMATION, name, "enabled", False, reason, edit)


def _schedules(
    wanted: DesiredDeployment, found: ObservedDeployment, last: LastRelease
) -> Iterator[Kept]:
    surplus = diff_schedules.match(wanted, found.schedules)[1]
    by_flag = diff_schedules.kept_from_flag(wanted, found.schedules)
    for stored in found.schedules:
        if stored not in surplus:
            yield from _schedule(wanted, stored, last, by_flag=stored in by_flag)


def _schedule(
    wanted: DesiredDeployment, stored: Schedule, last: LastRelease, *, by_flag: bool
) -> Iterator[Kept]:
    name, edit = f"{wanted.full_name}: {words_of(stored)}", edit_of(stored, last)
    if not diff_schedules.is_own(stored):
        value = None if stored["active"] else "paused"
        yield Kept(Resource.SCHEDULE, name, "", value, "added on the server", edit)
        return
    if by_flag:
        yield Kept(Resource.SCHEDULE, name, "", None, "given by an option of an earlier deploy")
    if not stored["active"]:
        yield Kept(Resource.SCHEDULE, name, "paused", True, "paused on the server", edit)
