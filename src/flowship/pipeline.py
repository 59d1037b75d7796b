"""The order of the steps: check, build, push, deploy; each refuses what the next could not use.

The command line calls these and draws what they return. `image` and `deploy` do not know each
other; what crosses from one to the other, a reference and the probe's answer, crosses here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from flowship.build_request import BuildRequest, prepare_build
from flowship.config.loading import settings_or_none
from flowship.config.settings import Settings
from flowship.errors import ConfigError, EngineError, UsageError
from flowship.events import Report
from flowship.registry.target import push_target

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pydantic import SecretStr

    from flowship.check import Checked
    from flowship.deployment.desired import DesiredState, Flags, ImageFacts
    from flowship.deployment.draft import Draft
    from flowship.deployment.report import DeployReport
    from flowship.engine.builder import BuildOptions
    from flowship.engine.client import Engine
    from flowship.image import BuiltImage
    from flowship.local.stack import StackReport
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.profiles.resolution import ApiTarget
    from flowship.push import PushedImage
    from flowship.registry import Credentials, LoginResult, Reference


class Listener(Protocol):
    """Receives each step's progress and result."""

    def progress(self) -> AbstractContextManager[Report]:
        """Open a report for slow work."""

    def checked(self, checked: Checked) -> None:
        """The check found something."""

    def built(self, image: BuiltImage, engine_platform: str) -> None:
        """The image is there, built or found."""

    def pushed(self, image: PushedImage) -> None:
        """The registry has the image."""


# --- check and build -----------------------------------------------------------------------------


def build(
    request: BuildRequest,
    options: BuildOptions,
    listener: Listener,
    *,
    engine: Engine | None = None,
    elsewhere: Callable[[str], BuiltImage | None] = lambda inputs: None,
) -> BuiltImage:
    """Check, then build and probe.

    Args:
        request: What to build.
        options: How.
        listener: Receives the findings and the image.
        engine: The container engine, where it is connected already.
        elsewhere: See `flowship.image.build`.
    """
    from flowship import check, image
    from flowship.engine.client import connect

    check.refuse_missing_flow(request)
    checked = check.check_build(request)
    if checked.findings:
        listener.checked(checked)
    check.refuse_errors(checked)
    engine = engine or connect()
    with listener.progress() as report:
        built = image.build(engine, request, options, report, elsewhere)
    listener.built(built, engine.platform)
    return built


def validate(request: BuildRequest) -> None:
    """Refuse before the build what no image would help: schedules, timezones, block values."""
    from flowship.deployment.desired import Flags
    from flowship.deployment.draft import draft

    draft(request.settings, Flags())


# --- image ---------------------------------------------------------------------------------------


def require_image(engine: Engine, request: BuildRequest) -> BuiltImage:
    """The image of the project's current files.

    Raises:
        ConfigError: It was never built, or files changed since.
    """
    from flowship import image

    found = image.find(engine, request)
    if found is None:
        raise _no_image(request.settings)
    return found


def _no_image(settings: Settings) -> ConfigError:
    return ConfigError(
        f"no image for the current files of {settings.name}",
        code="image-not-built",
        hint="run `flowship build` first (files may have changed since the last build), or name"
        " an image with --image",
    )


def image_to_push(engine: Engine, named: str | None, settings: Settings | None) -> BuiltImage:
    """The image that ``--image`` names, or else the one of the current files.

    Raises:
        ConfigError: The engine has no such image.
    """
    from flowship import image

    if not named:
        assert settings is not None, "without --image the project was read"
        return require_image(engine, prepare_build(settings))
    found = image.inspect(engine, named)
    if found is None:
        raise ConfigError(
            f"the engine has no image {named}",
            code="image-not-found",
            hint="`docker image ls` lists its images; `flowship build` builds one",
            where="--image",
        )
    return found


def image_to_deploy(named: str | None, settings: Settings) -> tuple[BuiltImage, str | None]:
    """The image, and how a registry knows it, pinned; None when it was never pushed.

    A named image that no engine here has is described by its registry; nothing is pulled.
    """
    from flowship import image
    from flowship.engine import client
    from flowship.push import pushed_reference

    if not named:
        built = _image_of_files(client.connect(), settings)
        return built, pushed_reference(built, settings.repo)
    try:
        found = image.inspect(client.connect(), named)
    except EngineError:
        found = None
    built = found or image.remote(named)
    if built.project != settings.name:
        raise ConfigError(
            f"{named} is an image of the project {built.project}, but this project is"
            f" {settings.name}: its deployments expect another flow",
            code="image-of-another-project",
            hint=f"deploy it in the folder of {built.project}, or where the configuration has"
            f' name = "{built.project}"',
            where="--image",
        )
    return built, pushed_reference(built, named) or pushed_reference(built, settings.repo)


