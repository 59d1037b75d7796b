"""The order of the steps: check, build, push, deploy; each refuses what the next could not use.

The command line calls these and draws what they return. `image` and `deploy` do not know each
other; what crosses from one to the other, a reference and the probe's answer, crosses here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from flowship import image_choice, per_image, scope
from flowship.build_request import BuildRequest
from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.events import Report
from flowship.per_image import Listener

if TYPE_CHECKING:
    from pydantic import SecretStr

    from flowship.deployment.desired import DesiredState, Flags, ImageFacts
    from flowship.deployment.draft import Draft
    from flowship.deployment.report import DeployReport
    from flowship.engine.attached import Stream
    from flowship.engine.builder import BuildOptions
    from flowship.engine.client import Engine
    from flowship.image import BuiltImage
    from flowship.local.stack import StackReport
    from flowship.planning.project_plan import ProjectPlan
    from flowship.planning.review import Review
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.profiles.resolution import ApiTarget
    from flowship.promotion import Promotion
    from flowship.push import PushedImage
    from flowship.registry import Credentials, LoginResult, Reference
    from flowship.trial.result import TrialResult


# --- check and build -----------------------------------------------------------------------------


def build(
    requests: Sequence[BuildRequest], options: BuildOptions, listener: Listener
) -> list[BuiltImage]:
    """Check all images, then build and probe each.

    Args:
        requests: What to build.
        options: How.
        listener: Receives the findings and the images.
    """
    from flowship.engine.client import connect

    images = per_image.settings_of(requests)
    per_image.each(images, lambda request: per_image.check_image(request, listener), requests)
    engine = connect()
    return per_image.each(
        images, lambda r: per_image.build_image(engine, r, options, listener), requests
    )


def validate(images: Sequence[Settings], flags: Flags) -> None:
    """Refuse what needs neither an image nor the server: schedules, timezones, block values.

    Raises:
        UsageError, ConfigError: As `draft`.
    """
    from flowship.deployment.draft import draft

    per_image.each(images, lambda settings: draft(settings, flags), images)


def login(text: str, username: str, password: SecretStr) -> LoginResult:
    """Log in to a registry, and store the credentials as docker does."""
    from flowship import registry
    from flowship.push import verify_login

    return registry.login(
        registry.registry_host(text),
        username,
        password,
        verify=verify_login,
        docker_config_dir=registry.docker_folder(os.environ),
    )


# --- push ----------------------------------------------------------------------------------------


def push(
    images: Sequence[Settings], targets: Sequence[Reference], listener: Listener
) -> list[PushedImage]:
    """Push the images of the current files; none of them if one was not built.

    Args:
        images: The settings of each.
        targets: Where to push each.
        listener: Is handed the progress and the results.
    """
    from flowship.engine.client import connect

    logins = per_image.each(images, image_choice.credentials, targets)
    engine = connect()
    built = per_image.each(images, lambda each: image_choice.to_push(engine, None, each), images)

    def send(settings: Settings, *image: Any) -> PushedImage:  # noqa: ANN401 - as `_push`
        return per_image.push_image(engine, settings.push_retry_seconds, listener, *image)

    return per_image.each(images, send, images, built, targets, logins)


def push_named(
    named: str, settings: Settings | None, target: Reference, listener: Listener
) -> PushedImage:
    """Push the image that ``--image`` names, of a project or of none."""
    from flowship.engine.client import connect
    from flowship.registry.retries import RETRY_SECONDS

    login = image_choice.credentials(target)
    engine = connect()
    built = image_choice.to_push(engine, named, settings)
    retry_for = settings.push_retry_seconds if settings else RETRY_SECONDS
    return per_image.push_image(engine, retry_for, listener, built, target, login)


# --- deploy --------------------------------------------------------------------------------------


def deploy(
    images: Sequence[Settings],
    flags: Flags,
    named: str | None,
    listener: Listener,
    *,
    local: bool = False,
    dry_run: bool = False,
    wait: bool = True,
    review: Review | None = None,
) -> list[DeployReport]:
    """Deploy the image that ``--image`` names, or else those of the project's current files.

    Args:
        images: The settings of each.
        flags: What the command line gave over them.
        named: An image, as ``--image`` names it; then `images` is one.
        listener: Is handed the progress.
        local: Deploy an image that was never pushed, although the project has a repository.
        dry_run: Only say what would change.
        wait: Wait for another deploy of this project; else it is an error.
        review: The plan that is carried out; else it is an error.
    """
    from flowship import deploy as step
    from flowship.deployment.draft import draft, image_from_elsewhere

    drafts = per_image.each(images, lambda settings: draft(settings, flags), images)

    def bind(settings: Settings, wanted: Draft) -> DesiredState:
        reviewed = review.reference(settings.label) if review else None
        with review.image_present(settings.label) if review else nullcontext():
            facts = image_choice.facts_of(*image_choice.to_deploy(named or reviewed, settings))
        if review:
            review.require_same_files(settings.label, facts.inputs, facts.files)
        if settings.repo and not facts.pushed and not local:
            raise _not_pushed(facts, settings)
        other = named and "deploy without --image; or deploy only the others, with --name"
        with image_from_elsewhere(other or ""):
            return per_image.bind(wanted, settings, facts)

    with scope.open_api(images[0]) as api:
        if review:
            review.require_same_place(images[0].project, api.url)
        ground = step.preflight(per_image.together(drafts), api)
        desired = per_image.each(images, bind, images, drafts)
        if dry_run:
            return per_image.plan_images(images, desired, api, ground)
        return per_image.deploy_images(
            images, desired, api, listener, ground, "deploy", wait=wait, review=review
        )


def _not_pushed(facts: ImageFacts, settings: Settings) -> ConfigError:
    return ConfigError(
        f"the image {facts.reference} was not pushed to {settings.repo}, so only a worker on this"
        " engine could run it",
        code="image-not-pushed",
        hint="run `flowship push` or `flowship ship`; or, for a worker on this engine,"
        " `flowship deploy --local`",
    )


# --- ship ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shipped:
    """What each step of a `ship` made of one image; `label` is the image's name."""

    label: str
    image: BuiltImage
    pushed: PushedImage
    deployed: DeployReport


