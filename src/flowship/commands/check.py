"""`flowship check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowship.commands.options import Env, Json
from flowship.errors import ExitCode


def check(
    dockerfile: Annotated[
        Path | None,
        typer.Argument(help="A Dockerfile; by default, the project's."),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Apply safe fixes to the Dockerfile.")] = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Check a Dockerfile for problems that would make the scheduled run fail.

    The main checks: COPY destinations are absolute, the flow's file is where
    the deployment looks for it, and no secrets are copied into the image.
    Exits with code 3 if there are errors.
    """
    from flowship import check
    from flowship.config import loading
    from flowship.output import render_check
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    here = Path.cwd()
    if dockerfile:
        checked = check.check_file(dockerfile, loading.settings_or_none(here, env))
    else:
        checked = check.check_project(here, env)
    if fix:
        checked = check.fix(checked)
    checked = check.with_hadolint(checked)
    for warning in checked.warnings:
        screen.warn(warning)
    screen.note(*checked.notes)
    screen.info(*render_check.findings(checked))
    screen.result(render_check.findings_json(checked))
    if checked.errors:
        raise typer.Exit(int(ExitCode.CONFIG))
