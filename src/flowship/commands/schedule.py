"""`flowship schedule`: what a schedule does, before it is deployed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from flowship.commands.options import Interval, Json, Rrule, Timezone
from flowship.errors import UsageError


def schedule_preview(
    cron: Annotated[
        str | None,
        typer.Argument(
            metavar="CRON", help='A cron expression, in quotes: "0 5 * * *" is every day at 05:00.'
        ),
    ] = None,
    interval: Interval = None,
    rrule: Rrule = None,
    timezone: Timezone = None,
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=1000, help="How many runs to show.")
    ] = 10,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Count from this time in the schedule's timezone, such as 2026-10-24 or"
            " 2026-10-24T18:00. Default: now.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the next runs of a schedule, counted as Prefect counts, across clock changes.

    Give exactly one of a cron expression, --interval and --rrule.
    """
    from flowship.deployment import schedules
    from flowship.deployment.schedule_preview import preview
    from flowship.output import render_schedule
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    where = _where(cron, interval, rrule)
    chosen = schedules.parse(
        cron=cron,
        interval=interval,
        rrule=rrule,
        timezone=timezone,
        where=where,
        error=UsageError,
    )
    shown = preview(chosen, _moment(start, chosen.timezone), count)
    schedules.require_runs(chosen, shown.start, where)
    screen.report(shown, *render_schedule.previewed(shown))


def _where(cron: str | None, interval: str | None, rrule: str | None) -> str:
    given = {"CRON": cron, "--interval": interval, "--rrule": rrule}
    named = [name for name, value in given.items() if value is not None]
    return named[0] if len(named) == 1 else ""


def _moment(text: str | None, zone: str) -> datetime:
    """The start: now, or a time in the schedule's timezone unless it has an offset of its own."""
    from zoneinfo import ZoneInfo

    if text is None:
        return datetime.now(ZoneInfo(zone))
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as exc:
        raise UsageError(
            f'"{text}" is not a time',
            code="invalid-time",
            hint="write it as 2026-10-24, 2026-10-24T18:00 or 2026-10-24T18:00+02:00",
            where="--from",
        ) from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
