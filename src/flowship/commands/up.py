"""`flowship up` and `flowship down`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Json

if TYPE_CHECKING:
    pass


def up(
    port: Annotated[int, typer.Option("--port", help="The local server's port.")] = 4200,
    pool: Annotated[
        str | None,
        typer.Option("--pool", help="The worker's pool; else the configured one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Start a local Prefect server and a docker worker, and wait until both really answer.

    Safe to repeat. Where an API is set already, only the worker is started.
    """
    from flowship import pipeline
    from flowship.output import render_local
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    with screen.progress() as report:
        stack = pipeline.up(pool or pipeline.work_pool(Path.cwd()), port, report)
    screen.info(*render_local.stack(stack))
    screen.result(stack, stack.api_url or "")


def down(as_json: Json = False) -> None:
    """Stop what `flowship up` started. Safe to repeat."""
    from flowship.local import stack as stacks
    from flowship.output import render_local
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    with screen.progress() as report:
        stopped = stacks.down(report)
    screen.info(*render_local.stack(stopped))
    screen.result(stopped)
