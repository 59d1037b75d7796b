"""Text from outside on a terminal: control characters are shown, never executed.

File names, logs and answers of servers can contain escape sequences, which could move the cursor,
change the window title or hide text. `printable` replaces them, and `console` makes a Rich
console that applies it to everything it prints.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.text import Text

_KEPT = "\n\t"
_C0 = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in _KEPT}  # ESC → ␛
_C1 = dict.fromkeys(range(0x80, 0xA0), "\ufffd")
# They change the direction of the text that follows, so that it reads as something else.
_DIRECTION = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\ufffd")
_PICTURES = {**_C0, 0x7F: "\u2421", **_C1, **_DIRECTION}


def printable(text: str) -> str:
    """`text` with a visible character in place of each control character."""
    return text.translate(_PICTURES)


def console() -> Console:
    """A console on stderr, without colours in CI and where ``NO_COLOR`` is set."""
    from rich.console import Console

    class SafeConsole(Console):
        """A console whose text cannot contain control characters."""

        def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - as in Rich
            """Replace them before Rich measures the text, or it would cut a table's cell."""
            return super().render_str(printable(text), **options)

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            """Replace them in `Text` objects too, whatever they are part of."""
            for segment in super().render(renderable, options):
                # Rich's own control segments, which a live display needs, have no outside text.
                yield segment if segment.control else segment._replace(text=printable(segment.text))

    ci = bool(os.environ.get("CI")) and not os.environ.get("FORCE_COLOR")
    # Bold text and live progress are switched off together with the colours.
    plain = ci or bool(os.environ.get("NO_COLOR"))
    return SafeConsole(
        stderr=True,
        highlight=False,
        emoji=False,  # `:x:` in a name or a log is not an emoji
        soft_wrap=True,
        no_color=plain or None,
        force_terminal=False if plain else None,
    )
