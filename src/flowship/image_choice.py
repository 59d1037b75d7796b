"""Which image a command works on: the one of the current files, a named one, a future one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from flowship.build_request import BuildRequest, prepare_build
from flowship.config.settings import Settings
from flowship.errors import ConfigError, EngineError, UsageError, did_you_mean
from flowship.planning.inputs import changed
from flowship.project import entry_function
from flowship.registry.target import push_target

if TYPE_CHECKING:
    from flowship.deployment.desired import Flags, ImageFacts
    from flowship.deployment.draft import Draft
    from flowship.engine.client import Engine
    from flowship.image import BuiltImage
    from flowship.prefect.client import PrefectApi
    from flowship.registry import Credentials, Reference


# --- which of the project's images ---------------------------------------------------------------


def selected(
    settings: Settings, only: str | None = None, flags: Flags | None = None
) -> tuple[Settings, ...]:
    """The images that a command works on: all that deployments use, or fewer.

    Args:
        settings: The project's.
        only: ``--only``: the name of an image; the project's name for its own one.
        flags: Of which ``--name`` chooses the image of that deployment.

    Raises:
        UsageError: There is no such image or deployment, or no deployment uses the image.
    """
    from flowship.deployment.choice import chosen
    from flowship.deployment.desired import Flags

    flags = flags or Flags()
    if only is None or flags.name is not None:
        chosen(settings, flags)  # refuses an unknown name, and an option that needs one
    images = settings.per_image()
    if flags.name is not None and settings.deployments:
        images = tuple(each for each in images if flags.name in each.deployment_names)
    if only is None:
        return images
    found = tuple(each for each in images if each.label == only)
    if not found:
        raise _not_selected(settings, only, flags.name)
    return found


def _not_selected(settings: Settings, only: str, name: str | None) -> UsageError:
    known = [each.label for each in settings.per_image()]
    if only in known:
        return UsageError(
            f'"{name}" uses another image than {only}',
            code="options-exclude-each-other",
            hint=f"use --name {name} alone: it chooses the image too",
            where="--only",
        )
    if only in (settings.name, *settings.images):
        return UsageError(
            f'no deployment uses the image "{only}"',
            code="image-unused",
            hint=f"images of deployments: {', '.join(known)}",
            where="--only",
        )
    return UsageError(
        f'the configuration has no image "{only}"',
        code="image-unknown",
        hint=did_you_mean(only, known, f"images: {', '.join(known)}"),
        where="--only",
    )


def require_one(images: Sequence[Settings], option: str) -> None:
    """Refuse an option that several images cannot share.

    Raises:
        UsageError: There are several.
    """
    if len(images) > 1:
        raise UsageError(
            f"the project has {len(images)} images: {option} needs --only",
            code="image-required",
            hint=f"choose one of: {', '.join(each.label for each in images)}",
            where=option,
        )


# --- the image in the engine or the registry -----------------------------------------------------


def of_current_files(engine: Engine, request: BuildRequest) -> BuiltImage:
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


def to_push(engine: Engine, named: str | None, settings: Settings | None) -> BuiltImage:
    """The image that ``--image`` names, or else the one of the current files.

    Raises:
        ConfigError: The engine has no such image.
    """
    if not named:
        assert settings is not None, "without --image the project was read"
        return of_current_files(engine, prepare_build(settings))
    found = _in_engine(engine, named, settings)
    if found is None:
        raise _not_found(named, "the engine has no image {}")
    return found


def _not_found(named: str, message: str) -> ConfigError:
    return ConfigError(
        message.format(named),
        code="image-not-found",
        hint="`docker image ls` lists its images; `flowship build` builds one. --image takes a tag,"
        " digest or git revision of this project, or REPOSITORY:TAG",
        where="--image",
    )


_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_REVISION = re.compile(r"[0-9a-f]{7,40}")


def _repository(settings: Settings) -> Reference | None:
    """The project's repository, if it has one."""
    return push_target(None, settings) if settings.repo else None


def _own_names(named: str, settings: Settings | None) -> tuple[str, ...]:
    """What `named` means in this project: its local image, and the one in its repository.

    Without this, docker would take a tag or a digest for an image on Docker Hub.
    """
    if settings is None:
        return ()
    repository = target.repository if (target := _repository(settings)) else ""
    if digest := _DIGEST.fullmatch(named):
        return (f"{repository}@sha256:{digest[1]}",) if repository else ()
    tag = named.removeprefix(f"{settings.name}:")
    if not _TAG.fullmatch(tag):
        return ()
    pushed = (f"{repository}:{tag}",) if repository else ()
    return (f"{settings.name}:{tag}", *pushed)


