"""What a command that builds nothing is about: which server, and whose deployments.

It works where there is no project, or one that cannot be read.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowship.config import loading, outline, overlays
from flowship.config.loading import settings_or_none
from flowship.config.settings import Settings
from flowship.errors import ConfigError, FlowshipError, UsageError, nearest

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.profiles.resolution import ApiTarget
    from flowship.prefect.types import Deployment
    from flowship.releases.record import Release
    from flowship.runs.chosen import ChosenRun, Which
    from flowship.runs.find import FoundDeployment


@dataclass(frozen=True)
class Scope:
    """What a command of the second day is about. `choose` makes one, without a request.

    Attributes:
        project: The project's name; None where only a deployment is named, outside of projects.
        deployment: The one that the user named, by its name or ``flow/name``; None for all.
        outline: The folder's project, if it is this one: its name, environment, profile, and the
            names of its deployments and blocks are valid, whatever else is half edited.
        settings: All of its settings; None if they are not valid, or there are none here.
        problem: Why the folder's configuration is invalid, if it is.
        elsewhere: Whether ``--project`` names the project; then no other deployment counts.
        unconfigured: The folder, if it has no project and none is named: then the settings are
            those of the built-in flow, which counts only if it was deployed; see `require_known`.
    """

    project: str | None
    deployment: str | None = None
    outline: Settings | None = None
    settings: Settings | None = None
    problem: FlowshipError | None = None
    elsewhere: bool = False
    unconfigured: Path | None = None

    @property
    def lock(self) -> str:
        """The block after which the deploy lock of the project is named."""
        return self.outline.project.block_name if self.outline else f"{self.project}-docker"

    def open_api(self) -> AbstractContextManager[PrefectApi]:
        """The Prefect API of the project's profile; else the one of Prefect's own commands."""
        return open_api(self.outline)

    def require_environment(self) -> None:
        """Refuse to change a server without an environment, if the project demands one.

        Raises:
            UsageError: ``require-env`` is set, and no environment is chosen.
        """
        overlays.require(self.outline)


@dataclass(frozen=True)
class ProjectDeployments:
    """The deployments of a project.

    Attributes:
        found: Those that the server has, in the order of their names.
        absent: The full names of those that the last release made and the server no longer has.
        release: The last release of the project; None if there is none.
        lock: The block after which the deploy lock of the project is named; empty if it is not
            known.
        alerts: What the server calls the owners of the project's alerts, one for each image whose
            configuration or last release has some.
        blocks: Those that the project configures, or has deployed on.
    """

    found: tuple[FoundDeployment, ...]
    absent: tuple[str, ...] = ()
    release: Release | None = None
    lock: str = ""
    alerts: frozenset[str] = frozenset()
    blocks: frozenset[str] = frozenset()


def choose(
    folder: Path,
    deployment: str | None = None,
    project: str | None = None,
    environment: str | None = None,
) -> Scope:
    """What a command of the second day is about.

    Args:
        folder: Where it is run.
        deployment: The deployment that the user named, if any.
        project: ``--project``.
        environment: ``--env``.

    Raises:
        ConfigError: Nothing names a project, and the folder has none or one without a name.
        UsageError: The environment does not exist.
    """
    read = _read(folder, environment, optional=bool(deployment or project))
    here = read.outline
    if project is None or (here and here.name == project):
        name = here.name if here else None
        return replace(read, project=name, deployment=deployment)
    if environment and here:
        raise UsageError(
            f'--env is about the project "{here.name}" of this folder, not "{project}"',
            code="environment-unknown",
            hint="omit --env, or run the command in the folder of the project",
            where="--env",
        )
    problem = None if here else read.problem
    return Scope(project, deployment, problem=problem, elsewhere=True)


def _read(folder: Path, environment: str | None, *, optional: bool) -> Scope:
    """The folder's project, as far as it can be read.

    Args:
        folder: The folder.
        environment: ``--env``.
        optional: Whether the command can do without: a project or a deployment is named.

    Raises:
        ConfigError: It cannot be read, and something depends on it.
        UsageError: The environment does not exist.
    """
    try:
        if optional and not loading.is_configured(folder):
            overlays.choose((), environment, {}, None)
            return Scope(None)
        settings = loading.load(folder, environment=environment)
    except ConfigError as exc:
        problem = exc
    else:
        bare = None if loading.is_configured(folder) else folder
        return Scope(None, outline=settings, settings=settings, unconfigured=bare)
    try:
        if not loading.is_configured(folder):
            raise problem
        return Scope(None, outline=outline.read(folder, environment), problem=problem)
    except ConfigError as exc:
        if optional and not environment and not os.environ.get(overlays.VARIABLE):
            return Scope(None, problem=problem)
        raise _with_hint(exc) from exc


def _with_hint(exc: ConfigError) -> ConfigError:
    """The same error, which also says how to do without the folder's project."""
    hint = "to do without this folder's configuration, add --project NAME"
    return ConfigError(
        exc.message,
        code=exc.code,
        hint=f"{exc.hint}; {hint}" if exc.hint else hint,
        where=exc.where,
        details=exc.details,
    )


