"""Reads the current state of everything on the server that a deploy touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowship.deployment import docker_block
from flowship.deployment.description import names_image
from flowship.errors import ConfigError

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredDeployment, DesiredState
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import BlockDocument, Deployment, Schedule, WorkPool


@dataclass(frozen=True)
class Ground:
    """What a deployment needs on the server; flowship reads it before a slow build.

    Attributes:
        pool: The work pool; None where it does not exist.
        credentials: The block that the configuration names for the worker's pull, if any.
        server: The server's version; "cloud" for Prefect Cloud, empty if it was not asked.
    """

    pool: WorkPool | None
    credentials: BlockDocument | None
    server: str = ""


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
    """

    ground: Ground
    block: BlockDocument | None
    registration: Registration
    deployments: tuple[ObservedDeployment, ...]
    sharing: tuple[SharingDeployment, ...]

    def has_deployed(self, reference: str) -> bool:
        """Whether flowship itself deployed this image on this block."""
        own = [d.deployment for d in self.deployments if d.deployment]
        return any(names_image(d, reference) for d in (*own, *(s.deployment for s in self.sharing)))


def observe_ground(api: PrefectApi, pool: str, credentials: str | None) -> Ground:
    """Read the work pool and the credentials block.

    Raises:
        ConfigError: The credentials block does not exist.
        ApiError: The API does not answer or refuses.
    """
    return Ground(api.work_pool(pool), _credentials(api, credentials))


def observe(api: PrefectApi, desired: DesiredState, ground: Ground | None = None) -> ServerState:
    """Read what the server has.

    Args:
        api: The server.
        desired: What is to be deployed.
        ground: What was read before, to be taken as it is; None reads it again.

    Raises:
        ConfigError, ApiError: As `observe_ground`.
    """
    ground = ground or observe_ground(api, desired.pool, desired.block.credentials)
    block = api.block_document(docker_block.SLUG, desired.block.name)
    using = list(_using(api, desired.block.name)) if block else []
    found = tuple(_deployment(api, wanted, using) for wanted in desired.deployments)
    ours = {d.deployment["id"] for d in found if d.deployment}
    return ServerState(
        ground=ground,
        block=block,
        registration=_registration(api, block),
        deployments=found,
        sharing=tuple(_sharing(api, [d for d in using if d["id"] not in ours])),
    )


def observe_deployment(api: PrefectApi, wanted: DesiredDeployment) -> ObservedDeployment:
    """Read one deployment."""
    return _deployment(api, wanted, ())


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


def _using(api: PrefectApi, block: str) -> Iterator[Deployment]:
    """The deployments that refer to this block."""
    return (d for d in api.deployments() if docker_block.refers_to(d["job_variables"], block))


def _deployment(
    api: PrefectApi, wanted: DesiredDeployment, known: Sequence[Deployment]
) -> ObservedDeployment:
    """The deployment of this name; those `known` need not be asked for, which takes longer.

    Only the server's own answer counts for "does not exist": to create a deployment that exists
    would delete the schedules that a person added.
    """
    named = [d for d in known if d["name"] == wanted.name]
    flow = api.flow_by_name(wanted.flow_name) if named else None
    found = next((d for d in named if flow and d["flow_id"] == flow["id"]), None)
    found = found or api.deployment_by_name(wanted.flow_name, wanted.name)
    if found is not None:
        return ObservedDeployment(found["flow_id"], found)
    flow = flow or api.flow_by_name(wanted.flow_name)
    return ObservedDeployment(flow["id"] if flow else None, None)


def _sharing(api: PrefectApi, deployments: Sequence[Deployment]) -> Iterator[SharingDeployment]:
    flows: dict[str, str] = {}
    for deployment in deployments:
        flow = deployment["flow_id"]
        if flow not in flows:
            flows[flow] = api.flow(flow)["name"]
        yield SharingDeployment(f"{flows[flow]}/{deployment['name']}", deployment)


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
