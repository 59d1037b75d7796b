"""`flowship pause` and `flowship resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import DeploymentName, Env, Json, Project, not_empty
from flowship.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowship.prefect.client import PrefectApi
    from flowship.runs.find import FoundDeployment
    from flowship.scope import Scope

Slug = Annotated[
    str | None,
    typer.Option(
        "--schedule",
        callback=not_empty,
        help="Only this schedule, by its slug, such as daily-0500. Default: the whole deployment.",
    ),
]
All = Annotated[bool, typer.Option("--all", help="All deployments of the project.")]


def pause(
    deployment: DeploymentName = None,
    schedule: Slug = None,
    all_: All = False,
    project: Project = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Pause a deployment or one of its schedules: no scheduled run starts until it is resumed.

    Runs that are going on continue. A later deploy keeps the pause.
    """
    _change(deployment, schedule, project, env, paused=True, all_of_it=all_, as_json=as_json)


def resume(
    deployment: DeploymentName = None,
    schedule: Slug = None,
    all_: All = False,
    project: Project = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Resume a deployment or one of its schedules. Runs whose time has passed are not made up."""
    _change(deployment, schedule, project, env, paused=False, all_of_it=all_, as_json=as_json)


def _change(
    deployment: str | None,
    schedule: str | None,
    project: str | None,
    env: str | None,
    *,
    paused: bool,
    all_of_it: bool,
    as_json: bool,
) -> None:
    from flowship.commands.project import announce, choose_scope, require_known
    from flowship.deployment import pausing
    from flowship.output import render_pause
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    if all_of_it and (deployment or schedule):
        other = "DEPLOYMENT" if deployment else "--schedule"
        raise UsageError(f"--all and {other} cannot be combined", code="options-exclude-each-other")
    about = choose_scope(screen, deployment, project, env, changes_server=True)
    announce(screen, about.outline, "pausing at" if paused else "resuming at")
    with about.open_api() as api:
        require_known(screen, api, about)
        done = [
            pausing.change(api, each, each["flow_name"], paused=paused, schedule=schedule)
            for each in _chosen(api, about, all_of_it=all_of_it)
        ]
        url = api.url
    for each in done:
        screen.info(*render_pause.changed(each))
    screen.result({"deployments": done, "api_url": url}, render_pause.names(done))


def _chosen(api: PrefectApi, about: Scope, *, all_of_it: bool) -> Sequence[FoundDeployment]:
    from flowship import scope

    if not all_of_it:
        return [scope.one(api, about)]
    found = scope.deployments(api, about).found
    return found or [scope.one(api, about)]  # which says that nothing is deployed