# --- whose deployments ---------------------------------------------------------------------------


def require_known(api: PrefectApi, scope: Scope) -> None:
    """Refuse a project that no configuration describes and that has no release.

    Raises:
        UsageError: ``--project`` names it.
        ConfigError: Nothing does: the folder has no project.
    """
    from flowship.releases import store

    named = scope.project if scope.elsewhere or scope.unconfigured else None
    if named and store.latest(api, named) is None:
        raise _unknown_project(api, scope)


def deployments(api: PrefectApi, scope: Scope) -> ProjectDeployments:
    """The deployments that a command is about: the one that the user named, else the project's.

    A project's deployments are those of its last release, of each environment where none is
    chosen, and those that its configuration names and that start from its block.

    Raises:
        UsageError: There is no such deployment or project.
        ConfigError: Nothing names a project, and the folder has none.
    """
    own = _of_project(api, scope) if scope.project else ProjectDeployments(())
    if not scope.deployment:
        return own
    chosen = _named(api, scope, own)
    return replace(own, found=(chosen,), absent=())


def one(api: PrefectApi, scope: Scope) -> FoundDeployment:
    """The deployment that the user named, else the project's only one.

    Raises:
        UsageError: There is none, or there are several.
    """
    if scope.deployment and "/" in scope.deployment and not scope.elsewhere:
        return _named(api, scope, ProjectDeployments(()))
    own = _of_project(api, scope) if scope.project else ProjectDeployments(())
    return _named(api, scope, own) if scope.deployment else _only(api, scope, own.found)


def _named(api: PrefectApi, scope: Scope, own: ProjectDeployments) -> FoundDeployment:
    """The deployment that the user named: one of the project's comes before those of others."""
    from flowship.runs.find import ambiguous, find

    name = str(scope.deployment)
    matching = [d for d in own.found if name in (d["name"], _full_name(d))]
    if len(matching) == 1:
        return matching[0]
    if matching and scope.elsewhere:
        raise ambiguous(name, matching)
    if scope.elsewhere:
        raise _not_in_project(api, scope, own.found)
    known = [_full_name(each) for each in own.found]
    if not known and scope.outline and not scope.unconfigured:
        known = list(scope.outline.deployment_names)
    return find(api, name, project=lambda: scope.settings, own=known)


def run(api: PrefectApi, scope: Scope, which: Which) -> ChosenRun:
    """The run that a command is about: the user named it, or its deployment, or nothing.

    Args:
        api: The server.
        scope: Its `deployment` is what the user named.
        which: The run of a deployment.

    Raises:
        UsageError: There is none, or there are several.
    """
    from flowship.runs import chosen

    def own() -> tuple[FoundDeployment, ...]:
        try:
            return _of_project(api, scope).found if scope.project else ()
        except UsageError:  # it was never deployed
            return ()

    named = scope.deployment
    return chosen.choose(api, named, deployment=lambda: one(api, scope), own=own, which=which)


