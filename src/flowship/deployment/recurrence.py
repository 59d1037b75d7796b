"""The next runs of a schedule, computed as Prefect computes them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

import dateutil.rrule
import dateutil.tz
from croniter import croniter

RRULE_ANCHOR = datetime(2020, 1, 1)


# From Python 3.13 on Prefect counts with another library, whenever, which differs where clocks
# change. No API reports the server's Python; most likely it is ours, which `flowship up` uses.
BY_WHENEVER = sys.version_info >= (3, 13)


MOST_MOMENTS = 1_000_000  # of a rule, walked through on the way to its next runs: three seconds


def interval_dates(seconds: float, anchor: datetime, start: datetime) -> Iterator[datetime]:
    """As Prefect counts: a jump in elapsed time to just before `start`, then step by step.

    A step of a day or more moves the wall clock, a shorter one the elapsed time; counted by
    whenever, only its whole days do.
    """
    zone = start.tzinfo
    assert isinstance(zone, ZoneInfo)
    utc = timezone.utc
    elapsed = (start.astimezone(utc) - anchor.astimezone(utc)).total_seconds()
    jump = timedelta(seconds=seconds * int(elapsed / seconds))
    here = (anchor.astimezone(utc) + jump).astimezone(zone)
    step = timedelta(seconds=seconds)

    days, rest = timedelta(step.days), step - timedelta(step.days)
    if days and not BY_WHENEVER:
        days, rest = step, timedelta()

    def advance(moment: datetime) -> datetime:
        if days:
            wall = moment.replace(tzinfo=None) + days
            moment = on_the_clock(wall, zone, fold=0 if BY_WHENEVER else 1, forward=True)
        return (moment.astimezone(utc) + rest).astimezone(zone)

    def is_before(one: datetime, other: datetime) -> bool:
        # Of two times in one zone, Python compares the wall clocks: when clocks go back, a later
        # time can be the smaller one. whenever compares the moments.
        if BY_WHENEVER:
            return one.astimezone(utc) < other.astimezone(utc)
        return one < other

    while is_before(here, start):
        here = advance(here)
    while True:
        yield here
        here = advance(here)


def on_the_clock(wall: datetime, zone: ZoneInfo, *, fold: int, forward: bool) -> datetime:
    """A wall time in `zone` as Prefect reads it.

    A time that the clocks skip moves by the gap, forward or back; of a time that comes twice
    ``fold`` is 1 for the second and 0 for the first.
    """
    before = wall.replace(tzinfo=zone, fold=0).utcoffset() or timedelta()
    after = wall.replace(tzinfo=zone, fold=1).utcoffset() or timedelta()
    if after > before:
        wall = wall + (after - before if forward else before - after)
    return wall.replace(tzinfo=zone, fold=fold)


def cron_dates(cron: str, start: datetime, zone: ZoneInfo, *, day_or: bool) -> Iterator[datetime]:
    """As Prefect does: cron on the bare wall clock, then the timezone put back."""
    # A second earlier, so that a start that matches counts; fractions round up.
    wall = start.replace(tzinfo=None, fold=0) - timedelta(seconds=1)
    if wall.microsecond:
        wall += timedelta(seconds=1)
    found = croniter(cron, wall, day_or=day_or)
    while True:
        yield on_the_clock(found.get_next(datetime), zone, fold=0, forward=BY_WHENEVER)


def parse_rrule(text: str) -> Any:  # noqa: ANN401 a set's parts are private in dateutil, as in Prefect
    """The rule as a set of rules and dates, which most have one of."""
    rules: Any = dateutil.rrule.rrulestr(text, dtstart=RRULE_ANCHOR, forceset=True)
    if not rules._rrule and not rules._rdate:
        raise ValueError("it has neither an RRULE nor an RDATE")
    return rules


def rrule_dates(text: str, zone_name: str, start: datetime) -> Iterator[datetime]:
    """As Prefect does: every date in the rule is taken as a wall time of the schedule's zone."""
    rules = parse_rrule(text)
    zone = dateutil.tz.gettz(zone_name)
    for name in ("_rrule", "_exrule"):
        setattr(rules, name, [_moments(rule, zone, start) for rule in getattr(rules, name)])
    for name in ("_rdate", "_exdate"):
        setattr(rules, name, [moment.replace(tzinfo=zone) for moment in getattr(rules, name)])
    for moment in rules.xafter(start, count=None, inc=True):
        fixed = timezone(moment.utcoffset() or timedelta())
        yield moment.replace(tzinfo=fixed).astimezone(start.tzinfo)


def is_wall_time(text: str, wall: datetime) -> bool:
    """Whether a rule names this time of the clock, whatever it excludes."""
    rules = parse_rrule(text)
    dates = [_bare(moment) for moment in rules._rdate]
    for rule in rules._rrule:
        dates += takewhile(lambda moment: moment <= wall, _moments(rule, None, wall))
    return wall in dates


def _moments(rule: Any, zone: Any, start: datetime) -> Iterator[datetime]:  # noqa: ANN401
    """A rule's moments in `zone`, from shortly before `start` on.

    Raises:
        OverflowError: Too many to walk through: of long ago, or excluded one by one.
    """
    # Of the hour that a clock skips, Prefect takes the times for later ones: so well before.
    near = start.replace(tzinfo=None) - timedelta(hours=3)
    wall = {"dtstart": _start_near(rule, near), "until": rule._until and _bare(rule._until)}
    for number, moment in enumerate(rule.replace(**wall)):
        if number == MOST_MOMENTS:
            raise OverflowError("too many occurrences to count")
        if moment >= near:
            yield moment.replace(tzinfo=zone)


def _start_near(rule: Any, moment: datetime) -> datetime:  # noqa: ANN401
    """A start with the same phase as the rule's own but near, or years are walked through."""
    begin = _bare(rule._dtstart)
    frequency = {dateutil.rrule.SECONDLY: 1, dateutil.rrule.MINUTELY: 60}.get(rule._freq)
    if frequency is None or rule._count is not None:
        return begin
    period = frequency * rule._interval
    passed = max(0.0, (moment - begin).total_seconds())
    return begin + timedelta(seconds=passed // period * period)


def _bare(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
