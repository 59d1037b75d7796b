"""Renders the deploy lock: who holds it, and what `unlock` did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.deployment.lock import LockState

DONE = {
    "removed": "[green]✓[/] the deploy lock was broken: a deploy that still runs stops before its"
    " next change",
    "released": "the deploy lock was released in the meantime: nothing was broken",
    "kept": "nothing was changed",
}


def holder(lock: LockState) -> list[RenderableType]:
    """Return the lines about a lock that is held."""
    state = lock.state if lock.at_work else f"{lock.state}: the next deploy breaks it"
    return [
        f"the deploy lock is held by {escape(str(lock.holder))}",
        f"  renewed {_ago(lock.silent)} ago; {state}",
    ]


def absent(block: str) -> str:
    """Return the line about a project that no deploy holds."""
    return f"no deploy lock for the block {escape(block)}: no deploy is in progress"


def _ago(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