def _only(api: PrefectApi, scope: Scope, found: Sequence[FoundDeployment]) -> FoundDeployment:
    if not found:
        raise UsageError(
            f'the project "{scope.project}" has no deployment at {api.url}',
            code="project-not-deployed",
            hint="run `flowship ship` in the project's folder",
        )
    if len(found) > 1:
        raise UsageError(
            f'the project "{scope.project}" has {len(found)} deployments',
            code="deployment-name-required",
            hint=f"choose one of: {_listed(_full_name(d) for d in found)}",
            where="DEPLOYMENT",
        )
    return found[0]


def _not_in_project(api: PrefectApi, scope: Scope, own: Sequence[FoundDeployment]) -> UsageError:
    return UsageError(
        f'the project "{scope.project}" has no deployment "{scope.deployment}" at {api.url}',
        code="deployment-not-found",
        hint=f"it has: {_listed(_full_name(d) for d in own)}" if own else "",
        where="DEPLOYMENT",
    )


def _of_project(api: PrefectApi, scope: Scope) -> ProjectDeployments:
    from flowship.releases import store

    assert scope.project is not None, "a project or a deployment is named"
    here = scope.outline
    releases = store.current(api, scope.project, here.environment if here else None)
    released = frozenset[str]().union(*(release.names for release in releases))
    configured = here.deployment_names if here else ()
    if not releases and (scope.unconfigured or not configured):
        raise _unknown_project(api, scope)
    blocks = here.blocks if here else ()
    listed = _with_names(api, released, {*configured}, blocks)
    own = {*blocks, *_released_blocks(releases)}
    found = {
        _full_name(d): d
        for d in listed
        if (_full_name(d) in released and not _is_taken(d, own)) or _belongs(d, configured, blocks)
    }
    known = next((image.blocks for each in releases for image in each.images if image.blocks), ())
    return ProjectDeployments(
        found=tuple(found[name] for name in sorted(found)),
        absent=tuple(sorted(released - {_full_name(d) for d in listed})),
        blocks=frozenset(own),
        release=releases[0] if releases else None,
        lock=next(iter((*blocks, *known)), ""),
        alerts=_owners_of_alerts(here, releases),
    )


def _owners_of_alerts(here: Settings | None, releases: Sequence[Release]) -> frozenset[str]:
    from flowship.deployment.alerts import owner_of

    released = {i.alerts.get("owner") for each in releases for i in each.images if i.alerts}
    owners = {str(owner) for owner in released if owner}
    if here and here.alerts:
        owners |= {owner_of(here.name, block) for block in here.blocks}
    return frozenset(owners)


def _with_names(
    api: PrefectApi, released: Collection[str], configured: set[str], blocks: Sequence[str]
) -> list[FoundDeployment]:
    """The deployments with the names of the project, and of its flows if these are known."""
    from flowship.deployment import block_users

    flows = {name.rpartition("/")[0] for name in released}
    if not released:
        recorded = [block_users.flows(api, block) for block in blocks]
        flows = {flow for each in recorded for flow in each or ()}
    names = configured | {name.rpartition("/")[2] for name in released}
    found = list(api.deployments(names, flows or None))
    known = {f["id"]: f["name"] for f in api.flows_by_id(sorted({d["flow_id"] for d in found}))}
    return [{**d, "flow_name": known[d["flow_id"]]} for d in found if d["flow_id"] in known]


def _released_blocks(releases: Sequence[Release]) -> frozenset[str]:
    from flowship.releases.last import last_release

    return frozenset(block for each in releases for block in last_release(each).blocks if block)


def _is_taken(deployment: Deployment, own: Collection[str]) -> bool:
    """Whether another project has deployed it since, on a block of its own."""
    from flowship.deployment import docker_block

    block = docker_block.block_of(deployment["job_variables"])
    return bool(block and own) and block not in own


def _belongs(deployment: Deployment, names: Collection[str], blocks: Sequence[str]) -> bool:
    from flowship.deployment import docker_block

    variables = deployment["job_variables"]
    return deployment["name"] in names and any(
        docker_block.refers_to(variables, block) for block in blocks
    )


