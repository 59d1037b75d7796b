"""Makes an earlier release the desired state, as a new release. Builds nothing, and reads no
configuration."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from flowship import deploy, per_image
from flowship.deployment import docker_block, references, secrets
from flowship.deployment.observed import Ground, observe_ground
from flowship.errors import ConfigError, FlowshipError, UsageError
from flowship.prefect import versions
from flowship.registry import NOT_THERE, RegistryFailure
from flowship.releases import restoring, store, words
from flowship.releases.making import Origin
from flowship.releases.record import FORMAT, Release, ReleasedImage
from flowship.releases.restoring import Restored, Stored

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredState
    from flowship.deployment.report import DeployReport
    from flowship.events import Report
    from flowship.prefect.client import PrefectApi
    from flowship.scope import Scope

ROLLBACK = "rollback to "
"""How a release says that a rollback made it; the number of the release follows."""


@dataclass(frozen=True)
class Rollback:
    """What a rollback would do; nothing has been changed.

    Attributes:
        project: The project's name.
        last: The last release.
        target: The release that becomes the desired state.
        images: It, of each image.
        ground: What its deployments need on the server.
        plans: What would change, of each image.
        added: The deployments that later releases added.
    """

    project: str
    last: Release
    target: Release
    images: tuple[Restored, ...]
    ground: Ground
    plans: tuple[DeployReport, ...]
    added: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether the server has something else now."""
        return any(plan.operations for plan in self.plans)

    def to_json(self, done: Sequence[DeployReport]) -> dict[str, Any]:
        """What ``--json`` prints."""
        labels = [image.label for image in self.images]
        return {
            "project": self.project,
            "from": self.last.number,
            "to": self.target.number,
            "release": done[0].release if done else None,
            "added": list(self.added),
            "kept": [place for image in self.images for place in image.kept],
            "images": [
                {"name": label, **report.to_json()}
                for label, report in zip(labels, done, strict=True)
            ],
        }


def plan(api: PrefectApi, about: Scope, which: str | None, *, prune: bool = False) -> Rollback:
    """Choose the release, and compare it with the server.

    Args:
        api: The server.
        about: The project, and its environment.
        which: A number, digest or git revision; None is the last one that differs from the present.
        prune: Delete the deployments that later releases added.

    Raises:
        UsageError: There is no such release, or it is the deletion of everything.
        ConfigError: It cannot be deployed any more, or the server lacks a secret that it needs.
        RegistryError, EngineError: Its image is gone.
        ApiError: The API does not answer or refuses.
    """
    server, project = api.check(), str(about.project)
    last = _last(api, about)
    target, later = _target(api, last, which or unfinished(last), _delete_command(about))
    images = restoring.restorable(target)
    for image in images:
        _require_image(image, target)
    names = {each.full_name for each in target.deployments}
    added = tuple(n for n in sorted(last.names) if n not in names)
    restored = restoring.restore(
        target, later, _stored(api, target), prune=prune, deletes=_delete_command(about)
    )
    with _explained(target):
        ground = _ground(api, restored, server)
        _require_references(api, about, restored, target)
    plan_one = partial(_plan, api=api, project=project, ground=ground, environment=last.environment)
    plans = per_image.each(restored, plan_one, [each.desired for each in restored])
    return Rollback(project, last, target, tuple(restored), ground, tuple(plans), added)


def _plan(
    desired: DesiredState, api: PrefectApi, project: str, ground: Ground, environment: str | None
) -> DeployReport:
    versions.validate(desired.image.prefect_version, ground.server)
    return deploy.plan(desired, api, project, ground, environment)


def execute(
    api: PrefectApi, rollback: Rollback, report: Report, *, wait: bool = True
) -> list[DeployReport]:
    """Carry out a rollback, under the deploy lock.

    Raises:
        ApiError: The API does not answer or refuses, or another deploy is in progress.
    """
    labels = tuple(each.label for each in rollback.images)
    made_by = f"{ROLLBACK}{rollback.target.number}"
    return deploy.deploy_all(
        [each.desired for each in rollback.images],
        api,
        rollback.project,
        Origin(made_by, rollback.last.environment, labels),
        ground=rollback.ground,
        wait=wait,
        report=report,
        each=partial(per_image.each, rollback.images),
    )


# --- which release -------------------------------------------------------------------------------


def _last(api: PrefectApi, about: Scope) -> Release:
    """The last release of the environment that the command is about."""
    found = store.current(api, str(about.project))
    if about.outline:
        found = [each for each in found if each.environment == about.outline.environment]
    if len(found) > 1:
        names = ", ".join(each.environment or "(none)" for each in found)
        raise UsageError(
            f"{about.project} has releases of {len(found)} environments",
            code="environment-required",
            hint=f"run the command in the project's folder, with --env; there are: {names}",
            where="--env",
        )
    if not found:
        environment = about.outline.environment if about.outline else None
        raise UsageError(
            f"{about.project} has no release{words.of_environment(environment)} at {api.url}",
            code="release-not-found",
            hint=f"`{words.first_release(environment)}` records the first one; `flowship history`"
            " lists those of all environments",
        )
    return found[0]


def _target(
    api: PrefectApi, last: Release, which: str | None, deletes: str
) -> tuple[Release, tuple[Release, ...]]:
    """The release to deploy again, and those after it, the newest first."""
    later: list[Release] = []
    foreign = None
    for release in store.releases(api, last.project, store.PAGE):
        if release.environment != last.environment:
            foreign = foreign or (release if which and store.is_meant(release, which) else None)
            continue
        if store.is_meant(release, which) if which else _is_previous(release, last):
            _require_deployments(release, deletes)
            return release, tuple(later)
        later.append(release)
    if which is not None:
        raise _of_another(last, which, foreign) if foreign else store.not_found(last.project, which)
    raise UsageError(
        f"{last.project} has no earlier release that differs from release {last.number}",
        code="release-not-found",
        hint="`flowship history` lists the releases",
    )


