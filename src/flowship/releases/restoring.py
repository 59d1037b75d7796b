"""Makes a release the desired state again. Pure.

No configuration is read: the desired state has what the release recorded. Of a value that is not
recorded, since it looks like a secret, it has what the server has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from flowship.deployment import docker_block, parameters
from flowship.deployment.alerts import DesiredAlerts, owner_of
from flowship.deployment.desired import (
    DesiredBlock,
    DesiredDeployment,
    DesiredState,
    FlowFacts,
    ImageFacts,
    ScheduleSource,
    WhenRemoved,
)
from flowship.deployment.diff_block import stored_field
from flowship.deployment.plan import Resource, field_key, fingerprint
from flowship.deployment.schedules import ScheduleSpec
from flowship.deployment.stored import stored_schedule
from flowship.errors import ConfigError
from flowship.redaction import MASK
from flowship.releases.record import FORMAT, Release, ReleasedDeployment, ReleasedImage

if TYPE_CHECKING:
    from flowship.prefect.types import BlockDocument, Deployment

ABSENT = object()
"""In place of a value that is not recorded and that the server does not have."""


@dataclass(frozen=True)
class Stored:
    """What the server has, for the values that a release does not hold.

    Attributes:
        blocks: By their names.
        deployments: By their full names.
    """

    blocks: Mapping[str, BlockDocument]
    deployments: Mapping[str, Deployment]


@dataclass(frozen=True)
class Restored:
    """A release as the desired state of one image.

    Attributes:
        label: The image's name.
        desired: The state.
        kept: The places of values that are not recorded: they stay as the server has them.
        lost: Those that the server does not have either.
    """

    label: str
    desired: DesiredState
    kept: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def restorable(release: Release) -> tuple[ReleasedImage, ...]:
    """The images of a release that can be deployed again.

    Raises:
        ConfigError: It is of an earlier version of flowship, or has no image with a deployment.
    """
    used = {deployment.image for deployment in release.deployments}
    found = tuple(image for image in release.images if image.block and image.label in used)
    if release.format != FORMAT or not found:
        raise ConfigError(
            f"release {release.number or 'of an earlier version'} of {release.project} does not"
            " hold what a rollback needs",
            code="release-too-old",
            hint="check out its git revision and run `flowship ship`",
        )
    return found


def restore(
    release: Release,
    later: Sequence[Release],
    stored: Stored,
    *,
    prune: bool = False,
    deletes: str = "flowship delete",
) -> list[Restored]:
    """The desired state of each image of a release.

    Args:
        release: The release.
        later: Those after it, the newest first: fields of a block that only they set go back to
            their defaults.
        stored: What the server has.
        prune: Delete the deployments that later releases added; else they stay.
        deletes: See `DesiredState`.

    Raises:
        ConfigError: See `restorable`.
    """
    now = datetime.now(timezone.utc).replace(microsecond=0)
    images = restorable(release)
    restored = []
    for image in images:
        one = _restore(release, image, stored, _resets(image, later, stored), now)
        desired = replace(
            one.desired,
            when_removed=WhenRemoved.PRUNE if prune else WhenRemoved.KEEP,
            sweeps=image is images[0],
            blocks_in_use=frozenset(each.block for each in images),
            deletes=deletes,
        )
        restored.append(replace(one, desired=desired))
    return restored


def _resets(image: ReleasedImage, later: Sequence[Release], stored: Stored) -> dict[str, Any]:
    """Fields that later releases set, and that have the value of the last of these still: their
    defaults."""
    block = stored.blocks.get(image.block)
    if block is None:
        return {}
    applied: dict[str, str] = {}
    for release in reversed(later):
        found = release.image(image.label)
        for name in found.fields if found and found.block == image.block else ():
            applied[name] = release.applied.get(field_key(Resource.BLOCK, image.block, name), "")
    return {
        name: docker_block.DEFAULTS[name]
        for name, value in applied.items()
        if name in docker_block.DEFAULTS
        and name not in image.fields
        and value == fingerprint(stored_field(block, name))
    }


def _restore(
    release: Release,
    image: ReleasedImage,
    stored: Stored,
    resets: Mapping[str, Any],
    now: datetime,
) -> Restored:
    own = [each for each in release.deployments if each.image == image.label]
    others = {each.name for each in release.deployments if each.image != image.label}
    block = stored.blocks.get(image.block)
    fields = _Revealing(image.hidden, block["data"] if block else {}, "block ")
    deployments, notes = [], [fields]
    for each in own:
        values, desired = _deployment(each, image, stored.deployments.get(each.full_name))
        deployments.append(desired)
        notes += values
    return Restored(
        label=image.label,
        desired=DesiredState(
            image=_image(image),
            block=DesiredBlock(
                name=image.block,
                fields={**resets, **fields.table(image.fields)},
                references=image.references,
                credentials=image.credentials,
                secrets=frozenset(image.secrets),
                of_project=image.blocks,
            ),
            pool=own[0].work_pool,
            deployments=tuple(deployments),
            configured=dict(image.configured),
            now=now,
            warnings=(),
            elsewhere=frozenset(others),
            alerts=_alerts(release, image),
            origin=f"rollback to release {release.number}",
        ),
        kept=tuple(place for note in notes for place in note.kept),
        lost=tuple(place for note in notes for place in note.lost),
    )


def _alerts(release: Release, image: ReleasedImage) -> DesiredAlerts:
    if not image.alerts:
        return DesiredAlerts(owner_of(release.project, image.block))
    try:
        return DesiredAlerts.from_json(image.alerts)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise ConfigError(
            f"the alerts of the image {image.label} in this release are damaged",
            code="release-too-old",
            hint="check out its git revision and run `flowship ship`",
        ) from exc


def _image(image: ReleasedImage) -> ImageFacts:
    return ImageFacts(
        reference=image.reference,
        pushed=image.pushed,
        platform=image.platform,
        prefect_version=image.prefect,
        flows=tuple(
            FlowFacts(
                flow.entrypoint,
                flow.name,
                flow.description,
                None if flow.parameters is None else dict(flow.parameters),
            )
            for flow in image.flows
        ),
        probed=image.probed,
        inputs=image.inputs,
        revision=image.revision,
        files=image.files,
    )


def _deployment(
    each: ReleasedDeployment, image: ReleasedImage, stored: Deployment | None
) -> tuple[list[_Revealing], DesiredDeployment]:
    flow = image.flow(each.entrypoint)
    schema = dict(flow.parameters) if flow and flow.parameters is not None else None
    where = f"{each.full_name} "
    known: Mapping[str, Any] = dict(stored) if stored else {}
    tables = {
        name: _Revealing(each.hidden, known.get(name) or {}, where, name)
        for name in ("parameters", "job_variables")
    }
    given = tables["parameters"].table(each.parameters)
    notes = [*tables.values()]
    schedules: dict[str, ScheduleSpec] = {}
    own = known.get("schedules") or ()
    had = {s.get("slug"): s.get("parameters") or {} for s in own}
    for released in each.schedules:
        place = f"schedules.{released.slug}"
        values = _Revealing(each.hidden, had.get(released.slug, {}), where, place)
        notes.append(values)
        body = {"schedule": released.times, "parameters": values.table(released.parameters)}
        if spec := stored_schedule(body, with_anchor=True):
            schedules[released.slug] = spec
    return notes, DesiredDeployment(
        name=each.name,
        flow_name=each.flow,
        description=each.description,
        entrypoint=each.entrypoint,
        path=each.path,
        tags=each.tags,
        concurrency_limit=each.concurrency_limit,
        on_conflict=each.on_conflict,
        work_queue=each.work_queue,
        version=each.version,
        enforce_parameters=each.enforce_parameters,
        labels=each.labels,
        schedules=tuple(schedules.values()),
        schedule_source=ScheduleSource.RELEASE,
        configured=each.configured,
        paused=None,
        paused_at_first=each.paused,
        schema=schema,
        parameters=given,
        from_flags=frozenset(),
        parameter_values=parameters.table(schema, given),
        job_variables=tables["job_variables"].table(each.job_variables),
        warnings=(),
        secrets=each.secrets,
        slugs=tuple(schedules),
        paused_slugs=frozenset(s.slug for s in each.schedules if not s.active),
    )


class _Revealing:
    """Puts what the server has in the place of values that a release does not hold.

    Args:
        hidden: The places of these values.
        stored: The table on the server.
        where: What the table belongs to, in messages.
        name: The beginning of the places in this table; empty for a table of all places.
    """

    def __init__(
        self, hidden: Mapping[str, str], stored: Mapping[str, Any], where: str, name: str = ""
    ) -> None:
        self._hidden, self._stored, self._where, self._name = hidden, stored, where, name
        self.kept: list[str] = []
        self.lost: list[str] = []

    def table(self, recorded: Mapping[str, Any]) -> dict[str, Any]:
        """The table as it is to be deployed."""
        found = self._value(recorded, self._name, self._stored)
        return found if isinstance(found, dict) else {}

    def _value(self, recorded: Any, place: str, stored: Any) -> Any:  # noqa: ANN401 JSON
        if recorded == MASK and place in self._hidden:
            (self.lost if stored is ABSENT else self.kept).append(self._where + place)
            return stored
        if not isinstance(recorded, Mapping):
            return recorded
        had = stored if isinstance(stored, Mapping) else {}
        items = {
            key: self._value(item, f"{place}.{key}" if place else key, had.get(key, ABSENT))
            for key, item in recorded.items()
        }
        return {key: item for key, item in items.items() if item is not ABSENT}