def _full_name(deployment: FoundDeployment) -> str:
    return f"{deployment['flow_name']}/{deployment['name']}"


def _unknown_project(api: PrefectApi, scope: Scope) -> FlowshipError:
    """The error for `require_known`, with the projects that are known there."""
    from flowship.releases import store

    if scope.unconfigured:
        known = store.projects(api)
        listed = f"add --project NAME: {_listed(known)}" if known else ""
        return ConfigError(
            "no project in this folder",
            code="no-configuration",
            hint=listed or f"run `flowship init`; no project has a release at {api.url} either",
            where=str(scope.unconfigured),
        )
    return UsageError(
        f'no release of a project "{scope.project}" at {api.url}',
        code="project-unknown",
        hint=_known_projects(api, str(scope.project)),
        where="--project",
    )


def _known_projects(api: PrefectApi, project: str) -> str:
    from flowship.releases import store

    for part in (project[:2], ""):
        known = store.projects(api, part)
        if close := nearest(project, known):
            return f'did you mean "{close}"?'
    if known:
        return f"projects with a release there: {_listed(known)}"
    return "no project has a release there: run `flowship ship`"


def _listed(names: Iterable[str]) -> str:
    from flowship.runs.find import listed

    return listed(list(names))


# --- which server --------------------------------------------------------------------------------


@contextmanager
def open_api(settings: Settings | None = None) -> Iterator[PrefectApi]:
    """The Prefect API of `api_target`."""
    from flowship.local.own_server import own_server
    from flowship.prefect.client import PrefectApi

    with PrefectApi(required_target(settings), own_server=own_server) as api:
        yield api


def required_target(settings: Settings | None) -> ApiTarget:
    """The same as `api_target`, with an address.

    Raises:
        ApiError: None is set. Where the project has environments, the hint names them: with one of
            them there may be an address.
        ConfigError: As `api_target`.
    """
    from flowship.prefect import errors

    target = api_target(settings)
    if not target.url:
        details, instead = "\n".join(target.warnings), overlays.how_to_choose(settings)
        raise errors.not_configured(target.source, details, instead)
    return target


def api_target(settings: Settings | None) -> ApiTarget:
    """The Prefect API of the profile that the project names for its environment; else the one
    that Prefect's own commands in this folder would use. Hints with such commands name the profile
    from now on, if it takes that to reach this API.

    Raises:
        ConfigError: The profile does not exist, or another setting names another server.
    """
    from flowship.prefect import command
    from flowship.prefect.profiles import resolution

    if settings is None or settings.profile is None:
        command.choose_profile("")
        return resolution.resolve()
    target = resolution.resolve(profile=settings.profile, where=settings.place("profile"))
    command.choose_profile("" if target.is_like(resolution.resolve()) else settings.profile)
    return target


def needs_profile(settings: Settings) -> bool:
    """Whether the project names another profile for its environment than the active one."""
    from flowship.prefect.profiles import resolution

    return settings.profile not in (None, resolution.resolve().profile)


def known_project(folder: Path, environment: str | None = None) -> Settings | None:
    """The project's settings: its server, and which deployments are its own. Of a half-edited
    configuration it is the outline, or None if that cannot be read either.

    Raises:
        UsageError, ConfigError: They cannot be read, although an environment is chosen: a run
            must not start on another server.
    """
    try:
        return settings_or_none(folder, environment)
    except ConfigError:
        try:
            return outline.read(folder, environment)
        except ConfigError:
            if environment or os.environ.get(overlays.VARIABLE):
                raise
            return None


def only_deployment(settings: Settings) -> str:
    """The deployment that `run` means where none is named.

    Raises:
        UsageError: Several are configured.
    """
    names = settings.deployment_names
    if len(names) > 1:
        raise UsageError(
            f"{len(names)} deployments are configured",
            code="deployment-name-required",
            hint=f"choose one of: {', '.join(names)}",
            where="DEPLOYMENT",
        )
    return names[0]
