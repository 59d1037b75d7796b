"""`flowship prune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowship.commands.options import Env, Json, Project
from flowship.commands.project import announce, require_known


def prune(
    keep: Annotated[
        int,
        typer.Option(
            "--keep", min=1, help="Releases of each environment whose images are not removed."
        ),
    ] = 5,
    project: Project = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be removed; remove nothing.")
    ] = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Remove old images of the project from the engine.

    Those of the last releases stay, and those that a container uses. Images in a
    registry are never removed.
    """
    from flowship import scope
    from flowship.engine.client import connect
    from flowship.operate import prune as operation
    from flowship.output import render_delete
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    chosen = scope.choose(Path.cwd(), project=project, environment=env)
    announce(screen, chosen.outline, "reading the releases at")
    labels = chosen.outline.project.images if chosen.outline else ()
    with chosen.open_api() as api:
        require_known(screen, api, chosen)
        engine = connect()
        found = operation.plan(engine, api, str(chosen.project), labels, keep)
    unused = [image for image in found if not image.kept]
    freed = None if dry_run else operation.remove(engine, unused)
    screen.info(*render_delete.pruned(found, freed))
    screen.result(
        {
            "project": chosen.project,
            "removed": unused,
            "kept": [image for image in found if image.kept],
            "freed": freed,
            "dry_run": dry_run,
        },
        "" if dry_run else "\n".join(name for image in unused for name in image.names),
    )
