"""`flowship cancel`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowship.commands.options import Env, Json, Project, not_empty
from flowship.commands.project import announce, choose_scope, require_known


def cancel(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN | DEPLOYMENT",
            callback=not_empty,
            help="The ID of a run, its first 8 or more digits, or its name; or a deployment with"
            " one run that is going on.",
        ),
    ],
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Do not wait for the worker; set the run to Cancelled even if its container is"
            " not on this engine.",
        ),
    ] = False,
    project: Project = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """End a run and its container.

    Wait until the run's worker has ended it. If it does not, stop the container
    on this machine's engine. A run that has not started is canceled at once.
    """
    from flowship import scope
    from flowship.output import render_runs
    from flowship.output.console import Screen
    from flowship.runs import cancel
    from flowship.runs.chosen import Which
    from flowship.runs.containers import lazy_engine

    screen = Screen(as_json=as_json)
    chosen = choose_scope(screen, run, project, env, changes_server=True)
    announce(screen, chosen.outline, "canceling a run at")
    with chosen.open_api() as api:
        require_known(screen, api, chosen)
        found = scope.run(api, chosen, Which.GOING_ON)
        screen.info(render_runs.canceling(found))
        done = cancel.cancel(
            api,
            found,
            lazy_engine(),
            force=force,
            on_state=lambda name: screen.info(render_runs.state(name)),
        )
    screen.info(*render_runs.canceled(done))
    screen.result(done.to_json(), done.run.state_type.value)
