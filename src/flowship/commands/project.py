"""The project that a command works on, loaded once; prints its notes and warnings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.output.console import Screen
    from flowship.prefect.client import PrefectApi
    from flowship.scope import Scope


def load_settings(
    screen: Screen, env: str | None = None, *, changes_server: bool = False, **overrides: object
) -> Settings:
    """The validated settings of the project in the current folder; prints its warnings.

    Args:
        screen: Where to print.
        env: The environment that ``--env`` names.
        changes_server: Whether the command changes a server or pushes, which a project with
            ``require-env`` allows only with an environment.
        overrides: Values of options, by field name.
    """
    from flowship import check
    from flowship.config import loading, overlays

    settings = loading.load(Path.cwd(), environment=env, overrides=overrides)
    if changes_server:
        overlays.require(settings)
    check.validate_names(settings)
    for warning in settings.warnings:
        screen.warn(warning)
    screen.note(*settings.notes)
    return settings


def choose_scope(
    screen: Screen,
    deployment: str | None = None,
    project: str | None = None,
    env: str | None = None,
    *,
    changes_server: bool = False,
) -> Scope:
    """The project and deployment that a command of the second day is about.

    Prints what is wrong with the folder's configuration, which does not stop such a command.

    Args:
        screen: Where to print.
        deployment: The deployment that the user named.
        project: ``--project``.
        env: ``--env``.
        changes_server: As in `load_settings`.
    """
    from flowship import scope

    found = scope.choose(Path.cwd(), deployment, project, env)
    if changes_server:
        found.require_environment()
    if problem := found.problem:
        place = f"{problem.where}: " if problem.where else ""
        outlined = "only its name, environment and deployments are used"
        used = outlined if found.outline else "nothing of it is used"
        screen.warn(f"{place}{problem.message}; {used}")
    return found


def require_known(screen: Screen, api: PrefectApi, about: Scope) -> None:
    """Refuse a project that neither a configuration nor a release knows; see `scope`.

    Prints a note where the project is the built-in one.
    """
    from flowship import scope

    scope.require_known(api, about)
    if about.unconfigured and about.outline:
        screen.note(*about.outline.notes)


def announce(screen: Screen, settings: Settings | None, doing: str) -> None:
    """Print which server and environment a command is about to change, if there is a choice.

    Args:
        screen: Where to print.
        settings: The project's.
        doing: Such as "deploying to".
    """
    from flowship import scope
    from flowship.output import render_target

    if settings is None or not (settings.environments or settings.profile):
        return
    target = scope.api_target(settings)
    for warning in target.warnings:
        screen.warn(warning)
    screen.info(render_target.server(doing, settings, target))
