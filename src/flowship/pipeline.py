"""The cycle: check → build → push → deploy, each step refusing what the next could not use.

The command line calls these and draws what they return. `image` and `deploy` do not know each
other; what crosses from one to the other, a reference and the probe's answer, crosses here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from flowship.config.loading import settings_or_none
from flowship.config.settings import Settings
from flowship.errors import ConfigError, EngineError, UsageError
from flowship.events import Report
from flowship.project.build_request import BuildRequest, prepare_build
from flowship.registry.target import push_target

if TYPE_CHECKING:
    from pydantic import SecretStr

    from flowship.deployment.desired import DeploymentSpec, Flags, ImageFacts
    from flowship.engine.client import Engine
    from flowship.image import BuiltImage
    from flowship.local.stack import StackReport
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.profiles.resolution import ApiTarget
    from flowship.registry import Credentials, LoginResult, Reference


# --- check ---------------------------------------------------------------------------------------


# --- image ---------------------------------------------------------------------------------------


def require_image(engine: Engine, request: BuildRequest) -> BuiltImage:
    """The image of the project's present files.

    Raises:
        ConfigError: It was never built, or files changed since.
    """
    from flowship import image

    found = image.find(engine, request)
    if found is None:
        raise ConfigError(
            f"there is no image of {request.settings.name} for the files as they are now",
            hint="run `flowship build` first (files may have changed since the last build); "
            "or name an image with --image",
        )
    return found


def image_to_push(engine: Engine, named: str | None, settings: Settings | None) -> BuiltImage:
    """The image that ``--image`` names, or else the one of the present files.

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
            hint="`docker image ls` lists what it has; `flowship build` makes one",
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
            f"{named} is an image of the project {built.project}, and this is {settings.name}:"
            " its deployments would look for another flow",
            hint=f"deploy it in the folder of {built.project}, or where a configuration has"
            f' name = "{built.project}"',
            where="--image",
        )
    return built, pushed_reference(built, named) or pushed_reference(built, settings.repo)


def _image_of_files(engine: Engine, settings: Settings) -> BuiltImage:
    """The image of the present files: this engine's, else the one in the project's repository."""
    from flowship import image
    from flowship.push import published

    present = prepare_build(settings)
    found = image.find(engine, present)
    if found is None and settings.repo and (inputs := image.inputs_of(engine, present)):
        target = push_target(None, settings)
        found = published(engine, target, inputs, credentials(target))
    return found or require_image(engine, present)


def credentials(target: Reference) -> Credentials | None:
    """Who to be at the registry, judged before anything slow."""
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
    """What a deployment needs to know of an image.

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


def specs_of(named: str | None, settings: Settings, flags: Flags) -> tuple[DeploymentSpec, ...]:
    """What is to be deployed, for the image that ``--image`` names or the present files' one."""
    built, reference = image_to_deploy(named, settings)
    return specs(settings, built, flags, reference)


def specs(
    settings: Settings, built: BuiltImage, flags: Flags, reference: str | None = None
) -> tuple[DeploymentSpec, ...]:
    """What is to be deployed for an image; `reference` is how a registry knows it."""
    from flowship.deployment import desired

    wanted = desired.plan(settings, image_facts(built, reference), flags, now=_this_second())
    return tuple(_with_destination_warning(spec, settings) for spec in wanted)


def _this_second() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


def _with_destination_warning(spec: DeploymentSpec, settings: Settings) -> DeploymentSpec:
    """The shipped flow's own default, the current folder, would be lost with the container."""
    if not settings.shipped or "destination" in spec.parameters or settings.block.volumes:
        return spec
    warning = (
        "the trips would be written into a folder of a container that is removed after the run, "
        "which the flow refuses: give --param destination=gcs-bucket/NAME, or mount a folder"
    )
    return replace(spec, warnings=(*spec.warnings, warning))


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
    names = [d.name for d in settings.deployments] or [settings.name]
    if len(names) > 1:
        raise UsageError(
            f"{len(names)} deployments are configured",
            hint=f"name one of: {', '.join(names)}",
            where="DEPLOYMENT",
        )
    return names[0]


def known_project(folder: Path) -> Settings | None:
    """The project's settings, where there are any that can be read: only to tell apart."""
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