def is_deletion(release: Release) -> bool:
    """Whether it is what `flowship delete` left of a project: nothing."""
    return release.format == FORMAT and not release.deployments


def _require_deployments(release: Release, deletes: str) -> None:
    if is_deletion(release):
        raise UsageError(
            f"release {release.number} of {release.project} is a deletion: nothing was left that"
            " could be deployed again",
            code="release-is-deletion",
            hint=f"`{deletes}` deletes the project's deployments; `flowship history` lists the"
            " releases that have some",
        )


def unfinished(last: Release) -> str | None:
    """The release to which a rollback that broke off was to return: it goes on with that one."""
    begun = last.incomplete and last.made_by.startswith(ROLLBACK)
    return last.made_by.removeprefix(ROLLBACK) if begun else None


def _of_another(last: Release, which: str, found: Release) -> UsageError:
    """The error for a release of another environment than that of the rollback."""
    here, there = last.environment, found.environment or "no environment"
    return UsageError(
        f"{last.project} has no release {which}{words.of_environment(here)}: release"
        f" {found.number} is of {there}",
        code="release-not-found",
        hint=f"`flowship history --env {shlex.quote(here)}` lists those of {here}"
        if here
        else "`flowship history` lists the releases with their environments",
    )


def _is_previous(release: Release, last: Release) -> bool:
    """Whether this is a whole release that differs from the last one, and deploys something."""
    complete = release.format == FORMAT and not release.incomplete and not is_deletion(release)
    return release.number < last.number and complete and words.differ(release, last)


# --- what it needs -------------------------------------------------------------------------------


def _require_image(image: ReleasedImage, release: Release) -> None:
    """Refuse a release whose image is gone, before anything changes."""
    with _explained(release):
        try:
            _in_registry(image) if image.pushed else _in_engine(image)
        except RegistryFailure as exc:
            if exc.fault in NOT_THERE:
                exc.hint = _instead(image)
            raise


def _instead(image: ReleasedImage) -> str:
    """What works where the image is gone: `flowship push` pushes the current files only."""
    commit = image.revision.removesuffix("-dirty")
    again = f"`git checkout {commit[:12]}`" if commit else "check out the release's git revision"
    return (
        f"choose another release (`flowship history` lists them), or ship its files again:"
        f" {again}, then `flowship ship`"
    )


@contextmanager
def _explained(release: Release) -> Iterator[None]:
    """Says which release an error is about."""
    try:
        yield
    except FlowshipError as exc:
        exc.message = f"release {release.number} cannot be deployed: {exc.message}"
        raise


def _require_references(
    api: PrefectApi, about: Scope, images: Sequence[Restored], release: Release
) -> None:
    """Refuse a release whose secrets, blocks or variables are gone, as a deploy does."""
    settings = about.settings
    environment = about.outline.environment if about.outline else None
    where = f"release {release.number}"
    for image in images:
        found = references.of_release(image.desired, where)
        references.validate(found, image.desired.block.name, api, environment)
    deployments = [each for image in images for each in image.desired.deployments]
    secrets.validate(deployments, api, settings, environment)


def _delete_command(about: Scope) -> str:
    """What deletes a deployment of this project, before its name."""
    words = ["flowship delete"]
    if about.outline is None and about.project:
        words.append(f"--project {shlex.quote(about.project)}")
    if about.outline and about.outline.environment:
        words.append(f"--env {shlex.quote(about.outline.environment)}")
    return " ".join(words)


def _in_registry(image: ReleasedImage) -> None:
    from flowship import registry
    from flowship.registry.client import RegistryClient

    # The server names the registry, so a login in variables must name it too.
    reference = replace(
        registry.Reference.parse(image.reference), place="the releases on the Prefect server"
    )
    with RegistryClient(reference.registry, registry.credentials_for(reference)) as client:
        client.digest(reference)


def _in_engine(image: ReleasedImage) -> None:
    from flowship.engine.client import connect
    from flowship.engine.images import look_up

    found = look_up(connect(), image.reference)
    if found is None or found.labels.get("io.flowship.inputs") != image.inputs:
        raise ConfigError(
            f"the engine has no image {image.reference} any more, and it was never pushed",
            code="image-not-found",
            hint=_instead(image),
        )


def _stored(api: PrefectApi, release: Release) -> Stored:
    """What the server has, where the release does not hold a value."""
    found = api.block_documents(docker_block.SLUG, [i.block for i in release.images])
    blocks = {block["name"]: block for block in found}
    if not any(each.hidden for each in release.deployments):
        return Stored(blocks, {})
    wanted = {each.full_name for each in release.deployments}
    flows = {f["id"]: f["name"] for f in api.flows_named({d.flow for d in release.deployments})}
    listed = api.deployments([d.name for d in release.deployments], flows.values())
    every: Mapping[str, Any] = {f"{flows.get(d['flow_id'])}/{d['name']}": d for d in listed}
    return Stored(blocks, {name: each for name, each in every.items() if name in wanted})


def _ground(api: PrefectApi, images: Sequence[Restored], server: str) -> Ground:
    first = images[0].desired
    notify = {k: v for each in images for k, v in each.desired.alerts.notify.items()}
    found = observe_ground(api, first.pool, first.block.credentials, notify)
    return replace(found, server=server)
