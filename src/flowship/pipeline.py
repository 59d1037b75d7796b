"""The order of the steps: check, build, push, deploy; each refuses what the next could not use.

The command line calls these and draws what they return. `image` and `deploy` do not know each
other; what crosses from one to the other, a reference and the probe's answer, crosses here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from flowship import image_choice
from flowship.build_request import BuildRequest
from flowship.config.loading import settings_or_none
from flowship.config.settings import Settings
from flowship.errors import ConfigError, UsageError
from flowship.events import Report

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
    from flowship.promotion import Promotion
    from flowship.push import PushedImage
    from flowship.registry import LoginResult, Reference


Result = TypeVar("Result")


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
    from flowship.engine import containers
    from flowship.engine.client import connect

    check.refuse_missing_flow(request)
    checked = check.check_build(request)
    if checked.findings:
        listener.checked(checked)
    check.refuse_errors(checked)
    engine = engine or connect()
    containers.sweep(engine)
    with listener.progress() as report:
        built = image.build(engine, request, options, report, elsewhere)
    listener.built(built, engine.platform)
    return built


def validate(request: BuildRequest) -> None:
    """Refuse before the build what no image would help: schedules, timezones, block values."""
    from flowship.deployment.desired import Flags
    from flowship.deployment.draft import draft

    draft(request.settings, Flags())


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
    with open_api(settings) as api:
        ground = step.preflight(wanted, api)
        facts = image_choice.facts_of(*image_choice.to_deploy(named, settings))
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

    settings, account = request.settings, image_choice.credentials(target)
    check.refuse_missing_flow(request)  # before anything is asked over the network
    wanted = draft(settings, flags)
    with open_api(settings) as api:
        planned = image_choice.planned_prefect(request)
        connecting = _in_background(connect)
        ground = step.preflight(wanted, api, planned)
        engine = connecting()
        built = build(
            request,
            options,
            listener,
            engine=engine,
            elsewhere=lambda inputs: push.published(engine, target, inputs, account),
        )
        desired = _bind(wanted, settings, image_choice.facts_of(built, None))
        step.validate_image(desired, api, ground)  # before the push
        with listener.progress() as report:
            pushed = push.push(
                engine, built, target, credentials=account, report=report,
                retry_for=settings.push_retry_seconds,
            )  # fmt: skip
        listener.pushed(pushed)
        with listener.progress() as report:
            deployed = step.deploy(
                desired.pushed_as(pushed.reference), api, settings.name,
                ground=ground, new_image=not pushed.already, wait=wait, report=report,
            )  # fmt: skip
    return Shipped(built, pushed, deployed)


@dataclass(frozen=True)
class ShipPlan:
    """What `ship` would do.

    Attributes:
        action: For the image.
        deploy: On the server. Where the image must be built first, its flow's name and
            parameters are taken to be as they were.
    """

    action: image_choice.ImageAction
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

    account = image_choice.credentials(target)
    wanted = draft(request.settings, flags)
    check.refuse_missing_flow(request)
    checked = check.check_build(request)
    if checked.findings:
        listener.checked(checked)
    check.refuse_errors(checked)
    with open_api(request.settings) as api:
        planned = image_choice.planned_prefect(request)
        ground = step.preflight(wanted, api, planned)
        action, facts = image_choice.planned(connect(), request, target, account, wanted, api)
        desired = _bind(wanted, request.settings, facts)
        return ShipPlan(action, step.plan(desired, api, request.settings.name, ground))


# --- promote -------------------------------------------------------------------------------------


def promote(
    source: Settings,
    target: Settings,
    flags: Flags,
    listener: Listener,
    *,
    dry_run: bool = False,
    wait: bool = True,
) -> Promotion:
    """Deploy to one environment, without a build, what another one runs.

    Args:
        source: The settings of the environment that runs the image.
        target: Those of the other one.
        flags: What the command line gave over the configuration.
        listener: Is handed the progress.
        dry_run: Only say what would change.
        wait: Wait for another deploy of this project; else it is an error.
    """
    from flowship import promotion
    from flowship.deployment.draft import draft

    wanted = draft(target, flags)
    with open_api(source) as api:
        found = promotion.running(source, api)
    built = promotion.described(found, source)
    with open_api(target) as api:
        return promotion.promote(
            found,
            built,
            target,
            wanted,
            lambda facts: _bind(wanted, target, facts),
            api,
            listener.progress(),
            dry_run=dry_run,
            wait=wait,
        )


# --- the server ----------------------------------------------------------------------------------


@contextmanager
def open_api(settings: Settings | None = None) -> Iterator[PrefectApi]:
    """The Prefect API of `api_target`."""
    from flowship.prefect.client import PrefectApi

    with PrefectApi(api_target(settings)) as api:
        yield api


def api_target(settings: Settings | None) -> ApiTarget:
    """The Prefect API of the profile that the project names for its environment; else the one
    that Prefect's own commands in this folder would use.

    Raises:
        ConfigError: The profile does not exist, or another setting names another server.
    """
    from flowship.prefect.profiles import resolution

    if settings is None or settings.profile is None:
        return resolution.resolve()
    return resolution.resolve(profile=settings.profile, where=settings.place("profile"))


def _in_background(work: Callable[[], Result]) -> Callable[[], Result]:
    """Start `work` in a thread; the returned function waits for its result, and raises its error.

    The thread ends with the process, so that Ctrl-C does not wait for a server.
    """
    done: SimpleQueue[tuple[Result | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as exc:  # noqa: BLE001 raised again by `result`
            done.put((None, exc))

    def result() -> Result:
        value, error = done.get()
        if error is not None:
            raise error
        return cast("Result", value)

    Thread(target=run, daemon=True, name="background").start()
    return result


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


def known_project(folder: Path, environment: str | None = None) -> Settings | None:
    """The project's settings, if they can be read: its server, and which deployments are its own.

    Raises:
        UsageError, ConfigError: They cannot be read, although an environment is chosen: a run
            must not start on another server.
    """
    try:
        return settings_or_none(folder, environment)
    except ConfigError:
        if environment or os.environ.get("FLOWSHIP_ENV"):
            raise
        return None


def work_pool(folder: Path, environment: str | None = None) -> str:
    """The project's work pool; flowship's own where there is no project."""
    settings = settings_or_none(folder, environment)
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
