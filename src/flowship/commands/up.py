"""`flowship up` and `flowship down`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowship.commands.options import Env, Json


def up(
    port: Annotated[
        int, typer.Option("--port", help="The port of the local server, if no API is set.")
    ] = 4200,
    pool: Annotated[
        str | None,
        typer.Option("--pool", help="The worker's work pool. Default: the project's work-pool."),
    ] = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Start a local Prefect server and a docker worker, and wait until both are ready.

    Safe to repeat. If the configured Prefect API responds, only the worker is started.
    """
    from flowship import pipeline, scope
    from flowship.config.loading import settings_or_none
    from flowship.output import render_local
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    settings = settings_or_none(Path.cwd(), env)
    if settings and scope.needs_profile(settings):
        screen.note(render_local.other_server(settings))
    with screen.progress() as report:
        started = pipeline.up(pool or pipeline.work_pool(settings), port, report)
    screen.info(*render_local.stack(started))
    screen.result(started, started.api_url or "")


def down(as_json: Json = False) -> None:
    """Stop what `flowship up` started. Safe to repeat."""
    from flowship.local import stack
    from flowship.output import render_local
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    with screen.progress() as report:
        stopped = stack.down(report)
    screen.info(*render_local.stack(stopped))
    screen.result(stopped)
