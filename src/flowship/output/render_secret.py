"""Renders secrets: their names and blocks, never their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.output.terminal import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.deployment.secret_store import SecretChange, SecretState


def change(done: SecretChange) -> list[RenderableType]:
    """Return the lines about what `set` or `rm` did."""
    name = f"{done.name} " if done.name else ""
    if done.outcome == "absent":
        return [f"the server has no Secret block {escape(done.block)}: nothing was removed"]
    lines: list[RenderableType] = [
        f"[green]✓[/] {escape(done.outcome)} {escape(name)}(Secret block {escape(done.block)})",
        f"  on {escape(done.api_url)}",
    ]
    if done.outcome == "updated" and done.deployments:
        lines.append(f"  the next runs of {escape(', '.join(done.deployments))} get the new value")
    return lines


def listed(secrets: Sequence[SecretState]) -> str:
    """Return one line for each secret."""
    rows = [("NAME", "BLOCK", "STATE", "DEPLOYMENTS")]
    rows += [(s.name, s.block, s.state.value, ", ".join(s.deployments)) for s in secrets]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        one_line("  ".join([*map(str.ljust, row[:3], widths), row[3]]).rstrip()) for row in rows
    )
