"""Renders what was paused or resumed, and when the next run starts."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.output.moments import between, local
from flowship.output.terminal import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.deployment.pausing import PauseChange


def changed(done: PauseChange, now: datetime | None = None) -> list[RenderableType]:
    """What was done to one deployment, and when it runs next."""
    what = f"{done.name}, {done.words}" if done.schedule else done.name
    state = "paused" if done.paused else "resumed"
    if done.changed:
        head = f"[green]✓[/] {state} {escape(what)}"
    else:
        head = f"{escape(what)} {'is already paused' if done.paused else 'is not paused'}"
    lines: list[RenderableType] = [head, f"  next run: {escape(_next(done, now))}"]
    lines += [f"  {escape(hint)}" for hint in _still_paused(done)]
    if done.going_on:
        names = ", ".join(done.going_on)
        one = len(done.going_on) == 1
        lines.append(escape(f"  {names} {'continues' if one else 'continue'}"))
    return lines


def _next(done: PauseChange, now: datetime | None) -> str:
    if done.next_run is None:
        return "none, until it is resumed" if done.paused or done.deployment_paused else "none"
    wait = between(now or datetime.now(timezone.utc), done.next_run)
    return f"{local(done.next_run)} (in {wait})"


def _still_paused(done: PauseChange) -> Iterable[str]:
    """What else keeps a resumed deployment from running."""
    if done.paused:
        return
    command = f"flowship resume {shlex.quote(done.name)}"
    if done.deployment_paused:
        yield f"the deployment is paused as a whole: `{command}` resumes it"
    for each in done.paused_schedules:
        yield f"the schedule {each} is still paused: `{command} --schedule {each}` resumes it"


def names(done: Iterable[PauseChange]) -> str:
    """``flow/deployment``, one a line."""
    return "\n".join(one_line(each.name) for each in done)
