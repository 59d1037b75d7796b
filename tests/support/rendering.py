"""What a reader without colours sees of a rendering."""

from __future__ import annotations

import io

from rich.console import Console


def shown(lines, width=120):
    """What a reader without colours sees."""
    stream = io.StringIO()
    screen = Console(file=stream, width=width, highlight=False, soft_wrap=True, _environ={})
    for line in lines:
        screen.print(line)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