def _image_of_files(engine: Engine, settings: Settings) -> BuiltImage:
    """The image of the current files: this engine's, else the one in the project's repository."""
    from flowship import image
    from flowship.push import published

    present = prepare_build(settings)
    inputs = image.inputs_of(engine, present)
    found = image.inspect(engine, image.local_name(present, inputs)) if inputs else None
    if found is None and settings.repo and inputs:
        target = push_target(None, settings)
        found = published(engine, target, inputs, credentials(target))
    if found is None:
        raise _no_image(settings)
    return found


def credentials(target: Reference) -> Credentials | None:
    """The credentials for the registry, validated before anything slow."""
    from flowship import registry

    return registry.credentials_for(target)


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


# --- deploy --------------------------------------------------------------------------------------


def image_facts(built: BuiltImage, reference: str | None) -> ImageFacts:
    """What a deployment needs to know about an image.

    Args:
        built: As the engine has it.
        reference: How the registry knows it, pinned; None when it was never pushed.
    """
    from flowship.deployment.desired import ImageFacts

    probed = built.probe
    return ImageFacts(
        reference=reference or built.reference,
        pushed=reference is not None,
        platform=built.platform,
        flow_name=probed.flow_name if probed else None,
        flow_description=probed.description if probed else None,
        parameters=dict(probed.parameters) if probed else None,
        prefect_version=probed.prefect if probed else None,
        entrypoint=built.entrypoint,
    )


def deploy(
    settings: Settings,
    flags: Flags,
    named: str | None,
    listener: Listener,
    *,
    local: bool = False,
    dry_run: bool = False,
    wait: bool = True,
) -> DeployReport:
    """Deploy the image that ``--image`` names, or else the one of the project's current files.

    Args:
        settings: The project's.
        flags: What the command line gave over them.
        named: An image, as ``--image`` names it.
        listener: Is handed the progress.
        local: Deploy an image that was never pushed, although the project has a repository.
        dry_run: Only say what would change.
        wait: Wait for another deploy of this project; else it is an error.
    """
    from flowship import deploy as step
    from flowship.deployment.draft import draft

    wanted = draft(settings, flags)
    with open_api() as api:
        ground = step.preflight(wanted, api)
        facts = image_facts(*image_to_deploy(named, settings))
        if settings.repo and not facts.pushed and not local:
            raise _not_pushed(facts, settings)
        desired = _bind(wanted, settings, facts)
        if dry_run:
            return step.plan(desired, api, settings.name, ground)
        with listener.progress() as report:
            return step.deploy(desired, api, settings.name, ground=ground, wait=wait, report=report)


def _not_pushed(facts: ImageFacts, settings: Settings) -> ConfigError:
    return ConfigError(
        f"the image {facts.reference} was not pushed to {settings.repo}, so only a worker on this"
        " engine could run it",
        code="image-not-pushed",
        hint="run `flowship push` or `flowship ship`; or, for a worker on this engine,"
        " `flowship deploy --local`",
    )


def _bind(wanted: Draft, settings: Settings, facts: ImageFacts) -> DesiredState:
    """The desired state of this image, with a warning if its output is lost with its container."""
    desired = wanted.bind(facts)
    given = [name for d in desired.deployments for name in d.parameters]
    warning = settings.lost_output(given)
    return replace(desired, warnings=(*desired.warnings, warning)) if warning else desired


# --- ship ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shipped:
    """What each step of a `ship` made."""

    image: BuiltImage
    pushed: PushedImage
    deployed: DeployReport


