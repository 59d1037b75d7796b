"""Reads the current state of everything on the server that a deploy touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from flowship.deployment import alerts, block_users, docker_block, notifications
from flowship.deployment.desired import WhenRemoved
from flowship.deployment.plan import Plan, Resource
from flowship.errors import ConfigError

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredDeployment, DesiredState
    from flowship.deployment.drift import LastRelease
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Automation, BlockDocument, Deployment, Schedule, WorkPool


@dataclass(frozen=True)
class Ground:
    """What a deployment needs on the server; flowship reads it before a slow build.

    Attributes:
        pool: The work pool; None where it does not exist.
        credentials: The block that the configuration names for the worker's pull, if any.
        server: The server's version; "cloud" for Prefect Cloud, empty if it was not asked.
        notifications: The notification blocks of the alerts, ``type/name`` → id.
    """

    pool: WorkPool | None
    credentials: BlockDocument | None
    server: str = ""
    notifications: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Registration:
    """The block type and schema of a Docker Container block, as the server has them.

    Attributes:
        types: Slug → id; None for a type that is not registered.
        schema: The id of flowship's schema; None where it is not registered.
    """

    types: dict[str, str | None]
    schema: str | None


@dataclass(frozen=True)
class ObservedDeployment:
    """One deployment on the server.

    Attributes:
        flow: The id of its flow; None where neither is known.
        deployment: None where it does not exist.
    """

    flow: str | None
    deployment: Deployment | None

    @property
    def schedules(self) -> Sequence[Schedule]:
        """All schedules that it has, a person's too."""
        return tuple(self.deployment["schedules"]) if self.deployment else ()

    @property
    def parameter_schema(self) -> Mapping[str, Any] | None:
        """The schema of its parameters; None where it does not exist or has none."""
        return self.deployment.get("parameter_openapi_schema") if self.deployment else None


@dataclass(frozen=True)
class SharingDeployment:
    """Another deployment whose runs start from the same block.

    Attributes:
        name: ``flow/deployment``.
    """

    name: str
    deployment: Deployment


@dataclass(frozen=True)
class ServerState:
    """Everything that a deploy reads before it decides.

    Attributes:
        ground: The work pool and the credentials.
        block: The block document; None where it does not exist.
        registration: The block's type and schema.
        deployments: In the order of the desired ones.
        sharing: Others that use the same block.
        users: The flows that are recorded as those with deployments on the block; None if none are.
        former: The deployments on blocks that no deployment of the project uses any more.
        former_alerts: flowship's own automations about those.
        taken_alerts: flowship's own automations of blocks from which this deploy takes deployments:
            of another project, or of this one under an earlier name of its block.
        image: The image that is recorded as the last one deployed on the block; empty if none is.
        alerts: flowship's own automations of this image.
        alerts_recorded: The owners of alerts that are recorded of the block.
        killed: Whether the last deploy of the project was killed: its lock is still there. What
            it wrote is in no release.
    """

    ground: Ground
    block: BlockDocument | None
    registration: Registration
    deployments: tuple[ObservedDeployment, ...]
    sharing: tuple[SharingDeployment, ...]
    users: frozenset[str] | None = None
    former: tuple[SharingDeployment, ...] = ()
    former_alerts: tuple[Automation, ...] = ()
    taken_alerts: tuple[Automation, ...] = ()
    image: str = ""
    alerts: tuple[Automation, ...] = ()
    alerts_recorded: frozenset[str] = frozenset()
    killed: bool = False

    def has_deployed(self, reference: str) -> bool:
        """Whether this image is the last one that flowship itself deployed on this block."""
        return bool(reference) and docker_block.is_same_image(reference, self.image)


def observe_ground(
    api: PrefectApi, pool: str, credentials: str | None, notify: Mapping[str, str] | None = None
) -> Ground:
    """Read the work pool, the credentials block and the notification blocks.

    Args:
        api: The server.
        pool: The work pool's name.
        credentials: The name of the credentials block, if there is one.
        notify: The notification blocks of the alerts, and where each is written.

    Raises:
        ConfigError: A block does not exist, or cannot notify anybody.
        ApiError: The API does not answer or refuses.
    """
    return Ground(
        api.work_pool(pool),
        _credentials(api, credentials),
        notifications=notifications.found(api, notify or {}),
    )


