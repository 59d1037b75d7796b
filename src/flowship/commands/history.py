"""`flowship history`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from flowship.commands.options import Env, Json, Project, not_empty
from flowship.commands.project import require_known


def history(
    release: Annotated[
        str | None,
        typer.Argument(
            metavar="RELEASE",
            callback=not_empty,
            help="Show one release in full: its number, an image's digest, or a git revision.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="How many releases to show.")
    ] = 10,
    project: Project = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """List what was deployed, when and by whom, the newest first."""
    from flowship import scope
    from flowship.output import render_history
    from flowship.output.console import Screen
    from flowship.releases import store

    screen = Screen(as_json=as_json)
    chosen = scope.choose(Path.cwd(), project=project, environment=env)
    name = str(chosen.project)  # without one, `choose` is an error
    environment = chosen.outline.environment if chosen.outline else None
    with chosen.open_api() as api:
        require_known(screen, api, chosen)
        if release is not None:
            found = store.find(api, name, release)
            shown = render_history.full(found, api.ui_url(f"artifacts/artifact/{found.id}"))
            screen.report({"release": render_history.to_json(found)}, *shown)
            return
        every = store.releases(api, name, min(limit, store.PAGE))
        listed = list(islice((r for r in every if environment in (None, r.environment)), limit))
    screen.report(
        {"project": name, "releases": [render_history.to_json(each) for each in listed]},
        *render_history.listed(name, listed, environment=environment, columns=screen.columns),
    )
