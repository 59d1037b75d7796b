"""`flowship run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Env, Json, Param, not_empty, pairs
from flowship.commands.outcome import exit_on
from flowship.commands.project import announce, load_settings

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.output.console import Screen
    from flowship.prefect.client import PrefectApi
    from flowship.runs.start import Started
    from flowship.runs.watch import RunResult


def run(
    deployment: Annotated[
        str | None,
        typer.Argument(
            metavar="DEPLOYMENT",
            callback=not_empty,
            help="flow/deployment or the deployment's name. Default: the project's deployment.",
        ),
    ] = None,
    param: Param = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            "-w",
            help="Stream the logs until the run ends; exit with code 8 if it fails.",
        ),
    ] = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Start a run of a deployment.

    Without --watch, print the run's id. With --watch, print its final state, and
    exit with code 8 if it is not COMPLETED.
    """
    from flowship import scope
    from flowship.config import overlays
    from flowship.output import render_runs
    from flowship.output.console import Screen
    from flowship.runs.find import find
    from flowship.runs.start import start
    from flowship.runs.watch import failure

    screen = Screen(as_json=as_json)
    given = pairs(param, "--param")
    if deployment:
        settings = scope.known_project(Path.cwd(), env)
        overlays.require(settings)
        name = deployment
        _warn_of_another_environment(screen, settings, name)
    else:
        settings = load_settings(screen, env, changes_server=True)
        name = scope.only_deployment(settings)
    announce(screen, settings, "running in" if settings and settings.environment else "running at")
    with scope.open_api(settings) as api:
        own = settings.deployment_names if settings else ()
        found = find(api, name, project=lambda: settings, own=own)
        started = start(api, found, given)
        if not watch:
            screen.info(*render_runs.started(started))
            screen.result(started.to_json(), started.id)
            return
        result = _watch(api, started, screen)
    screen.info(*render_runs.ended(result))
    screen.result(result.to_json(), result.state_type.value)
    exit_on(failure(result), screen)


def _warn_of_another_environment(screen: Screen, settings: Settings | None, name: str) -> None:
    """Warn of a deployment that the chosen environment does not configure."""
    if settings is None or settings.environment is None:
        return
    configured = settings.deployment_names
    if name.rpartition("/")[2] not in configured:
        screen.warn(
            f'"{name}" does not belong to {settings.environment}, whose deployments are'
            f" {', '.join(configured)}"
        )


def _watch(api: PrefectApi, started: Started, screen: Screen) -> RunResult:
    """Draw a run, its states and logs until it ends; Ctrl-C ends only the drawing."""
    from flowship.output import render_runs
    from flowship.runs.containers import lazy_engine, lost
    from flowship.runs.watch import watch

    log, connect = render_runs.RunLog(), lazy_engine()
    try:
        screen.info(*render_runs.started(started))
        return watch(
            api,
            started,
            lambda record: screen.log(log.line(record)),
            lost=lambda: lost(api, started.id, connect),
            on_state=lambda state: screen.info(render_runs.state(state)),
            warn=screen.warn,
        )
    except KeyboardInterrupt:
        screen.info("stopped watching; the run continues", *render_runs.hints(started))
        raise typer.Exit(screen.interrupted(started.to_json())) from None