def observe(
    api: PrefectApi,
    desired: DesiredState,
    ground: Ground | None = None,
    last: LastRelease | None = None,
) -> ServerState:
    """Read what the server has.

    Args:
        api: The server.
        desired: What is to be deployed.
        ground: What was read before, to be taken as it is; None reads it again.
        last: The last release; None leaves out what only it knows.

    Raises:
        ConfigError, ApiError: As `observe_ground`.
    """
    ground = ground or observe_ground(
        api, desired.pool, desired.block.credentials, desired.alerts.notify
    )
    block = api.block_document(docker_block.SLUG, desired.block.name)
    recorded = block_users.read(api, desired.block.name) if block else block_users.NOTHING
    users = recorded.flows
    listed = _of_flows(api, desired, users)
    using = [d for d in listed if docker_block.refers_to(d["job_variables"], desired.block.name)]
    found = observe_deployments(api, desired.deployments, listed)
    ours = {d.deployment["id"] for d in found if d.deployment}
    sharing = tuple(_sharing(api, [d for d in using if d["id"] not in ours]))
    former = tuple(_former(api, desired, last, found, sharing) if last else ())
    return ServerState(
        ground=ground,
        block=block,
        registration=_registration(api, block),
        deployments=found,
        sharing=sharing,
        users=users,
        former=former,
        former_alerts=tuple(_alerts_of(api, former)),
        taken_alerts=tuple(alerts.stored(api, _taken_from(desired, found))),
        image=recorded.image,
        alerts=_alerts(api, desired, recorded),
        alerts_recorded=recorded.alerts,
    )


def _former(
    api: PrefectApi,
    desired: DesiredState,
    last: LastRelease,
    found: Sequence[ObservedDeployment],
    sharing: Sequence[SharingDeployment],
) -> Iterator[SharingDeployment]:
    """Deployments of earlier releases on blocks that the project no longer uses."""
    known = {d.full_name for d in desired.deployments} | {s.name for s in sharing}
    absent = [
        name.rpartition("/")
        for name in sorted(last.deployments - known)
        if name.rpartition("/")[2] not in desired.elsewhere
    ]
    if not (absent and desired.sweeps) or desired.when_removed is WhenRemoved.SELECTED:
        return
    blocks = last.blocks - {desired.block.name, *desired.blocks_in_use}
    ours = {each.deployment["id"] for each in found if each.deployment}
    listed = api.deployments({name for *_, name in absent}, {flow for flow, *_ in absent})
    using = [
        d
        for d in listed
        if d["id"] not in ours and docker_block.block_of(d["job_variables"]) in blocks
    ]
    yield from _sharing(api, using)


def _taken_from(desired: DesiredState, found: Sequence[ObservedDeployment]) -> list[str]:
    """The blocks of other projects whose deployments are this project's from now on."""
    blocks = {
        docker_block.block_of(each.deployment["job_variables"]) for each in found if each.deployment
    }
    return sorted(blocks - {"", desired.block.name, *desired.block.of_project})


def _alerts_of(api: PrefectApi, former: Sequence[SharingDeployment]) -> list[Automation]:
    """The alerts of images that the project no longer has."""
    blocks = {docker_block.block_of(each.deployment["job_variables"]) for each in former}
    return alerts.stored(api, sorted(blocks))


def observe_again(
    api: PrefectApi,
    desired: DesiredState,
    before: ServerState,
    done: Plan,
    last: LastRelease | None = None,
) -> ServerState:
    """Read back what was changed. What was not is taken as it was read before: a project has up to
    hundreds of deployments, and the server needs 5 to 10 ms for each.

    Args:
        api: The server.
        desired: What was deployed.
        before: What was read before.
        done: What was changed since.
        last: As for `observe`.
    """
    changed = {o.name for o in done.operations if o.resource is Resource.DEPLOYMENT}
    changed |= {
        o.name.partition(": ")[0] for o in done.operations if o.resource is Resource.SCHEDULE
    }
    again = [d for d in desired.deployments if d.full_name in changed]
    if len(again) < len(changed) or any(o.resource not in _READ_BACK for o in done.operations):
        return observe(api, desired, last=last)
    block = api.block_document(docker_block.SLUG, desired.block.name)
    recorded = block_users.read(api, desired.block.name) if block else block_users.NOTHING
    names = [d.full_name for d in again]
    found = dict(zip(names, observe_deployments(api, again), strict=True)) if again else {}
    own = zip(desired.deployments, before.deployments, strict=True)
    return replace(
        before,
        block=block,
        registration=_registration(api, block),
        deployments=tuple(found.get(wanted.full_name, earlier) for wanted, earlier in own),
        users=recorded.flows,
        image=recorded.image,
        alerts_recorded=recorded.alerts,
    )