def _in_engine(engine: Engine, named: str, settings: Settings | None) -> BuiltImage | None:
    """The image in the engine that `named` means, the project's own ones first.

    Raises:
        ConfigError: Several of the project's images were built at this git revision, or the
            image is not one of flowship's.
    """
    from flowship import image

    for name in _own_names(named, settings):
        if found := image.inspect(engine, name):
            return found
    if settings is not None and _REVISION.fullmatch(named):
        built = {each.inputs: each for each in image.of_revision(engine, settings.name, named)}
        if len(built) > 1:
            raise ConfigError(
                f"{len(built)} images of {settings.name} were built at the git revision {named}",
                code="image-ambiguous",
                hint=f"choose one of: {', '.join(each.reference for each in built.values())}",
                where="--image",
            )
        if built:
            return next(iter(built.values()))
    return image.inspect(engine, named)


def _in_registry(named: str, settings: Settings) -> BuiltImage:
    """The image that `named` means in the project's repository, or in another one.

    Raises:
        ConfigError: Nothing says which repository is meant.
        RegistryError: The repository does not have it, or cannot be asked.
    """
    from flowship import image
    from flowship.registry import Reference

    own = [name for name in _own_names(named, settings) if "/" in name]
    if own:
        place = push_target(None, settings).place
        return image.remote(replace(Reference.parse(own[0]), place=place))
    if "/" in named:
        return image.remote(Reference.parse(named))
    raise _not_found(named, "no image {} of this project was found")


def to_deploy(named: str | None, settings: Settings) -> tuple[BuiltImage, str | None]:
    """The image, and how a registry knows it, pinned; None when it was never pushed.

    A tag, digest or git revision of the project comes before other images of that name. A named
    image that no engine here has is described by its registry; nothing is pulled.
    """
    from flowship.engine import client
    from flowship.push import pushed_reference
    from flowship.registry import Reference

    if not named:
        return _image_of_files(client.connect(), settings)
    try:
        found = _in_engine(client.connect(), named, settings)
    except EngineError:
        found = None
    built = found or _in_registry(named, settings)
    if built.project != settings.name:
        raise ConfigError(
            f"{named} is an image of the project {built.project}, but this project is"
            f" {settings.name}: its deployments expect another flow",
            code="image-of-another-project",
            hint=f"deploy it in the folder of {built.project}, or where the configuration has"
            f' name = "{built.project}"',
            where="--image",
        )
    # A name without a slash is one in the engine, or one in the project's repository.
    elsewhere = pushed_reference(built, Reference.parse(named)) if "/" in named else None
    return built, elsewhere or pushed_reference(built, _repository(settings))


def _image_of_files(engine: Engine, settings: Settings) -> tuple[BuiltImage, str | None]:
    """The image of the current files, and how a registry knows it.

    This engine's, or else the one in the project's repository. The engine does not list an image
    that another one, or a promotion, has put there: then the repository is asked for it.
    """
    from flowship import image
    from flowship.push import pushed_reference

    present, repository = prepare_build(settings), _repository(settings)
    bases = image.fingerprints_of_bases(engine, present)
    if bases is None:
        raise _no_image(settings)
    login = credentials(repository) if repository else None
    found, known = _of_inputs(engine, present, present.digest(bases), repository, login)
    if found is None:
        raise _no_image(settings)
    known = known or pushed_reference(found, repository)
    return replace(found, files=present.input_hashes(bases)), known


def _of_inputs(
    engine: Engine,
    request: BuildRequest,
    inputs: str,
    target: Reference | None,
    account: Credentials | None,
) -> tuple[BuiltImage | None, str | None]:
    """The image of these inputs, and its pinned name if `target` has it under the tag.

    Two builds of the same inputs have two digests. What the repository has comes first, so that
    every machine, and every command, means the same image; this engine's comes first only where
    that one lacks a flow.
    """
    from flowship import image, push

    here = image.inspect(engine, image.local_name(request, inputs))
    there = push.published(engine, target, inputs, account) if target else None
    wanted = request.settings.entrypoints
    if there and (not here or here.missing(wanted) or not there.missing(wanted)):
        return there, image.pinned(there, str(target))
    return here, None


def credentials(target: Reference) -> Credentials | None:
    """The credentials for the registry, validated before anything slow."""
    from flowship import registry

    return registry.credentials_for(target)


def facts_of(built: BuiltImage, reference: str | None) -> ImageFacts:
    """What a deployment needs to know about an image.

    Args:
        built: As the engine has it.
        reference: How the registry knows it, pinned; None when it was never pushed.
    """
    from flowship.deployment.desired import FlowFacts, ImageFacts

    flows = tuple(
        FlowFacts(
            entrypoint=probed.entrypoint,
            name=probed.flow_name,
            description=probed.description,
            parameters=dict(probed.parameters),
            refused_defaults=probed.refused_defaults,
            computed_defaults=tuple(probed.computed_defaults),
        )
        for probed in built.flows
    )
    return ImageFacts(
        reference=reference or built.reference,
        pushed=reference is not None,
        platform=built.platform,
        prefect_version=built.flows[0].prefect if built.flows else None,
        flows=flows or (FlowFacts(built.entrypoint),),
        probed=bool(flows),
        inputs=built.inputs,
        revision=built.revision,
        files=built.files,
    )


