"""`flowship try`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.build import prepare
from flowship.commands.options import (
    BuildArg,
    Env,
    Json,
    NoCache,
    Param,
    Platform,
    not_empty,
    pairs,
)
from flowship.commands.outcome import exit_on
from flowship.commands.project import announce, load_settings
from flowship.errors import UsageError

if TYPE_CHECKING:
    from flowship.engine.attached import Stream


def try_flow(
    deployment: Annotated[
        str | None,
        typer.Argument(
            metavar="DEPLOYMENT",
            callback=not_empty,
            help="The deployment's name. Default: the project's deployment.",
        ),
    ] = None,
    param: Param = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", help="Use no Prefect server: a temporary one runs in the container."
        ),
    ] = False,
    no_cache: NoCache = False,
    platform: Platform = None,
    build_arg: BuildArg = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Run a flow once in its image on this machine.

    The image is built if necessary. The run gets the environment, secrets, volumes
    and networks of the configuration. Nothing is pushed or deployed. The exit code
    is 8 if the flow fails.
    """
    from flowship import pipeline
    from flowship.commands.hooks import HookedListener, begin
    from flowship.deployment.desired import Flags
    from flowship.engine.builder import BuildOptions
    from flowship.output import render_trial
    from flowship.output.console import Screen
    from flowship.trial import result

    screen = Screen(as_json=as_json)
    settings = load_settings(screen, env, changes_server=not offline, platform=platform)
    if not offline:
        announce(screen, settings, "running in" if settings.environment else "running at")
    hooks = begin(screen, settings, "try")
    try:
        requests = prepare(screen, settings, build_arg, None, Flags(name=deployment), hooks)
    except UsageError as exc:  # here the name is an argument
        exc.where = "DEPLOYMENT" if exc.where == "--name" else exc.where
        raise

    def on_line(stream: Stream, line: str) -> None:
        screen.log(render_trial.line(line))

    done = pipeline.try_flow(
        requests,
        deployment,
        pairs(param, "--param"),
        BuildOptions(no_cache=no_cache),
        HookedListener(screen, hooks),
        on_line,
        offline=offline,
    )
    screen.info(*render_trial.ended(done))
    screen.result(done.to_json(), done.state_type)
    exit_on(result.failure(done), screen)
