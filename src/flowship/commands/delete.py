"""`flowship delete`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowship.commands.options import DeploymentName, Env, Json, NoWait, Project
from flowship.commands.project import announce, require_known


def delete(
    deployment: DeploymentName = None,
    project: Project = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted; change nothing.")
    ] = False,
    no_wait: NoWait = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Delete a deployment, or all of the project.

    Its schedules are deleted with it, and its block if no other deployment uses it.
    Runs, images, secrets and the work pool stay. `rollback` creates it again.
    """
    from flowship import scope
    from flowship.operate import delete as operation
    from flowship.output import prompts, render_delete
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    chosen = scope.choose(Path.cwd(), deployment, project, env)
    chosen.require_environment()
    announce(screen, chosen.outline, "deleting at")
    done = operation.Deleted()
    with chosen.open_api() as api:
        require_known(screen, api, chosen)
        found = operation.plan(api, chosen)
        screen.info(*render_delete.planned(found, follows=yes and not dry_run))
        if not dry_run:
            if not (yes or prompts.confirm("Delete?")):
                screen.info("nothing was changed")
                return
            with screen.progress() as report:
                done = operation.carry_out(api, chosen, found, report, wait=not no_wait)
        screen.info(*render_delete.done(found, done, dry_run=dry_run))
    screen.result(
        found.to_json(done=done, dry_run=dry_run),
        "" if dry_run else "\n".join(found.deployments),
    )