def planned_prefect(request: BuildRequest) -> str | None:
    """The version of Prefect that a new image is going to have.

    Returns:
        None where only the built image says it: with a Dockerfile of its own, another base image
        than Prefect's, or a requirement of Prefect that allows several versions.
    """
    from flowship.dockerfile import python_version
    from flowship.prefect.versions import version_of_base

    settings, wanted = request.settings, request.requirements
    if settings.dockerfile or settings.template:
        return None
    if wanted and re.search(r"(?mi)^\s*prefect(?![\w.-])", wanted.text):
        return wanted.version_of("prefect", python_version(settings.base_image))
    return version_of_base(settings.base_image)


class ImageAction(str, Enum):
    """What `ship` would do for its image."""

    NOTHING = "nothing"
    PUSH = "push"
    PROBE = "probe"
    """There is an image, but a flow of it was not probed: it is labelled and pushed again."""
    BUILD = "build"


@dataclass(frozen=True)
class Planned:
    """What is to be done for an image, and what is known of it before that.

    Attributes:
        action: What `ship` would do.
        facts: What is known of the image.
        target: Where it would be pushed.
        inputs: The hash of all inputs; empty where the engine lacks the base image.
        files: `BuildRequest.input_hashes`.
        new_flows: Flows of an existing image that were not loaded in it.
    """

    action: ImageAction
    facts: ImageFacts
    target: str
    inputs: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    new_flows: tuple[str, ...] = ()

    def reasons(self, released: Mapping[str, str]) -> tuple[str, ...]:
        """Why, in words.

        Args:
            released: The short hashes of the inputs of the last release.
        """
        if self.action is ImageAction.NOTHING:
            return ()
        if self.action is ImageAction.PUSH:
            return (f"{self.target} does not have it",)
        if self.new_flows:
            return tuple(f"{flow} is new" for flow in self.new_flows)
        if not self.inputs:
            return ("the base image is not in this engine",)
        return tuple(changed(released, self.files)) or ("no image of the current files",)


def planned(
    engine: Engine,
    api: PrefectApi,
    request: BuildRequest,
    target: Reference,
    account: Credentials | None,
    wanted: Draft,
) -> Planned:
    """What is to be done for the image, and what is known of it before that.

    Args:
        engine: The engine that would build.
        api: The server that would run it.
        request: What it would build.
        target: Where the image would be pushed.
        account: The login for the registry of `target`.
        wanted: What would be deployed.

    Raises:
        RegistryError: The registry cannot be asked whether it has the image.
    """
    from flowship import image, push

    settings = request.settings
    bases = image.fingerprints_of_bases(engine, request)
    inputs = "" if bases is None else request.digest(bases)
    plan = partial(
        Planned, target=target.repository, inputs=inputs, files=request.input_hashes(bases or {})
    )
    if not engine.is_remote:
        push.require_registry(target, inputs, account)
    if inputs:
        found, pinned = _of_inputs(engine, request, inputs, target, account)
        if found and (new := found.missing(settings.entrypoints)):
            expected = _expected(engine, request, target, wanted, api)
            here = {flow.entrypoint: flow for flow in facts_of(found, None).flows}
            flows = tuple(here.get(flow.entrypoint, flow) for flow in expected.flows)
            fits = not found.from_registry or found.platform == (
                settings.platform or engine.platform
            )
            action = ImageAction.PROBE if fits else ImageAction.BUILD
            return plan(action, replace(expected, flows=flows), new_flows=new)
        if found and pinned:
            return plan(ImageAction.NOTHING, facts_of(found, pinned))
        if found:
            named = target if target.tag else target.with_tag(inputs[:12])
            return plan(ImageAction.PUSH, facts_of(found, str(named)))
    return plan(ImageAction.BUILD, _expected(engine, request, target, wanted, api))


def _expected(
    engine: Engine, request: BuildRequest, target: Reference, wanted: Draft, api: PrefectApi
) -> ImageFacts:
    """What is known of an image before its build: its flows as the server has them, with the names
    that the files say."""
    from flowship import deploy as step

    expected = step.expected_image(
        wanted,
        api,
        reference=f"{target.repository} (new image)",
        platform=request.settings.platform or engine.platform,
    )
    flows = (
        replace(f, name=_name_in_file(request, f.entrypoint) or f.name) for f in expected.flows
    )
    return replace(expected, flows=tuple(flows))


def _name_in_file(request: BuildRequest, entrypoint: str) -> str | None:
    _, entry = request.flow_source(entrypoint)
    source = entry.source if entry else None
    return entry_function.registered_name(entrypoint, source) if source else None
