"""`flowship doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Env, Json, Project
from flowship.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from flowship.doctor.world import World


def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Remove what killed commands of flowship left behind.")
    ] = False,
    project: Project = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Examine this machine, the engine, the registry, the server and the workers.

    Each problem has its meaning and the command that solves it. Without a project
    in the folder, only the machine and the server are examined. Exits with code 3
    if there are errors.
    """
    from flowship.doctor.examination import examine
    from flowship.output import render_doctor
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    found = examine(_world(project, env, fix=fix))
    unicode = render_doctor.can_show_marks()
    screen.report(found.to_json(), *render_doctor.examination(found, unicode=unicode))
    if not found.healthy:
        raise typer.Exit(int(ExitCode.CONFIG))


def _world(project: str | None, env: str | None, *, fix: bool) -> World:
    """What to examine: also a project whose configuration is broken."""
    from flowship import scope
    from flowship.config import loading
    from flowship.doctor.world import World

    here = Path.cwd()
    if project is None and not loading.is_configured(here):
        return World(here, scope.Scope(None), fix=fix)
    try:
        chosen = scope.choose(here, project=project, environment=env)
    except ConfigError as exc:
        return World(here, scope.Scope(None), unreadable=exc, fix=fix)
    if fix:
        chosen.require_environment()
    return World(here, chosen, fix=fix)
