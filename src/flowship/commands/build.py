"""`flowship build`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import (
    BuildArg,
    Env,
    ImageOf,
    Json,
    NoCache,
    NoProbe,
    Only,
    Platform,
    pairs,
)
from flowship.commands.outcome import per_image
from flowship.commands.project import load_settings

if TYPE_CHECKING:
    from flowship.build_request import BuildRequest
    from flowship.config.settings import Settings
    from flowship.deployment.desired import Flags
    from flowship.output.console import Screen
    from flowship.project.hooks import Hooks


def build(
    no_cache: NoCache = False,
    no_probe: NoProbe = False,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", "-t", help="Another name for the image. Can be repeated."),
    ] = None,
    platform: Platform = None,
    build_arg: BuildArg = None,
    only: Only = None,
    name: ImageOf = None,
    print_dockerfile: Annotated[
        bool, typer.Option("--print-dockerfile", help="Print the Dockerfile and exit.")
    ] = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Check the project, build its images, and load the flows inside them.

    The image's tag is a hash of everything that goes into it, so an unchanged
    project is not built again. If a flow does not load, the image is not tagged.
    """
    from flowship import image_choice, pipeline
    from flowship.commands.hooks import HookedListener, begin
    from flowship.deployment.desired import Flags
    from flowship.engine.builder import BuildOptions
    from flowship.output import render_image
    from flowship.output.console import Screen
    from flowship.registry.target import further_names

    screen = Screen(as_json=as_json)
    names = further_names(tag)
    settings = load_settings(screen, env, platform=platform)
    hooks = None if print_dockerfile else begin(screen, settings, "build")
    requests = prepare(screen, settings, build_arg, only, Flags(name=name), hooks)
    images = [request.settings for request in requests]
    for option in ["--print-dockerfile"] * print_dockerfile + ["--tag"] * bool(names):
        image_choice.require_one(images, option)
    if print_dockerfile:
        [text] = [request.dockerfile for request in requests]
        screen.result({"dockerfile": text}, text, exact=True)
        return
    pipeline.validate(images, Flags())
    options = BuildOptions(no_cache=no_cache, probe=not no_probe, tags=names)
    listener = HookedListener(screen, hooks)
    built = pipeline.build(requests, options, listener)
    results = [render_image.built_json(image, listener.warnings_of(image)) for image in built]
    screen.result(
        per_image([each.label for each in images], results),
        "\n".join(image.reference for image in built),
    )


def prepare(
    screen: Screen,
    project: Settings,
    build_arg: list[str] | None,
    only: str | None,
    flags: Flags,
    hooks: Hooks | None,
) -> list[BuildRequest]:
    """The build request of each image, from the files as the ``pre-build`` hook leaves them.

    See `flowship.image_choice.selected`. Without `hooks`, none runs.
    """
    from flowship import image_choice
    from flowship.build_request import prepare_build
    from flowship.project.hooks import Point

    given = pairs(build_arg, "--build-arg")
    if hooks:
        hooks.run(Point.PRE_BUILD)
    requests = []
    for settings in image_choice.selected(project, only, flags):
        arguments = {**settings.build_args, **given}
        requests.append(prepare_build(settings.model_copy(update={"build_args": arguments})))
    for warning in dict.fromkeys(text for request in requests for text in request.warnings):
        screen.warn(warning)
    screen.note(*dict.fromkeys(text for request in requests for text in request.notes))
    return requests
