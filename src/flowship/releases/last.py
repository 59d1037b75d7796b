"""The last release as a plan compares with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowship.deployment.drift import NO_RELEASE, LastRelease
from flowship.deployment.plan import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowship.releases.record import Release


def last_release(release: Release | None) -> LastRelease:
    """What a plan reads of a release; `NO_RELEASE` where there is none."""
    if release is None:
        return NO_RELEASE
    named = _names(release.applied, Resource.DEPLOYMENT)  # all that one of format 1 knows
    return LastRelease(
        applied=release.applied,
        created=release.created,
        number=release.number,
        who=release.who,
        deployments=frozenset(d.full_name for d in release.deployments) or named,
        schedules={
            each.full_name: frozenset(schedule.slug for schedule in each.schedules)
            for each in release.deployments
        },
        blocks=_names(release.applied, Resource.BLOCK) | {i.block for i in release.images},
        files={image.label: image.files for image in release.images},
    )


def _names(applied: Mapping[str, str], resource: Resource) -> frozenset[str]:
    """Of which resources of a kind there are fields."""
    head = f"{resource.value} "
    return frozenset(
        key.removeprefix(head).rpartition(" ")[0] for key in applied if key.startswith(head)
    )