def ship(
    requests: Sequence[BuildRequest],
    flags: Flags,
    targets: Sequence[Reference],
    options: BuildOptions,
    listener: Listener,
    *,
    wait: bool = True,
    review: Review | None = None,
) -> list[Shipped]:
    """Check, build, probe, push and deploy; stop at the first step that fails.

    Each step is done for all images before the next one.

    Args:
        requests: What to build.
        flags: What the command line gave over the configuration.
        targets: Where to push each.
        options: How to build.
        listener: Is handed each step's progress and result.
        wait: Wait for another deploy of this project; else it is an error.
        review: The plan that is carried out; else it is an error.
    """
    from flowship import check
    from flowship import deploy as step
    from flowship import push as registry_step
    from flowship.deployment.draft import draft
    from flowship.engine.client import connect_in_background

    images = per_image.settings_of(requests)
    logins = per_image.each(images, image_choice.credentials, targets)
    check.refuse_missing_flow(*requests)  # before anything is asked over the network
    drafts = per_image.each(images, lambda settings: draft(settings, flags), images)

    def make(request: BuildRequest, target: Reference, login: Credentials | None) -> BuiltImage:
        def published(inputs: str) -> BuiltImage | None:
            return registry_step.published(engine, target, inputs, login)

        return per_image.build_image(engine, request, options, listener, published)

    def bind(wanted: Draft, settings: Settings, built: BuiltImage) -> DesiredState:
        desired = per_image.bind(wanted, settings, image_choice.facts_of(built, None))
        step.validate_image(desired, api, ground)
        return desired

    def send(settings: Settings, *image: Any) -> PushedImage:  # noqa: ANN401 - as `_push`
        return per_image.push_image(engine, settings.push_retry_seconds, listener, *image)

    with scope.open_api(images[0]) as api:
        if review:
            review.require_same_place(images[0].project, api.url)
        connecting = connect_in_background()
        ground = per_image.preflight(requests, drafts, api)
        engine = connecting()
        per_image.each(images, lambda request: per_image.check_image(request, listener), requests)
        if review:
            found, expected = _expected(requests, targets, logins, drafts, api, engine)
            for settings, each in zip(images, found, strict=True):
                review.require_same_files(settings.label, each.inputs, each.files)
            per_image.require_reviewed(images, expected, api, ground, review)
        built = per_image.each(images, make, requests, targets, logins)
        desired = per_image.each(images, bind, drafts, images, built)  # before the first push
        pushed = per_image.each(images, send, images, built, targets, logins)
        wanted = [each.pushed_as(at.reference) for each, at in zip(desired, pushed, strict=True)]
        new = [not at.already for at in pushed]
        deployed = per_image.deploy_images(
            images, wanted, api, listener, ground, "ship", new=new, wait=wait, review=review
        )
    labels = [each.label for each in images]
    return [Shipped(*done) for done in zip(labels, built, pushed, deployed, strict=True)]


