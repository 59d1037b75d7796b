"""`flowship ps`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import DeploymentName, Env, Json, Project
from flowship.commands.project import choose_scope
from flowship.errors import ApiError, EngineError

if TYPE_CHECKING:
    from flowship.output.console import Screen
    from flowship.runs.containers import Connect, RunContainer
    from flowship.runs.listing import RunRow
    from flowship.scope import Scope


def ps(
    deployment: DeploymentName = None,
    everything: Annotated[
        bool,
        typer.Option("--all", "-a", help="Also containers that have ended and still exist."),
    ] = False,
    project: Project = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """List the runs that are going on, with their containers on this machine's engine.

    Outside of a project: all runs and their containers, whatever their project.
    """
    from flowship.output import render_ps
    from flowship.output.console import Screen
    from flowship.runs import listing
    from flowship.runs.containers import lazy_engine

    screen = Screen(as_json=as_json)
    chosen = _scope(screen, deployment, project, env)
    connect = lazy_engine()
    warnings: list[str] = []
    containers = _containers(connect, warnings, ended=everything)
    rows = listing.with_usage(_rows(chosen, containers, warnings), connect)
    for warning in warnings:
        screen.warn(warning)
    if not rows and not warnings:
        screen.note("no run is going on")
    screen.report(
        {"runs": [row.to_json() for row in rows], "warnings": warnings},
        *(line for row in rows for line in render_ps.row(row)),
    )


def _scope(screen: Screen, deployment: str | None, project: str | None, env: str | None) -> Scope:
    """What the command is about; everything, outside of a project."""
    from flowship.config import loading
    from flowship.scope import Scope

    if not (deployment or project or env or loading.is_configured(Path.cwd())):
        return Scope(None)
    return choose_scope(screen, deployment, project, env)


def _containers(connect: Connect, warnings: list[str], *, ended: bool) -> list[RunContainer] | None:
    from flowship.runs.containers import of_runs

    try:
        return of_runs(connect(), running=not ended)
    except EngineError as exc:
        warnings.append(f"the containers are unknown: {exc.message}")
        return None


def _rows(
    chosen: Scope, containers: list[RunContainer] | None, warnings: list[str]
) -> list[RunRow]:
    """The runs with their containers; the containers alone if no server answers.

    Raises:
        ApiError: No server answers, and there is no container either; or none is chosen, as no
            environment is.
    """
    from flowship import scope
    from flowship.config.overlays import how_to_choose
    from flowship.runs import listing

    everything = chosen.project is None and chosen.deployment is None
    try:
        with chosen.open_api() as api:
            own = None if everything else scope.deployments(api, chosen).found
            return listing.rows(api, own, containers)
    except ApiError as exc:
        alone = listing.without_server(containers or (), chosen.project)
        lacks_environment = exc.code == "api-not-configured" and how_to_choose(chosen.outline)
        if not alone or lacks_environment:
            raise
        next_step = f"; {exc.hint}" if exc.hint else ""
        warnings.append(f"the states of the runs are unknown: {exc.message}{next_step}")
        return alone
