"""`flowship run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Json, Param, not_empty, pairs
from flowship.commands.project import load_settings
from flowship.errors import RunFailedError

if TYPE_CHECKING:
    pass


def run(
    deployment: Annotated[
        str | None,
        typer.Argument(
            callback=not_empty,
            help="flow/deployment, or the deployment's name; else the project's.",
        ),
    ] = None,
    param: Param = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Stream the logs; end with the run's outcome.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start a run of a deployment.

    With --watch the exit code is the run's outcome: 8 when it did not complete.
    """
    from flowship import pipeline, runs
    from flowship.output import render_runs
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    given = pairs(param, "--param")
    settings = None if deployment else load_settings(screen)
    name = pipeline.only_deployment(settings) if settings else str(deployment)
    with pipeline.open_api() as api:
        found = runs.find(api, name, project=lambda: settings or pipeline.known_project(Path.cwd()))
        started = runs.start(api, found, given)
        screen.info(*render_runs.started(started))
        if not watch:
            screen.result(started.to_json(), started.id)
            return
        try:
            ended = runs.watch(
                api,
                started,
                lambda record: screen.info(render_runs.log(record)),
                on_state=lambda state: screen.info(render_runs.state(state)),
                warn=screen.warn,
            )
        except KeyboardInterrupt:
            screen.info("no longer watching; the run goes on", *render_runs.hints(started))
            raise typer.Exit(screen.interrupted(started.to_json())) from None
    screen.info(*render_runs.ended(ended))
    screen.result(ended.to_json(), ended.state_type)
    try:
        runs.ensure_completed(ended)
    except RunFailedError as exc:  # the result is on stdout already
        screen.show_error(exc)
        raise typer.Exit(int(exc.exit_code)) from exc
