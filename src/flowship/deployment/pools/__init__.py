"""Work pools, a module per type: what a pool takes, and what a deployment on it is given.

To add a type, write its module and name it in `TYPES`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from flowship.deployment.pools.docker import DockerPool
from flowship.errors import ConfigError
from flowship.prefect.command import prefect_command, up_command

if TYPE_CHECKING:
    from flowship.deployment.pools.job_variables import JobVariables
    from flowship.prefect.types import WorkPool


class PoolType(Protocol):
    """What flowship knows about one type of work pool."""

    type: str

    def template(self) -> Mapping[str, Any]:
        """The base job template of a pool that flowship creates."""

    def validate(self, name: str, template: Mapping[str, Any]) -> None:
        """Refuse a pool of this type that cannot run the image that a deployment names.

        Raises:
            ConfigError: Nothing that flowship could send would start this image.
        """

    def job_variables(
        self, block_name: str, data: Mapping[str, Any], template: Mapping[str, Any]
    ) -> JobVariables:
        """A deployment's job variables, pointing at the block wherever the pool allows it."""


TYPES: Mapping[str, PoolType] = {pool.type: pool for pool in (DockerPool(),)}
DEFAULT = TYPES["docker"]
UP_POOL = "flowship"
"""The work pool that `flowship up` starts a worker for, unless the project names another."""


@dataclass(frozen=True)
class Pool:
    """A work pool as a deployment sees it.

    Attributes:
        name: Its name.
        type: What is known of its type.
        template: Its base job template: the server's, or the one that it will be created with.
    """

    name: str
    type: PoolType
    template: Mapping[str, Any]


def worker_command(name: str, found: WorkPool | None, *, local: bool) -> str:
    """The command that starts a worker.

    Args:
        name: The work pool's name.
        found: The work pool; None if flowship creates it.
        local: Whether the server is on this machine.
    """
    kind = found["type"] if found else DEFAULT.type
    if local and kind == DEFAULT.type and name == UP_POOL:
        return up_command()
    return prefect_command(f'worker start --pool "{name}" --type {kind}')


def paused_pool(name: str) -> str:
    """The warning where a work pool is paused."""
    return (
        f'the work pool "{name}" is paused: nothing runs until you resume it with'
        f" `{resume_command(name)}`"
    )


def resume_command(name: str) -> str:
    """The command that resumes a paused work pool."""
    return prefect_command(f"work-pool resume {shlex.quote(name)}")


def no_worker(pool: str, command: str) -> str:
    """The warning where no worker is online; `command` starts one."""
    return f'no worker is online for the work pool "{pool}": start one with `{command}`'


def creation(pool: Pool) -> dict[str, Any]:
    """What the API takes to create the pool."""
    return {
        "name": pool.name,
        "type": pool.type.type,
        "description": "Containers started from Docker Container blocks. Created by flowship.",
        "base_job_template": pool.template,
    }


def pool_of(name: str, found: WorkPool | None) -> Pool:
    """The work pool that the server has, or else the one that flowship will create.

    Raises:
        ConfigError: It is of a type that flowship does not know, or cannot run the image.
    """
    if found is None:
        return Pool(name, DEFAULT, DEFAULT.template())
    kind = TYPES.get(found["type"])
    if kind is None:
        raise ConfigError(
            f'the work pool "{name}" is of type {found["type"]}; flowship needs'
            f" {' or '.join(TYPES)}",
            code="work-pool-type-unsupported",
            hint="set work-pool to another name: flowship creates the pool if it does not exist",
            where="work-pool",
        )
    template = found["base_job_template"] or {}
    kind.validate(name, template)
    return Pool(name, kind, template)
