"""Renders the result of `init`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.project.scaffold import Scaffold


def scaffold(written: Scaffold, source: str = "") -> list[RenderableType]:
    """What `init` has written, and the next step.

    Args:
        written: What it has written.
        source: The ``prefect.yaml`` that was imported, if one was.
    """
    return list(_lines(written, source))


def _lines(written: Scaffold, source: str) -> Iterator[str]:
    yield f"[green]✓[/] wrote {escape(', '.join(written.written))}"
    if written.entrypoint and not source:
        yield f"  entrypoint: {escape(written.entrypoint)}"
    if written.others:
        yield f"  other flows: {escape(', '.join(written.others))}"
    if source:
        count = len(written.deployments)
        names = f": {', '.join(written.deployments)}" if written.deployments else ""
        yield f"  {count} deployment{'' if count == 1 else 's'} from {escape(source + names)}"
    for note in written.notes:
        yield f"  {escape(note)}"
    if written.left:
        yield f"[yellow]![/] not imported from {escape(source)}:"
    for one in written.left:
        yield f"  {escape(f'{source}:{one.line}')}  {escape(one.key)}: {escape(one.reason)}"
    yield "  next: `flowship check`" if source else "  next: `flowship build`"
