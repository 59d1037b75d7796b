"""Schedules as the server stores them, read as flowship's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flowship.deployment.schedules import ScheduleSpec, parse
from flowship.errors import FlowshipError


def parse_moment(text: str) -> datetime:
    """An ISO 8601 moment of the API."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def stored_schedule(stored: Mapping[str, Any]) -> ScheduleSpec | None:
    """A schedule of the server as flowship's own; None for one that flowship cannot read, and so
    could not have written."""
    body = stored.get("schedule") or {}
    try:
        return parse(
            cron=body.get("cron"),
            interval=body.get("interval"),
            rrule=body.get("rrule"),
            timezone=body.get("timezone") or None,
            day_or=body.get("day_or", True),
            parameters=stored.get("parameters"),
        )
    except (FlowshipError, TypeError, AttributeError, ValueError):  # values of any type
        return None


def words_of(stored: Mapping[str, Any]) -> str:
    """A stored schedule in English."""
    schedule = stored_schedule(stored)
    return schedule.words if schedule else f"{stored.get('schedule')}, which never runs"
