"""The last release as a plan compares with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowship.deployment.before import Before
from flowship.deployment.drift import NO_RELEASE, LastRelease
from flowship.deployment.plan import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowship.releases.record import Release, ReleasedDeployment


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
        before={each.full_name: _before(each) for each in release.deployments},
        blocks=_names(release.applied, Resource.BLOCK) | {i.block for i in release.images},
        files={image.label: image.files for image in release.images},
        incomplete=bool(release.incomplete),
    )


def _before(released: ReleasedDeployment) -> Before:
    """As the server stored it, apart from parameters that are masked."""
    return Before(
        released.paused,
        [
            {"slug": s.slug, "schedule": s.times, "parameters": s.parameters, "active": s.active}
            for s in released.schedules
        ],
    )


def _names(applied: Mapping[str, str], resource: Resource) -> frozenset[str]:
    """Of which resources of a kind there are fields."""
    head = f"{resource.value} "
    return frozenset(
        key.removeprefix(head).rpartition(" ")[0] for key in applied if key.startswith(head)
    )
