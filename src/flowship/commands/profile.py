"""`flowship profile`: show and set the Prefect API that commands use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowship.commands.options import Env, Json


def profile_set_api(
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="URL",
            help="The API's address. Default: the local server, http://127.0.0.1:4200/api.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", help="The profile to change. Default: the active one."),
    ] = None,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not check that a server responds.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Store the address of a Prefect API in a profile, after checking that it responds."""
    from flowship.config import loading
    from flowship.output import render_profile
    from flowship.output.console import Screen
    from flowship.prefect.profiles import editing

    screen = Screen(as_json=as_json)
    users = loading.profile_users(Path.cwd())
    change = editing.set_api(url, profile, check=not no_check, users=users)
    screen.info(*render_profile.profile_change(change))
    screen.result(change, change.url or "")


def profile_ls(as_json: Json = False) -> None:
    """List the profiles; an asterisk marks the active one."""
    from flowship.output import render_profile
    from flowship.output.console import Screen
    from flowship.prefect.profiles import showing

    screen = Screen(as_json=as_json)
    found = showing.list_profiles()
    screen.result({"profiles": found}, render_profile.profile_list(found))


def profile_use(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The profile to activate.")],
    as_json: Json = False,
) -> None:
    """Activate a profile, for flowship and Prefect."""
    from flowship.output import render_profile
    from flowship.output.console import Screen
    from flowship.prefect.profiles import editing

    screen = Screen(as_json=as_json)
    change = editing.use(name)
    screen.info(*render_profile.profile_change(change))
    screen.result(change)


def profile_show(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="The profile. Default: the one that commands here use."
        ),
    ] = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Show a profile's settings, with secrets masked, and the API that commands use."""
    from flowship import scope
    from flowship.output import render_profile
    from flowship.output.console import Screen
    from flowship.prefect.profiles import showing

    screen = Screen(as_json=as_json)
    settings = scope.known_project(Path.cwd(), env)
    target = scope.api_target(settings)
    shown = showing.show(name or (settings.profile if settings else None))
    for warning in target.warnings:
        screen.warn(warning)
    screen.result(
        render_profile.profile_json(shown, target), render_profile.profile_text(shown, target)
    )
