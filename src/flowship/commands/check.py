"""`flowship check`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Env, ImageOf, Json, Only
from flowship.commands.outcome import per_image
from flowship.errors import ExitCode

if TYPE_CHECKING:
    from flowship.config.every_environment import Failure
    from flowship.config.settings import Settings


def check(
    dockerfile: Annotated[
        Path | None,
        typer.Argument(metavar="DOCKERFILE", help="A Dockerfile; by default, the project's."),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Apply safe fixes to the Dockerfile.")] = False,
    only: Only = None,
    name: ImageOf = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Check a Dockerfile for problems that would make the scheduled run fail.

    The main checks: COPY destinations are absolute, the flow's file is where
    the deployment looks for it, and no secrets are copied into the image.
    Exits with code 3 if there are errors.
    """
    from flowship import check, image_choice
    from flowship.config import loading
    from flowship.deployment.desired import Flags
    from flowship.output import render_check
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    here = Path.cwd()

    def choose(settings: Settings) -> Sequence[Settings]:
        return image_choice.selected(settings, only, Flags(name=name))

    others: Sequence[Failure] = ()
    if dockerfile:
        checked = [check.check_file(dockerfile, loading.settings_or_none(here, env))]
    else:
        checked = [*check.check_project(here, env, choose)]
        others = check.check_environments(here, env)
    if fix:
        checked = [check.fix(each) for each in checked]
    checked = [check.with_hadolint(each) for each in checked]
    for warning in dict.fromkeys(text for each in checked for text in each.warnings):
        screen.warn(warning)
    screen.note(*dict.fromkeys(text for each in checked for text in each.notes))
    for each in checked:
        screen.info(*render_check.findings(each))
    for other in others:
        screen.show_error(other.error)
    labels = [each.image for each in checked]
    results = [render_check.findings_json(each) for each in checked]
    environments = render_check.environments_json(others)
    screen.result({**per_image(labels, results), "environments": environments})
    if others or any(each.errors for each in checked):
        raise typer.Exit(int(ExitCode.CONFIG))