def plan_ship(
    requests: Sequence[BuildRequest],
    flags: Flags,
    targets: Sequence[Reference],
    listener: Listener,
    *,
    only: str | None = None,
) -> ProjectPlan:
    """What `ship` would do, and nothing is done.

    Args:
        requests: What it would build.
        flags: What the command line gave over the configuration.
        targets: Where it would push each.
        listener: Is handed the findings of the check.
        only: The image that the command line names.

    Raises:
        FlowshipError: As `ship`, as far as no build and no push is needed to know it.
    """
    from flowship.deployment.draft import draft
    from flowship.engine.client import connect

    images = per_image.settings_of(requests)
    logins = per_image.each(images, image_choice.credentials, targets)
    drafts = per_image.each(images, lambda settings: draft(settings, flags), images)
    per_image.each(images, lambda request: per_image.check_image(request, listener), requests)
    with scope.open_api(images[0]) as api:
        ground = per_image.preflight(requests, drafts, api)
        found, desired = _expected(requests, targets, logins, drafts, api, connect())
        return per_image.plan_project(images, found, desired, api, ground, flags, only)


def _expected(
    requests: Sequence[BuildRequest],
    targets: Sequence[Reference],
    logins: Sequence[Credentials | None],
    drafts: Sequence[Draft],
    api: PrefectApi,
    engine: Engine,
) -> tuple[list[image_choice.Planned], list[DesiredState]]:
    """What is to be done for each image, and what is to be deployed of it, before any build."""
    images = per_image.settings_of(requests)
    found = per_image.each(
        images,
        lambda *image: image_choice.planned(engine, api, *image),
        requests, targets, logins, drafts,
    )  # fmt: skip
    facts = [each.facts for each in found]
    return found, per_image.each(images, per_image.bind, drafts, images, facts)


# --- promote -------------------------------------------------------------------------------------