def ship(
    request: BuildRequest,
    flags: Flags,
    target: Reference,
    options: BuildOptions,
    listener: Listener,
    *,
    wait: bool = True,
) -> Shipped:
    """Check, build, probe, push and deploy; stop at the first step that fails.

    Args:
        request: What to build.
        flags: What the command line gave over the configuration.
        target: Where to push.
        options: How to build.
        listener: Is handed each step's progress and result.
        wait: Wait for another deploy of this project; else it is an error.
    """
    from flowship import check, push
    from flowship import deploy as step
    from flowship.deployment.draft import draft
    from flowship.engine.client import connect

    settings, account = request.settings, credentials(target)
    check.refuse_missing_flow(request)  # before anything is asked over the network
    wanted = draft(settings, flags)
    with open_api() as api:
        ground = step.preflight(wanted, api)
        engine = connect()
        built = build(
            request,
            options,
            listener,
            engine=engine,
            elsewhere=lambda inputs: push.published(engine, target, inputs, account),
        )
        desired = _bind(wanted, settings, image_facts(built, None))
        step.validate_kept(desired, api)  # parameters, before the push
        with listener.progress() as report:
            pushed = push.push(engine, built, target, credentials=account, report=report)
        listener.pushed(pushed)
        with listener.progress() as report:
            deployed = step.deploy(
                desired.pushed_as(pushed.reference), api, settings.name,
                ground=ground, wait=wait, report=report,
            )  # fmt: skip
    return Shipped(built, pushed, deployed)


class ImageAction(str, Enum):
    """What `ship` would do for its image."""

    NOTHING = "nothing"
    PUSH = "push"
    BUILD = "build"


@dataclass(frozen=True)
class ShipPlan:
    """What `ship` would do.

    Attributes:
        action: For the image.
        deploy: On the server. Where the image must be built first, its flow's name and
            parameters are taken to be as they were.
    """

    action: ImageAction
    deploy: DeployReport


def plan_ship(
    request: BuildRequest, flags: Flags, target: Reference, listener: Listener
) -> ShipPlan:
    """What `ship` would do, and nothing is done.

    Raises:
        FlowshipError: As `ship`, as far as no build and no push is needed to know it.
    """
    from flowship import check
    from flowship import deploy as step
    from flowship.deployment.draft import draft
    from flowship.engine.client import connect

    wanted = draft(request.settings, flags)
    check.refuse_missing_flow(request)
    checked = check.check_build(request)
    if checked.findings:
        listener.checked(checked)
    check.refuse_errors(checked)
    with open_api() as api:
        ground = step.preflight(wanted, api)
        action, facts = _future_image(connect(), request, target, wanted, api)
        desired = _bind(wanted, request.settings, facts)
        return ShipPlan(action, step.plan(desired, api, request.settings.name, ground))


def _future_image(
    engine: Engine, request: BuildRequest, target: Reference, wanted: Draft, api: PrefectApi
) -> tuple[ImageAction, ImageFacts]:
    """What is to be done for the image, and what is known of it before that.

    Raises:
        RegistryError: The registry cannot be asked whether it has the image.
    """
    from flowship import deploy as step
    from flowship import image, push

    settings, account = request.settings, credentials(target)
    inputs = image.inputs_of(engine, request)
    if not engine.is_remote:
        push.require_registry(target, inputs or "", account)
    if inputs:
        known = image.inspect(engine, image.local_name(request, inputs))
        published = push.published(engine, target, inputs, account)
        found = known or published
        if found and published and (pinned := image.pinned(published, str(target))):
            return ImageAction.NOTHING, image_facts(found, pinned)
        if found:
            named = target if target.tag else target.with_tag(inputs[:12])
            return ImageAction.PUSH, image_facts(found, str(named))
    facts = step.expected_image(
        wanted,
        api,
        reference=f"{target.repository} (new image)",
        platform=settings.platform or engine.platform,
        entrypoint=settings.entrypoint,
    )
    return ImageAction.BUILD, facts


@contextmanager
def open_api() -> Iterator[PrefectApi]:
    """The Prefect API that Prefect's own commands in this folder would use."""
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.profiles import resolution

    with PrefectApi(resolution.resolve()) as api:
        yield api


# --- run, up -------------------------------------------------------------------------------------


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


def known_project(folder: Path) -> Settings | None:
    """The project's settings, if they can be read; used only to choose between deployments."""
    try:
        return settings_or_none(folder)
    except ConfigError:
        return None


def work_pool(folder: Path) -> str:
    """The project's work pool; flowship's own where there is no project."""
    settings = settings_or_none(folder)
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
