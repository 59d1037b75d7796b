"""Renders the result of `init`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.project.scaffold import Scaffold


def scaffold(written: Scaffold) -> list[RenderableType]:
    """What `init` has written, and the next step."""
    lines: list[RenderableType] = [f"[green]✓[/] wrote {escape(', '.join(written.written))}"]
    lines.append(f"  entrypoint: {escape(written.entrypoint)}")
    if written.others:
        lines.append(f"  other flows: {escape(', '.join(written.others))}")
    lines += [f"  {escape(note)}" for note in written.notes]
    return [*lines, "  next: `flowship build`"]
