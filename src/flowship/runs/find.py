"""Finds a deployment by its name, as a user gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from flowship.deployment import docker_block
from flowship.errors import UsageError, nearest
from flowship.prefect.client import PrefectApi
from flowship.prefect.types import Deployment
from flowship.releases import store
from flowship.releases.words import first_release

if TYPE_CHECKING:
    from flowship.config.settings import Settings

SHOWN_NAMES = 10  # of deployments or projects, where the one asked for is not clear


class FoundDeployment(Deployment):
    """A deployment with the name of its flow."""

    flow_name: str


def find(
    api: PrefectApi,
    name: str,
    *,
    project: Callable[[], Settings | None] = lambda: None,
    own: Sequence[str] = (),
) -> FoundDeployment:
    """Find a deployment by ``flow/deployment`` or by its own name.

    Args:
        api: The server.
        name: As the user gave it, or the name of the project's deployment.
        project: Returns the project's settings; called only if several flows have a deployment
            with this name, to choose the project's own.
        own: The names of the project's deployments, which a hint suggests; without any, it
            suggests those of the server.

    Returns:
        The deployment, with the name of its flow.

    Raises:
        UsageError: No deployment has this name, or several do; the hint lists them.
    """
    flow, slash, bare = name.rpartition("/")
    if slash:
        found = api.deployment_by_name(flow, bare)
        matching = [_with_flow(found, flow)] if found else []
    else:
        matching = _with_name(api, name, project)
    if not matching:
        raise UsageError(
            f'"{name}" not found at {api.url}',
            code="deployment-not-found",
            hint=_of_project(name, own, project()) if own else _suggestion(api, bare),
            where="DEPLOYMENT",
        )
    if len(matching) > 1:
        raise ambiguous(name, matching)
    return matching[0]


def ambiguous(name: str, matching: Sequence[FoundDeployment]) -> UsageError:
    """The error where several flows have a deployment with this name."""
    names = sorted(f"{d['flow_name']}/{d['name']}" for d in matching)
    return UsageError(
        f'{len(matching)} flows have a deployment "{name}"',
        code="deployment-ambiguous",
        hint=f"choose one of: {listed(names)}",
        where="DEPLOYMENT",
    )


def listed(names: Sequence[str]) -> str:
    """The first of some names, for a hint."""
    return ", ".join(names[:SHOWN_NAMES]) + (", …" if len(names) > SHOWN_NAMES else "")


def _with_name(
    api: PrefectApi, name: str, project: Callable[[], Settings | None]
) -> list[FoundDeployment]:
    found = list(api.deployments([name]))
    settings = project() if len(found) > 1 else None
    if settings:
        found = _own(api, name, found, settings)
    flows = {f["id"]: f["name"] for f in api.flows_by_id(sorted({d["flow_id"] for d in found}))}
    return [_with_flow(d, flows[d["flow_id"]]) for d in found if d["flow_id"] in flows]


def _with_flow(deployment: Deployment, flow: str) -> FoundDeployment:
    return {**deployment, "flow_name": flow}


def _own(
    api: PrefectApi, name: str, found: list[Deployment], settings: Settings
) -> list[Deployment]:
    """The project's own deployments: those with its block and its entrypoint. A flow that was
    renamed leaves one behind with the same ones; then it is that of the last release.
    """
    wanted = settings.for_deployment(name)
    entrypoint = wanted.deployed_entrypoints.get(name, wanted.entrypoint)
    rules: tuple[Callable[[Deployment], bool], ...] = (
        lambda d: docker_block.refers_to(d.get("job_variables"), wanted.block_name),
        lambda d: d.get("entrypoint") == entrypoint,
    )
    for rule in rules:
        found = [d for d in found if rule(d)] or found
    if len(found) == 1 or not all(rule(found[0]) for rule in rules):
        return found
    release = store.latest(api, settings.project.name, settings.environment)
    # A release lists what it deployed before what earlier ones did.
    released = (d.flow for d in (release.deployments if release else ()) if d.name == name)
    flows = {flow["id"] for flow in api.flows_named([*released][:1])}
    return [d for d in found if d["flow_id"] in flows] or found


def _of_project(name: str, own: Sequence[str], settings: Settings | None) -> str:
    """A similar name of the project, else all of them."""
    if name in own:
        ship = first_release(settings.environment if settings else None)
        return f"it is configured and not deployed: run `{ship}`"
    bare = {each.rpartition("/")[2]: each for each in own}
    close = nearest(name.rpartition("/")[2], bare)
    otherwise = f"the project has: {listed(own)}"
    return f'did you mean "{bare[close]}"?' if close else otherwise


def _suggestion(api: PrefectApi, name: str) -> str:
    """A similar name, in a number of requests that does not depend on the server's contents."""
    for part in (name[:2], ""):
        names = sorted({d["name"] for d in api.deployments_like(part)})
        if close := nearest(name, names):
            return f'did you mean "{close}"?'
    if not names:
        return "the server has no deployments: run `flowship deploy`"
    return f"the server has: {listed(names)}"