_READ_BACK = (Resource.BLOCK, Resource.FLOW, Resource.DEPLOYMENT, Resource.SCHEDULE)
"""If anything else changed, everything is read again."""


def observe_deployments(
    api: PrefectApi, wanted: Sequence[DesiredDeployment], listed: Sequence[Deployment] = ()
) -> tuple[ObservedDeployment, ...]:
    """Read deployments, in a number of requests that does not depend on how many they are.

    Only the server's own answer to their names counts for "does not exist": a list in pages may
    miss one, and to create a deployment that exists would delete the schedules that a person added.

    Args:
        api: The server.
        wanted: Which ones.
        listed: Those that were read before.
    """
    flows = {flow["name"]: flow["id"] for flow in api.flows_named({d.flow_name for d in wanted})}
    known = {(d["flow_id"], d["name"]): d for d in listed}
    absent = [d for d in wanted if (flows.get(d.flow_name, ""), d.name) not in known]
    asked = sorted({d.flow_name for d in absent} & set(flows))
    if asked:
        found = api.deployments(sorted({d.name for d in absent}), asked)
        known |= {(d["flow_id"], d["name"]): d for d in found}
    return tuple(
        ObservedDeployment(flow, known.get((flow or "", each.name)))
        for each in wanted
        for flow in [flows.get(each.flow_name)]
    )


def _alerts(
    api: PrefectApi, desired: DesiredState, recorded: block_users.Recorded
) -> tuple[Automation, ...]:
    """Asked for only where there are alerts, or were."""
    owner = desired.alerts.owner
    if not desired.alerts.automations and owner not in recorded.alerts:
        return ()
    return tuple(api.automations_of(owner))


def _credentials(api: PrefectApi, name: str | None) -> BlockDocument | None:
    if name is None:
        return None
    found = api.block_document(docker_block.CREDENTIALS_SLUG, name)
    if found is None:
        raise ConfigError(
            f'the server has no Docker Registry Credentials block "{name}"',
            code="credentials-block-not-found",
            hint=f"create it: {api.ui_url('blocks/catalog')}",
            where="block.registry-credentials",
        )
    return found


def _of_flows(
    api: PrefectApi, desired: DesiredState, users: frozenset[str] | None
) -> list[Deployment]:
    """The deployments of these flows and of those that have deployments on the block; all that the
    server has, where nothing recorded which those are."""
    return list(api.deployments(flows=None if users is None else users | desired.flows))


def _sharing(api: PrefectApi, deployments: Sequence[Deployment]) -> Iterator[SharingDeployment]:
    ids = sorted({d["flow_id"] for d in deployments})
    flows = {flow["id"]: flow["name"] for flow in api.flows_by_id(ids)}
    for deployment in deployments:
        flow = flows.get(deployment["flow_id"])
        if flow:  # Else someone deleted the flow, and its deployments with it, in the meantime.
            yield SharingDeployment(f"{flow}/{deployment['name']}", deployment)


def _registration(api: PrefectApi, block: BlockDocument | None) -> Registration:
    """Requested only where the document does not have flowship's schema already."""
    shipped = docker_block.registration()
    if block is not None and block["block_schema"]["checksum"] == shipped["checksum"]:
        return Registration({docker_block.SLUG: block["block_type_id"]}, block["block_schema_id"])
    types: dict[str, str | None] = {}
    for body in shipped["block_types"]:
        kind = api.block_type(body["slug"])
        types[body["slug"]] = kind["id"] if kind else None
    schema = api.block_schema(shipped["checksum"], shipped["block_schema"]["version"])
    same = schema is not None and schema["block_type_id"] == types[docker_block.SLUG]
    return Registration(types, schema["id"] if schema and same else None)
