"""Moments and lengths of time as people read them."""

from __future__ import annotations

from datetime import datetime

from flowship.events import readable_span


def local(moment: datetime) -> str:
    """A moment in the timezone of this machine: ``Fri 27 Nov 05:00 CET``."""
    here = moment.astimezone()
    seconds = here.strftime(":%S") if here.second else ""
    return f"{here:%a %d %b %H:%M}{seconds} {here.tzname()}"


def between(earlier: datetime, later: datetime) -> str:
    """The time between two moments: ``11 h 20 min``."""
    return readable_span((later - earlier).total_seconds())
