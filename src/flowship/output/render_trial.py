"""Renders a run of `flowship try`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.trial.result import TrialResult


def line(text: str) -> RenderableType:
    """A line that the container printed."""
    return escape(text)


def ended(result: TrialResult) -> list[RenderableType]:
    """How a run completed; a failure is shown by its error instead."""
    if not result.completed:
        return []
    about = f"{result.state_name} in {result.seconds:.1f} s"
    return [f"[green]✓[/] {escape(result.entrypoint)}: {escape(about)}"]
