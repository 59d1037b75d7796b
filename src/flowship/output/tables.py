"""Shared by the render modules: tables, titled rows, warnings, values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import RenderableType


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> RenderableType:
    """A small table without borders."""
    from rich.table import Table

    shown = Table(box=None, padding=(0, 2), pad_edge=True, header_style="dim")
    for title in head:
        shown.add_column(title, overflow="fold")
    for row in rows:
        shown.add_row(*(escape(cell) for cell in row))
    return shown


def titled_row(title: str, text: str) -> str:
    """One line of a result: a title and an escaped text."""
    return f"  {title:<11} {escape(text)}"


def warning_lines(warnings: Iterable[str]) -> list[RenderableType]:
    """One line per warning."""
    return [f"[yellow]warning:[/] {escape(text)}" for text in warnings]


def value_text(value: object) -> str:
    """A value as JSON."""
    import json

    return json.dumps(value, ensure_ascii=False, default=str)


def short_digest(reference: str) -> str:
    """An image with the beginning of its digest, which names it as well; for a line that a person
    reads."""
    name, mark, digest = reference.partition("sha256:")
    return f"{name}{mark}{digest[:12]}…" if len(digest) > 12 else reference