def promote(
    source: Settings,
    images: Sequence[Settings],
    flags: Flags,
    listener: Listener,
    *,
    dry_run: bool = False,
    wait: bool = True,
) -> list[Promotion]:
    """Deploy to one environment, without a build, what another one runs.

    Args:
        source: The settings of the environment that runs the images.
        images: Those of each image in the other environment.
        flags: What the command line gave over the configuration.
        listener: Is handed the progress.
        dry_run: Only say what would change.
        wait: Wait for another deploy of this project; else it is an error.
    """
    from flowship import deploy as step
    from flowship import promotion
    from flowship.deployment.draft import draft

    drafts = per_image.each(images, lambda settings: draft(settings, flags), images)
    sources = [source.for_image(settings.image) for settings in images]
    with scope.open_api(source) as api:
        found = per_image.each(images, lambda each: promotion.running(each, api), sources)
    built = per_image.each(images, promotion.described, found, sources)

    def prepare(
        running: promotion.Source, image: BuiltImage, target: Settings, wanted: Draft
    ) -> promotion.Prepared:
        bind = partial(per_image.bind, wanted, target)
        return promotion.prepare(running, image, target, bind, api, ground)

    def copy(prepared: promotion.Prepared) -> bool:
        with listener.progress() as report:
            copied = promotion.copy_image(prepared, report)
        if copied:
            listener.copied(str(prepared.target))
        return copied

    with scope.open_api(images[0]) as api:
        for running, target in zip(found, images, strict=True):
            promotion.refuse_same_place(running, target, api)
        ground = step.preflight(per_image.together(drafts), api)
        ready = per_image.each(images, prepare, found, built, images, drafts)
        desired = [each.desired for each in ready]
        if dry_run:
            copied = per_image.each(images, promotion.is_missing, ready)
            done = per_image.plan_images(images, desired, api, ground)
        else:
            copied = per_image.each(images, copy, ready)
            made_by = f"promote from {source.environment}"
            done = per_image.deploy_images(
                images, desired, api, listener, ground, made_by, wait=wait
            )
    columns = zip(ready, copied, done, strict=True)
    return [promotion.Promotion(r.source, str(r.target), c, d) for r, c, d in columns]


# --- try -----------------------------------------------------------------------------------------


def try_flow(
    requests: Sequence[BuildRequest],
    name: str | None,
    given: Mapping[str, str],
    options: BuildOptions,
    listener: Listener,
    on_line: Callable[[Stream, str], None],
    *,
    offline: bool = False,
) -> TrialResult:
    """Build if necessary, and run a flow once in the image on this machine.

    Args:
        requests: The image of the deployment, or of all if none is named.
        name: The deployment; None for the project's only one.
        given: Parameters of the command line.
        options: How to build.
        listener: Is handed the progress and the image.
        on_line: Receives what the container prints.
        offline: Use no Prefect server but a temporary one in the container.
    """
    from flowship.deployment.choice import chosen
    from flowship.deployment.desired import Flags
    from flowship.engine.client import connect
    from flowship.prefect import versions
    from flowship.trial import flow_run
    from flowship.trial.environment import environment

    name = name or scope.only_deployment(requests[0].settings.project)
    [request] = requests
    settings = request.settings
    [deployment] = chosen(settings, Flags(name=name))
    entrypoint = deployment.entrypoint or settings.entrypoint
    target = None if offline else scope.api_target(settings)
    with scope.open_api(settings) if target else nullcontext() as api:
        server = api.check() if api else ""
        variables = environment(settings, deployment, api, os.environ)  # before the slow work
        per_image.check_image(request, listener)
        engine = connect()
        built = per_image.build_image(engine, request, options, listener)
        flow = next(each for each in built.flows if each.entrypoint == entrypoint)
        versions.validate(flow.prefect, server)
        trial = flow_run.Trial(settings, deployment, flow, given, variables)
        return flow_run.run(engine, built.id, trial, api, target, on_line)


# --- up ------------------------------------------------------------------------------------------


def work_pool(settings: Settings | None) -> str:
    """The project's work pool; flowship's own where there is no project."""
    return settings.work_pool if settings else str(Settings.model_fields["work_pool"].default)


def up(pool: str, port: int, report: Report) -> StackReport:
    """Start what is missing of a local server and a worker for `pool`."""
    from flowship.engine import client
    from flowship.local import stack

    def ensure_pool(target: ApiTarget, name: str) -> None:
        from flowship import deploy
        from flowship.prefect.client import PrefectApi

        with PrefectApi(target) as api:
            deploy.ensure_pool(api, name)

    return stack.up(
        pool, port=port, report=report, ensure_pool=ensure_pool, check_engine=client.connect
    )
