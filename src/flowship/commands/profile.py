"""`flowship profile`: which Prefect API is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Json

if TYPE_CHECKING:
    pass


def profile_set_api(
    url: Annotated[
        str | None,
        typer.Argument(help="The API's address; without it, the local server's."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", help="The profile to write; else the active one."),
    ] = None,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not ask whether a server answers there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Store the Prefect API's address in a profile, after checking that it answers."""
    from flowship.output import render_profile
    from flowship.output.console import Screen
    from flowship.prefect.profiles import editing

    screen = Screen(as_json=as_json)
    change = editing.set_api(url, profile, check=not no_check)
    screen.info(*render_profile.profile_change(change))
    screen.result(change, change.url or "")


def profile_ls(as_json: Json = False) -> None:
    """List the profiles; the active one is marked."""
    from flowship.output import render_profile
    from flowship.output.console import Screen
    from flowship.prefect.profiles import editing

    screen = Screen(as_json=as_json)
    found = editing.list_profiles()
    screen.result({"profiles": found}, render_profile.profile_list(found))


def profile_use(
    name: Annotated[str, typer.Argument(help="The profile to make active.")],
    as_json: Json = False,
) -> None:
    """Make a profile the active one."""
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
        typer.Argument(help="The profile; without it, the active one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a profile's settings, secrets masked, and where the API address comes from."""
    from flowship.output import render_profile
    from flowship.output.console import Screen
    from flowship.prefect.profiles import editing, resolution

    screen = Screen(as_json=as_json)
    shown = editing.show(name)
    target = resolution.resolve()
    for warning in target.warnings:
        screen.warn(warning)
    screen.result(
        render_profile.profile_json(shown, target), render_profile.profile_text(shown, target)
    )
