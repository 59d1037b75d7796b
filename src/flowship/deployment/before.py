"""What a deployment was that is created again, or under a new name: it begins as that was. Pure.

What a person paused stays paused, and an interval keeps the moment that it counts from. A renamed
deployment is still on the server under its old name; of one that was deleted there, or of a
schedule, the last release says what it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flowship.deployment import diff_schedules
from flowship.deployment.plan import Action, Operation, Resource

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredDeployment
    from flowship.deployment.observed import ObservedDeployment
    from flowship.prefect.types import Deployment

STAYS_PAUSED = "stays paused"
STAYS_ACTIVE = "stays active"
STAYS = (STAYS_PAUSED, STAYS_ACTIVE)


@dataclass(frozen=True)
class Before:
    """What it was.

    Attributes:
        paused: Whether the deployment was paused.
        schedules: flowship's own, as the server stores them.
        renamed_from: Its old name; empty for the same name.
    """

    paused: bool
    schedules: Sequence[Mapping[str, Any]]
    renamed_from: str = ""

    @property
    def slugs(self) -> frozenset[str]:
        """The slugs of its schedules."""
        return frozenset(str(schedule["slug"]) for schedule in self.schedules)


def of_renamed(stored: Deployment) -> Before:
    """A deployment that is on the server under its old name."""
    own = [schedule for schedule in stored["schedules"] if diff_schedules.is_own(schedule)]
    return Before(bool(stored["paused"]), own, stored["name"])


def begins_as(
    wanted: DesiredDeployment, found: ObservedDeployment, before: Before
) -> DesiredDeployment:
    """The deployment with the state that it had, for what is created of it; an option wins."""
    created = dict(_pairs(wanted, found, before))
    anchors = {
        slug: (was.get("schedule") or {}).get("anchor_date") for slug, was in created.items()
    }
    paused = {slug for slug, was in created.items() if not was["active"]}
    at_first = before.paused if wanted.paused is None else wanted.paused_at_first
    return replace(
        wanted,
        paused_at_first=at_first,
        paused_slugs=wanted.paused_slugs | paused,
        anchors={slug: str(anchor) for slug, anchor in anchors.items() if anchor},
    )


def explained(
    made: Sequence[Operation], wanted: DesiredDeployment, before: Before
) -> Iterator[Operation]:
    """The operations with what stays as it was.

    Args:
        made: From `flowship.deployment.diff_deployment`, for what `begins_as` returned.
        wanted: The deployment, as configured.
        before: What it was.
    """
    for operation in made:
        about = operation.resource in (Resource.DEPLOYMENT, Resource.SCHEDULE)
        if not about or (operation.action is not Action.CREATE and not before.renamed_from):
            yield operation
            continue
        reason = operation.reason
        if before.renamed_from:
            reason = f"renamed from {before.renamed_from}"
        stays = _stays(operation, wanted, before)
        yield replace(operation, reason=", ".join(filter(None, (reason, stays))))


def _stays(operation: Operation, wanted: DesiredDeployment, before: Before) -> str:
    if operation.action is not Action.CREATE:
        return ""
    if operation.resource is Resource.SCHEDULE:
        return "" if operation.body.get("active", True) else STAYS_PAUSED
    if wanted.paused is not None:
        return ""
    if before.paused:
        return STAYS_PAUSED
    return STAYS_ACTIVE if wanted.paused_at_first else ""


def _pairs(
    wanted: DesiredDeployment, found: ObservedDeployment, before: Before
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The schedules that are created, each by its slug, with what it was."""
    there = {schedule.get("slug") for schedule in found.schedules}
    left = [schedule for schedule in before.schedules if schedule["slug"] not in there]
    created = [m for m in diff_schedules.match(wanted, found.schedules)[0] if m.stored is None]
    for is_same in (diff_schedules.has_slug, diff_schedules.has_content, diff_schedules.has_times):
        for one in [*created]:
            was = next((each for each in left if is_same(one, each)), None)
            if was is not None:
                created.remove(one)
                left.remove(was)
                yield one.slug, was
