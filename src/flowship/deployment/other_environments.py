"""Deployments that another environment of the project has on the same server.

Environments can share a server if each has its own block and its own names for deployments. A name
that one of them forgets would change the deployment of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flowship.config import every_environment
from flowship.config.settings import Settings
from flowship.deployment import docker_block
from flowship.deployment.draft import DeploymentDraft, Draft
from flowship.errors import ConfigError
from flowship.prefect.profiles import resolution

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Deployment


def validate(draft: Draft, api: PrefectApi) -> None:
    """Refuse to change a deployment of another environment.

    One request, only if another environment has other blocks on this server.

    Raises:
        ConfigError: A deployment has the name of one that another environment has there.
    """
    settings = draft.deployments[0].places.settings.project
    others = {
        block: other
        for other in _on_server(settings, api.url)
        for block in other.blocks
        if block not in settings.blocks
    }
    if not others:
        return
    wanted = {each.wanted.name: each for each in draft.deployments}
    for found in api.deployments(sorted(wanted)):
        other = others.get(docker_block.block_of(found["job_variables"]))
        own = wanted[found["name"]]
        if other and found["entrypoint"] == own.entrypoint:
            raise _taken(found, own, other, api)


def _on_server(settings: Settings, url: str) -> Iterator[Settings]:
    """The other environments whose server has this address."""
    for other in every_environment.outlines(settings):
        try:
            found = resolution.resolve(profile=other.profile).url
        except ConfigError:
            continue
        if (found or "").rstrip("/") == url.rstrip("/"):
            yield other


def _taken(
    found: Deployment, own: DeploymentDraft, other: Settings, api: PrefectApi
) -> ConfigError:
    [flow] = api.flows_by_id([found["flow_id"]])
    name, here = found["name"], own.places.settings.environment
    there = f"the environment {other.environment}" if other.environment else "no environment"
    table = f"env.{here or other.environment}.deployments.{name}"
    return ConfigError(
        f"{flow['name']}/{name} at {api.url} is the deployment of {there}: it uses the block"
        f" {docker_block.block_of(found['job_variables'])}",
        code="deployment-of-other-environment",
        hint=f"give it another name in one of the environments, such as"
        f' name = "{name}-{here or other.environment}" in [{table}]',
        where=own.places.of("name"),
    )
