"""Ends a command whose result is already on stdout, with the exit code of what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from flowship.errors import FlowshipError
    from flowship.output.console import Screen


def exit_on(error: FlowshipError | None, screen: Screen) -> None:
    """Show an error, if there is one, and exit with its code.

    With ``--json`` the result stays the only object on stdout: the error goes to stderr alone.

    Raises:
        typer.Exit: There is an error.
    """
    if error is not None:
        screen.show_error(error)
        raise typer.Exit(int(error.exit_code))
