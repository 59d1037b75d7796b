"""Draws the picture of a terminal window: an SVG with a line of text per line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

LINE, LEFT, TOP, CHARACTER = 18, 18, 50, 7.85
STYLE = """\
text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #e5e7eb; white-space: pre; }
.command { fill: #ffffff; font-weight: 700; }
.good { fill: #86efac; }
.dim { fill: #9ca3af; }
.log { fill: #93c5fd; }"""


class Line(NamedTuple):
    """One line of a window.

    Attributes:
        text: SVG text: escaped, and possibly with `tspan` elements.
        kind: A class of `STYLE`, or "plain".
    """

    text: str
    kind: str = "plain"


def drawn(title: str, lines: Sequence[Line], columns: int) -> str:
    """The lines as an SVG of a terminal window of so many columns."""
    width = round(2 * LEFT + columns * CHARACTER)
    height = TOP + len(lines) * LINE
    dots = "".join(
        f'<circle cx="{LEFT + 4 + n * 20}" cy="20" r="6" fill="{color}"/>'
        for n, color in enumerate(("#f87171", "#fbbf24", "#4ade80"))
    )
    texts = [
        f'<text class="{line.kind}" xml:space="preserve" x="{LEFT}" y="{TOP + n * LINE}">'
        f"{line.text}</text>"
        for n, line in enumerate(lines)
        if line.text
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            f"<title>{title}</title>",
            f"<style>{STYLE}</style>",
            f'<rect width="{width}" height="{height}" rx="10" fill="#111827"/>',
            dots,
            *texts,
            "</svg>\n",
        ]
    )
