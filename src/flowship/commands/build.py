"""`flowship build`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import BuildArg, Env, Json, NoCache, NoProbe, Platform, pairs
from flowship.commands.project import load_settings

if TYPE_CHECKING:
    from flowship.build_request import BuildRequest
    from flowship.output.console import Screen


def build(
    no_cache: NoCache = False,
    no_probe: NoProbe = False,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", "-t", help="Another name for the image. Can be repeated."),
    ] = None,
    platform: Platform = None,
    build_arg: BuildArg = None,
    print_dockerfile: Annotated[
        bool, typer.Option("--print-dockerfile", help="Print the Dockerfile and exit.")
    ] = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Check the project, build its image, and load the flow inside it.

    The image's tag is a hash of everything that goes into it, so an unchanged
    project is not built again. If the flow does not load, the image is not tagged.
    """
    from flowship import pipeline
    from flowship.engine.builder import BuildOptions
    from flowship.output import render_image
    from flowship.output.console import Screen
    from flowship.output.listener import ScreenListener
    from flowship.registry.target import further_names

    screen = Screen(as_json=as_json)
    names = further_names(tag)
    request = prepare(screen, platform, build_arg, env)
    if print_dockerfile:
        screen.result({"dockerfile": request.dockerfile}, request.dockerfile, exact=True)
        return
    pipeline.validate(request)
    options = BuildOptions(no_cache=no_cache, probe=not no_probe, tags=names)
    image = pipeline.build(request, options, ScreenListener(screen))
    screen.result(render_image.built_json(image), image.reference)


def prepare(
    screen: Screen,
    platform: str | None,
    build_arg: list[str] | None,
    env: str | None,
    *,
    changes_server: bool = False,
) -> BuildRequest:
    """The build request from the configuration and the options; see `load_settings`."""
    from flowship.build_request import prepare_build

    settings = load_settings(screen, env, changes_server=changes_server, platform=platform)
    arguments = {**settings.build_args, **pairs(build_arg, "--build-arg")}
    request = prepare_build(settings.model_copy(update={"build_args": arguments}))
    for warning in request.warnings:
        screen.warn(warning)
    screen.note(*request.notes)
    return request
