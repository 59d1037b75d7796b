"""Schedules as the server stores them, read as flowship's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, TypeVar

from flowship.deployment.schedules import ScheduleSpec, parse
from flowship.errors import FlowshipError

Own = TypeVar("Own", bound=Mapping[str, Any])


def parse_moment(text: str) -> datetime:
    """An ISO 8601 moment of the API."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def stored_schedule(stored: Mapping[str, Any], *, with_anchor: bool = False) -> ScheduleSpec | None:
    """A schedule of the server as flowship's own; None for one that flowship cannot read, and so
    could not have written.

    Args:
        stored: The schedule.
        with_anchor: Whether an interval keeps its anchor, and says so.
    """
    body = stored.get("schedule") or {}
    anchor = body.get("anchor_date") if with_anchor else None
    try:
        return parse(
            cron=body.get("cron"),
            interval=body.get("interval"),
            rrule=body.get("rrule"),
            timezone=body.get("timezone") or None,
            anchor_date=parse_moment(anchor) if anchor else None,
            day_or=body.get("day_or", True),
            parameters=stored.get("parameters"),
        )
    except (FlowshipError, TypeError, AttributeError, ValueError):  # values of any type
        return None


def words_of(stored: Mapping[str, Any]) -> str:
    """A stored schedule in English."""
    schedule = stored_schedule(stored)
    return schedule.words if schedule else f"{stored.get('schedule')}, which never runs"


def in_order(schedules: Iterable[Own]) -> list[Own]:
    """Stored schedules in an order that stays: flowship's own by their slugs, then a person's. The
    server's own order differs from one answer to the next."""
    return sorted(schedules, key=lambda s: (not s.get("slug"), s.get("slug") or "", words_of(s)))


def next_run(deployment: Mapping[str, Any], now: datetime) -> datetime | None:
    """When the schedules of a stored deployment start the next run; None if that is never, as for
    a deployment that is paused or whose schedules all are."""
    active = [] if deployment["paused"] else [s for s in deployment["schedules"] if s["active"]]
    moments: list[datetime] = []
    for each in active:
        anchor = (each.get("schedule") or {}).get("anchor_date")
        if schedule := stored_schedule(each):
            start = parse_moment(anchor) if anchor else None
            moments += schedule.next_runs(now, 1, anchor=start)
    return min(moments, default=None, key=lambda at: at.astimezone(timezone.utc))
