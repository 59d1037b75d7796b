"""`flowship unlock`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Env, Json, Project
from flowship.commands.project import announce, require_known

if TYPE_CHECKING:
    from flowship.deployment.lock import LockState
    from flowship.prefect.client import PrefectApi


def unlock(
    project: Project = None,
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
    from flowship.deployment import lock
    from flowship.output import prompts, render_lock
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    chosen = scope.choose(Path.cwd(), project=project, environment=env)
    chosen.require_environment()
    announce(screen, chosen.outline, "looking for a lock in")
    with chosen.open_api() as api:
        found = lock.current(api, chosen.lock)
        outcome = "absent"
        if found is None:
            require_known(screen, api, chosen)
            screen.info(render_lock.absent(chosen.lock))
        else:
            screen.info(*render_lock.holder(found))
            agreed = yes or not found.at_work or prompts.confirm("Break it?")
            outcome = _break(api, found) if agreed else "kept"
            screen.info(render_lock.DONE[outcome])
        screen.result({"lock": found, "outcome": outcome, "api_url": api.url}, outcome)


def _break(api: PrefectApi, found: LockState) -> str:
    from flowship.deployment import lock

    return "removed" if lock.remove(api, found) else "released"
