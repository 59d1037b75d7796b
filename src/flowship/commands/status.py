"""`flowship status`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import DeploymentName, Env, Json, Project
from flowship.errors import UsageError

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.prefect.client import PrefectApi
    from flowship.releases.record import Release
    from flowship.scope import Scope
    from flowship.status.record import Compared, ProjectStatus

REFRESH = 5.0  # seconds between two requests for the status with --watch


def status(
    deployment: DeploymentName = None,
    project: Project = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", "-w", help="Refresh the status every 5 seconds, until Ctrl-C."),
    ] = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Show how the project's deployments do: schedules, next and last runs, image, worker.

    The exit code is 0 whatever the state of the runs.
    """
    from flowship.commands.project import choose_scope, require_known
    from flowship.output import render_status
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    if watch and (as_json or not sys.stdout.isatty()):
        raise UsageError(
            "--watch and --json cannot be combined" if as_json else "--watch needs a terminal",
            code="options-exclude-each-other" if as_json else "no-terminal",
            hint="omit --watch to print the status once",
            where="--watch",
        )
    about = choose_scope(screen, deployment, project, env)
    with about.open_api() as api:
        require_known(screen, api, about)
        if watch:
            _watch(api, about)
        else:
            found = _read(api, about)
            screen.report(found, *render_status.status(found, unicode=_shows_unicode()))


def _read(api: PrefectApi, about: Scope) -> ProjectStatus:
    from flowship import scope
    from flowship.status.read import Subject, read

    own = scope.deployments(api, about)
    subject = Subject(
        project=about.project,
        environment=about.outline.environment if about.outline else None,
        deployments=own.found,
        absent=own.absent,
        release=own.release,
        block=own.lock,
        compared=_compared(about.settings, own.release),
        alerts=own.alerts,
    )
    return read(api, subject)


def _compared(settings: Settings | None, release: Release | None) -> dict[str, Compared]:
    """The project's files, compared with the release, if both are there."""
    if settings is None or release is None:
        return {}
    from flowship.status import source  # late: it imports all that a build is made of

    return source.compare(settings, release)


def _watch(api: PrefectApi, about: Scope) -> None:
    """Draw the status in place repeatedly; Ctrl-C ends it."""
    from flowship.output import render_status, watching

    unicode = _shows_unicode()
    watching.watch(lambda: render_status.status(_read(api, about), unicode=unicode), REFRESH)


def _shows_unicode() -> bool:
    """Whether stdout can show more than ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
