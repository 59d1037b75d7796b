"""Deploys the image that one environment runs to another one, without a build.

The image keeps its digest: production runs the same bytes that staging has tested. Everything else,
such as schedules and parameters, is what the configuration says of the other environment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flowship import deploy, image, image_choice
from flowship.config.settings import Settings
from flowship.deployment import docker_block
from flowship.deployment.draft import image_from_elsewhere
from flowship.errors import ConfigError
from flowship.registry import Reference
from flowship.registry.target import push_target

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredState, ImageFacts
    from flowship.deployment.observed import Ground
    from flowship.deployment.report import DeployReport
    from flowship.events import Report
    from flowship.image import BuiltImage
    from flowship.prefect.client import PrefectApi


@dataclass(frozen=True)
class Source:
    """What an environment runs.

    Attributes:
        environment: Its name.
        api_url: The server that was asked.
        block: The name of the block.
        image: The image in the block, pinned.
    """

    environment: str
    api_url: str
    block: str
    image: Reference


@dataclass(frozen=True)
class Promotion:
    """What a promotion did, or in a dry run would do.

    Attributes:
        source: What the first environment runs.
        image: The image for the other one; the same digest.
        copied: Whether it was copied to another repository.
        deployed: What the deploy did.
    """

    source: Source
    image: str
    copied: bool
    deployed: DeployReport


def running(settings: Settings, api: PrefectApi) -> Source:
    """What the environment of `settings` runs, as its server says.

    Raises:
        ConfigError: It runs nothing, or an image that no registry has.
    """
    environment = str(settings.environment)
    found = api.block_document(docker_block.SLUG, settings.block_name)
    text = str((found or {"data": {}})["data"].get("image") or "")
    if not text:
        raise ConfigError(
            f'{environment} runs nothing: {api.url} has no block "{settings.block_name}" with an'
            " image",
            code="nothing-to-promote",
            hint=f"run `flowship ship --env {environment}` first",
        )
    # The server names the registry, so a login in variables must name it too, unless it is that
    # of this environment's repository.
    place = f"the block {settings.block_name} on {api.url}"
    reference = replace(Reference.parse(text), place=place)
    if settings.repo and (own := push_target(None, settings)).registry == reference.registry:
        reference = replace(reference, place=own.place)
    if not reference.digest:
        raise ConfigError(
            f"{environment} runs {text}, which was never pushed to a registry",
            code="image-not-pushed",
            hint=f"run `flowship ship --env {environment}`, which pushes the image and pins it",
        )
    return Source(environment, api.url, settings.block_name, reference)


def described(source: Source, settings: Settings) -> BuiltImage:
    """The image, as its registry describes it.

    Raises:
        ConfigError: It is of another project, or flowship did not build it.
        RegistryError: The registry refuses, or does not have it.
    """
    built = image.remote(source.image)
    if built.project != settings.name:
        raise ConfigError(
            f"{source.environment} runs {source.image}, which is an image of the project"
            f" {built.project}, but this project is {settings.name}",
            code="image-of-another-project",
            hint=f"run the command in the folder of {built.project}",
        )
    return built


def destination(source: Source, settings: Settings) -> Reference:
    """Where the image is for the other environment: in its repository, if it has another one."""
    if not settings.repo:
        return source.image
    wanted = push_target(None, settings)
    return wanted.with_tag(wanted.tag or source.image.tag).with_digest(source.image.digest)


@dataclass(frozen=True)
class Prepared:
    """An image that can be promoted: everything that needs no change is validated.

    Attributes:
        source: What the first environment runs.
        target: Where the image is for the other one.
        desired: What is to be deployed there.
    """

    source: Source
    target: Reference
    desired: DesiredState

    @property
    def moves(self) -> bool:
        """Whether the other environment has another repository."""
        return self.target.repository != self.source.image.repository


def refuse_same_place(source: Source, settings: Settings, api: PrefectApi) -> None:
    """Refuse to promote an image to where it runs.

    Raises:
        ConfigError: Both environments are one.
    """
    if (source.api_url, source.block) != (api.url, settings.block_name):
        return
    raise ConfigError(
        f'{source.environment} and {settings.environment} are the same block "{source.block}" at'
        f" {source.api_url}",
        code="same-environment",
        hint="give each its own profile, or its own name in [env.NAME.block];"
        " a PREFECT_API_URL in the shell counts for both",
        where=settings.place("profile"),
    )


def prepare(
    source: Source,
    built: BuiltImage,
    settings: Settings,
    bind: Callable[[ImageFacts], DesiredState],
    api: PrefectApi,
    ground: Ground,
) -> Prepared:
    """Validate that an image can be deployed with the settings of another environment.

    Args:
        source: What the first environment runs.
        built: Its image.
        settings: Those of the other environment.
        bind: Adds the image to what is to be deployed there.
        api: The other environment's server.
        ground: What that server has.

    Raises:
        ConfigError: As `deploy`.
    """
    target = destination(source, settings)
    with image_from_elsewhere(
        f"run `flowship ship --env {source.environment}`, which ships an image with this flow, and"
        " promote again; or promote only the others, with --name"
    ):
        desired = bind(image_choice.facts_of(built, str(target)))
    deploy.validate_image(desired, api, ground)
    return Prepared(source, target, desired)


def is_missing(prepared: Prepared) -> bool:
    """Whether the image would be copied.

    Raises:
        RegistryError: The registry cannot be asked.
    """
    from flowship.registry import copying

    login = image_choice.credentials(prepared.target)
    return prepared.moves and not copying.has(prepared.target, login)


def copy_image(prepared: Prepared, report: Report) -> bool:
    """Copy the image to the other environment's repository; whether that was necessary.

    Raises:
        RegistryError: The image cannot be copied.
    """
    return prepared.moves and _copy(prepared.source.image, prepared.target, report)


def _copy(source: Reference, target: Reference, report: Report) -> bool:
    from flowship.registry import copying

    if target.tag is None:  # without one, registries remove what they think is unused
        target = target.with_tag(str(target.digest)[7:19])
    return copying.copy(
        source,
        target,
        source_login=image_choice.credentials(source),
        target_login=image_choice.credentials(target),
        report=report,
    )
