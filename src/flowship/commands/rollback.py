"""`flowship rollback`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowship.commands.options import Env, Json, NoWait, Project, not_empty
from flowship.commands.project import announce, require_known


def rollback(
    release: Annotated[
        str | None,
        typer.Argument(
            metavar="RELEASE",
            callback=not_empty,
            help="The release: its number, an image's digest, or a git revision."
            " Default: the last one that differs from the present one.",
        ),
    ] = None,
    project: Project = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Deploy it without asking.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would change on the server; change nothing."),
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete deployments that later releases added.")
    ] = False,
    no_wait: NoWait = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Deploy an earlier release again, as a new release.

    Builds nothing and reads no configuration. Schedules that a person paused stay
    paused, and schedules that a person added stay.
    """
    from flowship import scope
    from flowship.operate import rollback as operation
    from flowship.output import prompts, render_deploy, render_history
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    chosen = scope.choose(Path.cwd(), project=project, environment=env)
    chosen.require_environment()
    announce(screen, chosen.outline, "comparing with" if dry_run else "rolling back at")
    with chosen.open_api() as api:
        require_known(screen, api, chosen)
        found = operation.plan(api, chosen, release, prune=prune)
        follows = yes and not dry_run and found.changes
        screen.info(*render_history.rollback(found, follows=follows))
        done = list(found.plans)
        if not dry_run and found.changes:
            if not (yes or prompts.confirm(f"Deploy release {found.target.number} again?")):
                screen.info("nothing was changed")
                return
            with screen.progress() as report:
                done = operation.execute(api, found, report, wait=not no_wait)
            screen.info(*render_deploy.all_deployed(done))
        elif dry_run:
            screen.info("nothing was changed (--dry-run)")
    number = done[0].release
    screen.result(found.to_json(done), f"release {number}" if number else "")
