"""Text from outside on a terminal: control characters are shown, never executed.

File names, logs and answers of servers can contain escape sequences, which could move the cursor,
change the window title or hide text. `printable` replaces them, and `console` makes a Rich
console that applies it to everything it prints. It also prints no blanks at the ends of lines,
which Rich's tables are filled with.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType
    from rich.segment import Segment
    from rich.text import Text

_KEPT = "\n\t"
BLANKS = " \t"  # that no line ends with
_C0 = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in _KEPT}  # ESC → ␛
_C1 = dict.fromkeys(range(0x80, 0xA0), "\ufffd")
# They change the direction or the form of the text that follows, so that it reads as something
# else, or they end a line.
_DIRECTION = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x2070)]
_LINES = [0x2028, 0x2029]
# They take no place, so that two names look the same. The joiners U+200C and U+200D stay: emoji
# and Persian words need them.
_UNSEEN = [0xAD, 0x180E, 0x200B, *range(0x2060, 0x2065), 0xFEFF, *range(0xFFF9, 0xFFFC)]
_UNSEEN += [*range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE0080)]
_SURROGATES = range(0xD800, 0xE000)  # halves of characters, which no stream can encode
_REPLACED = dict.fromkeys([*_DIRECTION, *_LINES, *_UNSEEN, *_SURROGATES], "\ufffd")
_PICTURES = {**_C0, 0x7F: "\u2421", **_C1, **_REPLACED}


def printable(text: str) -> str:
    """`text` with a visible character in place of each control character."""
    return text if text.isascii() and text.isprintable() else text.translate(_PICTURES)


def one_line(text: str) -> str:
    """The same on one line, for a name that is one line of a result."""
    return printable(text).replace("\n", "\u240a")


def console(*, stderr: bool = True) -> Console:
    """A console on stderr or stdout, without colours in CI and where ``NO_COLOR`` is set."""
    from rich.console import Console, RenderHook

    class Trimming(RenderHook):
        """Removes blanks at the ends of lines from what is printed."""

        def process_renderables(
            self, renderables: list[ConsoleRenderable]
        ) -> list[ConsoleRenderable]:
            """Called by Rich with all that one call prints."""
            return [_Trimmed(each) for each in renderables]

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
    made = SafeConsole(
        stderr=stderr,
        highlight=False,
        emoji=False,  # `:x:` in a name or a log is not an emoji
        soft_wrap=True,
        no_color=plain or None,
        force_terminal=False if plain else None,
    )
    made.push_render_hook(Trimming())
    return made


@dataclass(frozen=True)
class _Trimmed:
    """What Rich renders of something, without blanks at the ends of lines."""

    content: ConsoleRenderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Called by Rich."""
        return trimmed(console.render(self.content, options))


def trimmed(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Segments without blanks before a line break; those at the end, as of a prompt, stay."""
    held: list[Segment] = []
    for segment in segments:
        if segment.control:
            yield from _released(held)
            yield segment
            continue
        for number, part in enumerate(segment.text.split("\n")):
            if number:
                held.clear()
                yield segment._replace(text="\n")
            kept = part.rstrip(BLANKS)
            if kept:
                yield from _released(held)
                yield segment._replace(text=kept)
            if kept != part:
                held.append(segment._replace(text=part[len(kept) :]))
    yield from held


def _released(held: list[Segment]) -> Iterator[Segment]:
    yield from held
    held.clear()


def without_blanks(text: str) -> str:
    """A text of several lines, without blanks at their ends."""
    return "\n".join(line.rstrip(BLANKS) for line in text.split("\n"))
