"""`flowship check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Json
from flowship.errors import ExitCode

if TYPE_CHECKING:
    pass


def check(
    dockerfile: Annotated[
        Path | None,
        typer.Argument(help="A Dockerfile; without it, the project's."),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended safely.")] = False,
    as_json: Json = False,
) -> None:
    """Look for what would make the scheduled run fail, before anything is built.

    COPY destinations must be absolute; the flow's file must land where the
    deployment looks for it; nothing secret may enter the image.
    Exit code 3 when there are errors.
    """
    from flowship import check
    from flowship.config import loading
    from flowship.output import render_check
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    here = Path.cwd()
    if dockerfile:
        checked = check.check_file(dockerfile, loading.settings_or_none(here))
    else:
        checked = check.check_project(here)
    checked, fixed = check.fix(checked) if fix else (checked, 0)
    checked = check.with_hadolint(checked)
    for warning in checked.warnings:
        screen.warn(warning)
    screen.info(*render_check.findings(checked, fixed))
    screen.result(render_check.findings_json(checked, fixed))
    if checked.errors:
        raise typer.Exit(int(ExitCode.CONFIG))
