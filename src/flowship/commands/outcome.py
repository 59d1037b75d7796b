"""What a command ends with: the result of one or several images, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from flowship.errors import FlowshipError
    from flowship.output.console import Screen


def per_image(labels: Sequence[str], results: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What ``--json`` prints: the result of the only image, or a list of results with names."""
    if len(results) == 1:
        return results[0]
    named = zip(labels, results, strict=True)
    return {"images": [{"name": label, **result} for label, result in named]}


def exit_on(error: FlowshipError | None, screen: Screen) -> None:
    """Show an error, if there is one, and exit with its code.

    With ``--json`` the result stays the only object on stdout: the error goes to stderr alone.

    Raises:
        typer.Exit: There is an error.
    """
    if error is not None:
        screen.show_error(error)
        raise typer.Exit(int(error.exit_code))
