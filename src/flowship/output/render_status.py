"""Renders the status of a project: one screen of 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from rich.markup import escape

from flowship.deployment.alerts import short_name
from flowship.events import readable_span
from flowship.output.moments import between, local
from flowship.output.tables import titled_row, warning_lines
from flowship.output.terminal import one_line
from flowship.status.record import Source

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.status.record import (
        DeploymentStatus,
        ImageStatus,
        PoolStatus,
        ProjectStatus,
        ReleaseStatus,
        RunStatus,
    )

WIDTH = 80
SHOWN_CHANGES = 3  # files of an image that were edited
SHOWN_WORKERS = 3  # of a work pool, those that are online or were heard last


class Mark(NamedTuple):
    """How a state looks in the bar of the last runs, also without color and without Unicode."""

    sign: str
    ascii: str
    color: str
    word: str


MARKS = {
    "COMPLETED": Mark("✓", "+", "green", "completed"),
    "FAILED": Mark("✗", "x", "red", "failed"),
    "CRASHED": Mark("!", "!", "bold red", "crashed"),
    "CANCELLED": Mark("–", "-", "yellow", "canceled"),
    "CANCELLING": Mark("–", "-", "yellow", "canceled"),
    "RUNNING": Mark("▶", ">", "cyan", "running"),
    "PENDING": Mark("…", ".", "cyan", "starting"),
    "PAUSED": Mark("=", "=", "yellow", "paused"),
    "SCHEDULED": Mark("↻", "r", "cyan", "to be retried"),
}


def status(found: ProjectStatus, *, unicode: bool = True) -> list[RenderableType]:
    """Everything about a project.

    Args:
        found: The status.
        unicode: Whether the terminal can show more than ASCII.
    """
    lines: list[RenderableType] = [*_head(found)]
    for deployment in found.deployments:
        lines += ["", *_deployment(deployment, found.checked, unicode=unicode)]
    if not found.deployments:
        lines += ["", "nothing is deployed: run `flowship ship`"]
    shared = [*_shared(found)]
    lines += ["", *shared] if shared else []
    if found.attention:
        lines += ["", *warning_lines(each.message for each in found.attention)]
    legend = [*_legend(found.deployments, unicode=unicode)]
    return [*lines, "", *legend] if legend else lines


def _head(found: ProjectStatus) -> Iterator[str]:
    environment = f" ({found.environment})" if found.environment else ""
    name = f"[bold]{_text((found.project or '') + environment)}[/] at " if found.project else ""
    yield f"{name}{_text(found.api_url)}"
    if found.release:
        yield f"[dim]{_text(_release(found.release, found.checked))}[/]"
    if found.lock and found.lock.expired:
        yield (
            f"[yellow]a deploy was interrupted:[/] {_text(found.lock.who)}, since"
            f" {_text(found.lock.since)}; the next one ignores its lock"
        )
    elif found.lock:
        yield (
            f"[yellow]a deploy is in progress:[/] {_text(found.lock.who)}, since"
            f" {_text(found.lock.since)}"
        )


def _release(release: ReleaseStatus, now: datetime) -> str:
    number = f"release {release.number}" if release.number else "last release"
    parts = [f"{release.made_by} by {release.who}" if release.who else release.made_by]
    if release.created:
        parts += [f"{between(release.created, now)} ago"]
    return f"{number}: {', '.join(filter(None, parts))}"


# --- one deployment ------------------------------------------------------------------------------


def _deployment(
    found: DeploymentStatus, now: datetime, *, unicode: bool
) -> Iterator[RenderableType]:
    paused = " [yellow](paused)[/]" if found.paused else ""
    yield f"[bold]{_text(found.name)}[/]{paused}"
    several = len(found.schedules) > 1
    for schedule in found.schedules:
        slug = f"  [dim]{_text(schedule.slug)}[/]" if several or not schedule.active else ""
        state = " [yellow](paused)[/]" if not schedule.active else ""
        yield titled_row("schedule", one_line(schedule.words)) + state + slug
    if not found.schedules:
        yield titled_row("schedule", "none: runs only when started")
    yield titled_row("next run", _next(found, now))
    yield f"  {'last runs':<11} {_bar(found.runs, unicode=unicode)}{_text(_last(found.runs, now))}"
    yield from _disabled_alerts(found, unicode=unicode)
    if found.waiting:
        runs = "run waits" if found.waiting == 1 else "runs wait"
        yield titled_row("", f"{found.waiting} {runs} for others to end: their number is limited")


def _disabled_alerts(found: DeploymentStatus, *, unicode: bool) -> Iterator[str]:
    """How many of its alerts a person disabled, and the first of them."""
    disabled = [each for each in found.alerts if not each.enabled]
    if disabled:
        first = short_name(disabled[0].name) if unicode else _ascii(short_name(disabled[0].name))
        more = f" and {len(disabled) - 1} more" if len(disabled) > 1 else ""
        counted = f"{len(disabled)} of {len(found.alerts)} disabled"
        yield f"  {'alerts':<11} [yellow]{counted}:[/] {_text(first + more)}"


def _ascii(name: str) -> str:
    return name.replace("→", "->").encode("ascii", "replace").decode()


def _next(found: DeploymentStatus, now: datetime) -> str:
    following = found.next_run
    if following is None:
        paused = found.paused or any(not each.active for each in found.schedules)
        return "none while paused" if paused and found.schedules else "none"
    notes = "" if following.by_schedule else ", started by a person"
    return f"{local(following.at)} (in {between(now, following.at)}{notes})"


def _bar(runs: Iterable[RunStatus], *, unicode: bool) -> str:
    signs = ""
    for run in runs:
        mark = MARKS.get(run.state_type, MARKS["PENDING"])
        signs += f"[{mark.color}]{escape(mark.sign if unicode else mark.ascii)}[/]"
    return f"{signs}  " if signs else ""


def _last(runs: tuple[RunStatus, ...], now: datetime) -> str:
    if not runs:
        return "none yet"
    run = runs[-1]
    ended = f" {between(run.ended, now)} ago" if run.ended else ""
    took = f", {'took' if run.ended else 'for'} {_seconds(run.seconds)}" if run.started else ""
    return f"{run.state_name}{ended}{took}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else readable_span(seconds)


def _legend(deployments: Iterable[DeploymentStatus], *, unicode: bool) -> Iterator[str]:
    """The signs of the bars, with their words."""
    states = {run.state_type for each in deployments for run in each.runs}
    words = {mark.word: mark for state, mark in MARKS.items() if state in states}
    signs = (
        f"[{mark.color}]{escape(mark.sign if unicode else mark.ascii)}[/] {mark.word}"
        for mark in words.values()
    )
    if words:
        yield f"[dim]  {'  '.join(signs)}[/]"
        yield "[dim]  the newest run is on the right[/]"


# --- what deployments share ----------------------------------------------------------------------


def _shared(found: ProjectStatus) -> Iterator[RenderableType]:
    for image in found.images:
        yield from _image(image)
    for pool in found.pools:
        yield from _pool(pool, found.checked)


def _image(image: ImageStatus) -> Iterator[RenderableType]:
    name, _, digest = image.reference.partition("@")
    shown = f"{name} ({digest.partition(':')[2][:12]})" if digest else name
    yield titled_row("image", one_line(shown))
    if image.source is Source.SAME:
        yield titled_row("", "built from the project's current files")
    elif image.source is Source.EDITED:
        more = len(image.changed) - SHOWN_CHANGES
        names = ", ".join(image.changed[:SHOWN_CHANGES]) + (f" and {more} more" if more > 0 else "")
        yield f"  {'':<11} [yellow]edited since:[/] {_text(names)}"


def _pool(pool: PoolStatus, now: datetime) -> Iterator[RenderableType]:
    paused = " [yellow](paused)[/]" if pool.paused else ""
    yield titled_row("work pool", one_line(pool.name)) + paused
    shown = [each for each in pool.workers if each.online] or list(pool.workers[:1])
    for worker in shown[:SHOWN_WORKERS]:
        state = "[green]online[/]" if worker.online else "[red]offline[/]"
        heard = f", heard {between(worker.heard, now)} ago" if worker.heard else ""
        yield f"  {'worker':<11} {state} {_text(worker.name + heard)}"
    if len(shown) > SHOWN_WORKERS:
        yield titled_row("", f"and {len(shown) - SHOWN_WORKERS} more online")
    if not shown:
        yield f"  {'worker':<11} [red]none[/]"


def _text(text: str) -> str:
    return escape(one_line(text))
