"""Makes the release of a deploy from what was desired, carried out, and read back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowship import __version__
from flowship.deployment import diff_schedules, parameters
from flowship.deployment.plan import Action, Operation, Resource, fingerprint
from flowship.deployment.stored import in_order
from flowship.redaction import MASK, mask_value
from flowship.releases.fingerprints import applied
from flowship.releases.record import (
    Release,
    ReleasedDeployment,
    ReleasedFlow,
    ReleasedImage,
    ReleasedSchedule,
)

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredDeployment, DesiredState
    from flowship.deployment.observed import ObservedDeployment, ServerState


@dataclass(frozen=True)
class Origin:
    """Where a release comes from.

    Attributes:
        made_by: See `Release`.
        environment: Of the configuration; None without one.
        labels: The name of each image.
    """

    made_by: str
    environment: str | None = None
    labels: tuple[str, ...] = ()

    def label(self, number: int, project: str) -> str:
        """The name of an image."""
        return self.labels[number] if number < len(self.labels) else project


@dataclass(frozen=True)
class Deployed:
    """What was done with one image.

    Attributes:
        desired: What was to be deployed.
        state: As read back.
        operations: What was carried out.
    """

    desired: DesiredState
    state: ServerState
    operations: tuple[Operation, ...] = field(default=())


def make(
    project: str,
    origin: Origin,
    done: Sequence[Deployed],
    before: Release | None,
    *,
    number: int,
    who: str,
    incomplete: str = "",
) -> Release:
    """The release of a deploy.

    Args:
        project: The project's name.
        origin: Where it comes from.
        done: Of each image.
        before: The last release of the environment: what this one leaves alone is as it was there.
        number: Its number.
        who: Who deployed it.
        incomplete: Why not everything was deployed; empty if it was.
    """
    images = [_image(project, origin, number, each, before) for number, each in enumerate(done)]
    deployments = [
        _deployment(label.label, wanted, found, each.desired.pool)
        for label, each in zip(images, done, strict=True)
        for wanted, found in zip(each.desired.deployments, each.state.deployments, strict=True)
        if found.deployment
    ]
    operations = [operation for each in done for operation in each.operations]
    fields: dict[str, str] = {}
    for each in done:
        fields |= applied(each.desired, each.state)
    known = before.applied if before else {}
    resources = {key.rpartition(" ")[0] for key in fields}
    resources |= {f"{o.resource.value} {n}" for o in operations if o.action is Action.DELETE
                  for n in (o.name, o.id)}  # fmt: skip
    kept = {k: v for k, v in known.items() if k.rpartition(" ")[0] not in resources}
    return Release(
        number=number,
        project=project,
        made_by=origin.made_by,
        who=who,
        environment=origin.environment,
        flowship=__version__,
        images=_with_earlier_images(images, before),
        deployments=_with_earlier(deployments, before, operations),
        operations=tuple(operation.to_json() for operation in operations),
        applied=kept | fields,
        incomplete=incomplete,
    )


def _with_earlier_images(
    images: Sequence[ReleasedImage], before: Release | None
) -> tuple[ReleasedImage, ...]:
    own = {image.label for image in images}
    earlier = [i for i in before.images if i.label not in own] if before else []
    return (*images, *earlier)


def _with_earlier(
    deployments: Sequence[ReleasedDeployment],
    before: Release | None,
    operations: Iterable[Operation],
) -> tuple[ReleasedDeployment, ...]:
    """The deployments, with those that this deploy left alone; not those that it deleted."""
    gone = {
        operation.name
        for operation in operations
        if (operation.action, operation.resource) == (Action.DELETE, Resource.DEPLOYMENT)
    }
    own = {each.full_name for each in deployments} | gone
    earlier = [d for d in before.deployments if d.full_name not in own] if before else []
    return (*(d for d in deployments if d.full_name not in gone), *earlier)


# --- one image ---------------------------------------------------------------------------------


def _image(
    project: str, origin: Origin, number: int, done: Deployed, before: Release | None
) -> ReleasedImage:
    desired = done.desired
    image, block = desired.image, desired.block
    label = origin.label(number, project)
    hidden: dict[str, str] = {}
    fields = {name: hide(value, name, hidden) for name, value in block.fields.items()}
    return ReleasedImage(
        label=label,
        reference=image.reference,
        pushed=image.pushed,
        platform=image.platform,
        prefect=image.prefect_version,
        inputs=image.inputs,
        revision=image.revision,
        flows=tuple(
            ReleasedFlow(flow.entrypoint, flow.name, flow.description, flow.parameters)
            for flow in image.flows
        ),
        probed=image.probed,
        files=dict(image.files) or _known_files(image.inputs, label, before),
        block=block.name,
        fields=fields,
        references=dict(block.references),
        credentials=block.credentials,
        secrets=tuple(sorted(block.secrets)),
        blocks=block.of_project,
        configured=dict(desired.configured),
        hidden=hidden,
        alerts=desired.alerts.to_json() if desired.alerts.automations else {},
    )


def _known_files(inputs: str, label: str, before: Release | None) -> Mapping[str, str]:
    """The files of an image that is deployed again from the same inputs."""
    found = before.image(label) if before else None
    return found.files if found and inputs and found.inputs == inputs else {}


# --- one deployment ------------------------------------------------------------------------------


def _deployment(
    label: str, wanted: DesiredDeployment, found: ObservedDeployment, pool: str
) -> ReleasedDeployment:
    hidden: dict[str, str] = {}
    shown = parameters.all_masked(wanted.parameters, wanted.schema)
    return ReleasedDeployment(
        flow=wanted.flow_name,
        name=wanted.name,
        image=label,
        entrypoint=wanted.entrypoint,
        path=wanted.path,
        description=wanted.description,
        tags=wanted.tags,
        parameters=_hidden(wanted.parameters, shown, "parameters", hidden),
        schedules=tuple(
            _schedule(wanted, stored, hidden)
            for stored in in_order(found.schedules)
            if diff_schedules.is_own(stored)
        ),
        job_variables=hide(wanted.job_variables, "job_variables", hidden),
        concurrency_limit=wanted.concurrency_limit,
        on_conflict=wanted.on_conflict,
        work_pool=pool,
        work_queue=wanted.work_queue,
        version=wanted.version,
        enforce_parameters=wanted.enforce_parameters,
        labels=dict(wanted.labels),
        secrets=dict(wanted.secrets),
        paused=bool(found.deployment and found.deployment["paused"]),
        configured=wanted.configured,
        hidden=hidden,
    )


def _schedule(
    wanted: DesiredDeployment, stored: Mapping[str, Any], hidden: dict[str, str]
) -> ReleasedSchedule:
    slug = str(stored["slug"])
    given = stored.get("parameters") or {}
    shown = parameters.all_masked(given, wanted.schema)
    return ReleasedSchedule(
        slug=slug,
        times=stored.get("schedule") or {},
        parameters=_hidden(given, shown, f"schedules.{slug}", hidden),
        active=bool(stored.get("active", True)),
    )


# --- secrets -------------------------------------------------------------------------------------


def hide(value: Any, name: str, hidden: dict[str, str]) -> Any:  # noqa: ANN401 JSON
    """The value with secrets masked; their places and fingerprints are added to `hidden`."""
    return _hidden(value, mask_value(value, name), name, hidden)


def _hidden(value: Any, shown: Any, place: str, hidden: dict[str, str]) -> Any:  # noqa: ANN401
    """`shown`, the masked form of `value`. Of a list with a secret, all is a secret."""
    if isinstance(value, Mapping) and isinstance(shown, Mapping):
        return {
            key: _hidden(item, shown.get(key), f"{place}.{key}", hidden)
            for key, item in value.items()
        }
    if value == shown or (isinstance(value, tuple) and list(value) == shown):
        return shown
    hidden[place] = fingerprint(value)
    return MASK
