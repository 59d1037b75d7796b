"""Draws something repeatedly: in place on a terminal, one below the other elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.errors import ApiError
from flowship.output import terminal
from flowship.output.next_steps import followed_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Draw = Callable[[], Sequence["RenderableType"]]


def watch(
    draw: Draw,
    seconds: float,
    *,
    console: Console | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Draw until Ctrl-C, which is not caught.

    Args:
        draw: Makes the lines. After an error of the API, the last ones stay, with the error.
        seconds: The time between two drawings.
        console: Where to draw; stdout by default.
        sleep: Waits.

    Raises:
        ApiError: The first drawing failed.
    """
    from rich.console import Group
    from rich.live import Live

    console = console or terminal.console(stderr=False)
    lines = draw()
    if not console.is_terminal:  # as with NO_COLOR or CI
        while True:
            for line in [*map(followed_line, lines), ""]:
                console.print(line)
            sleep(seconds)
            lines = _again(draw, lines)
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
        while True:
            live.update(Group(*map(followed_line, lines)), refresh=True)
            sleep(seconds)
            lines = _again(draw, lines)


def _again(draw: Draw, before: Sequence[RenderableType]) -> Sequence[RenderableType]:
    """The lines now; those from before, and the error, if the API does not answer."""
    try:
        return draw()
    except ApiError as exc:
        error = f"[bold red]error:[/] {escape(exc.message)}; trying again"
        return [*(line for line in before if "trying again" not in str(line)), error]
