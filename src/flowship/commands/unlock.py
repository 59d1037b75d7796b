"""`flowship unlock`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Env, Json, not_empty
from flowship.commands.project import announce
from flowship.errors import UsageError

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.deployment.lock import LockState
    from flowship.prefect.client import PrefectApi


def unlock(
    project: Annotated[
        str | None,
        typer.Option(
            "--project", callback=not_empty, help="The project. Default: the one in this folder."
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Break the lock without asking.")
    ] = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Show who holds the deploy lock, and break it.

    A deploy that is still at work stops before its next change. Without a lock,
    nothing happens.
    """
    from flowship import scope
    from flowship.config import overlays
    from flowship.deployment import lock
    from flowship.output import prompts, render_lock
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    settings = scope.known_project(Path.cwd(), env)
    overlays.require(settings)
    block = _block(settings, project)
    announce(screen, settings, "breaking a lock in")
    with scope.open_api(settings) as api:
        found = lock.current(api, block)
        outcome = "absent"
        if found is None:
            screen.info(render_lock.absent(block))
        else:
            screen.info(*render_lock.holder(found))
            agreed = yes or found.expired or prompts.confirm("Break it?")
            outcome = _break(api, found) if agreed else "kept"
            screen.info(render_lock.DONE[outcome])
        screen.result({"lock": found, "outcome": outcome, "api_url": api.url}, outcome)


def _break(api: PrefectApi, found: LockState) -> str:
    from flowship.deployment import lock

    return "removed" if lock.remove(api, found) else "released"


def _block(settings: Settings | None, project: str | None) -> str:
    """The block that a project's deploy lock is named after."""
    if settings is not None and project in (None, settings.name):
        return settings.project.block_name
    if project is None:
        raise UsageError(
            "no project found in this folder, so the lock has no name",
            code="project-required",
            hint="name it: `flowship unlock --project NAME`",
            where="--project",
        )
    return f"{project}-docker"
