"""`flowship init`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from flowship.commands.options import Json, not_empty


def init(
    prefect_yaml: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PREFECT.YAML",
            callback=not_empty,
            help="Import the deployments, schedules and steps of a prefect.yaml.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a small working project in an empty folder.

    In a folder that already has flows, only flowship.toml and .dockerignore are created.
    Existing files are never overwritten.
    """
    from flowship.config import loading, settings
    from flowship.output import render_init
    from flowship.output.console import Screen
    from flowship.prefect import versions
    from flowship.project import scaffold
    from flowship.project.locks import choice

    screen = Screen(as_json=as_json)
    folder = Path.cwd()
    loading.refuse_inside_project(folder)
    name, warnings = loading.default_name(folder)
    locked = choice.pinned(folder, "prefect")
    fitting = versions.image_with(locked[1]) if locked else None
    base = os.environ.get("FLOWSHIP_BASE_IMAGE") or fitting or settings.default_base_image()
    if prefect_yaml:
        from flowship.deployment import schedules
        from flowship.project.prefect_yaml import translate

        taken = translate(Path(prefect_yaml), schedules.problem)
        written = scaffold.from_prefect_yaml(
            folder, taken, name=taken.name or name, base_image=base
        )
    else:
        written = scaffold.init(folder, name=name, base_image=base)
    for warning in warnings:
        screen.warn(warning)
    screen.info(*render_init.scaffold(written, source=prefect_yaml or ""))
    screen.result(written, "\n".join(written.written))
