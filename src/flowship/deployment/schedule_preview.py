"""The next runs of a schedule, with what happens to them when the clocks change. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from croniter import croniter

from flowship.deployment.recurrence import is_wall_time
from flowship.deployment.schedules import ScheduleSpec
from flowship.events import readable_span


@dataclass(frozen=True)
class ClockChange:
    """A change of the clocks between two runs.

    Attributes:
        before: The last moment of the old time, on its clock.
        after: The first moment of the new time, on its clock.
    """

    before: datetime
    after: datetime

    @property
    def forward(self) -> bool:
        """Whether an hour is skipped; else one comes twice."""
        return (self.after.utcoffset() or timedelta()) > (self.before.utcoffset() or timedelta())


@dataclass(frozen=True)
class PreviewedRun:
    """One run.

    Attributes:
        local: In the schedule's timezone.
        utc: The same in UTC.
        change: A change of the clocks between the run before it and this one; None without one.
        note: Why it is at another time than usual; empty for most.
    """

    local: datetime
    utc: datetime
    change: ClockChange | None = None
    note: str = ""


@dataclass(frozen=True)
class Preview:
    """The next runs of a schedule; fewer than asked for if it ends.

    Attributes:
        words: The schedule in English.
        slug: What its deployment would call it.
        timezone: An IANA name.
        start: From when the runs are counted: never a time that the clocks skip.
        runs: The runs.
    """

    words: str
    slug: str
    timezone: str
    start: datetime
    runs: tuple[PreviewedRun, ...]


def preview(schedule: ScheduleSpec, start: datetime, count: int) -> Preview:
    """The next runs of a schedule, counted as Prefect counts.

    Args:
        schedule: The schedule. An interval counts from `start`, as one that is deployed then.
        start: From when on; a time that the clocks skip is the moment when they change.
        count: How many runs.
    """
    earlier, start = _existing(start)
    runs = tuple(_runs(schedule, earlier, schedule.next_runs(start, count)))
    return Preview(schedule.words, schedule.slug, schedule.timezone, start, runs)


def _existing(start: datetime) -> tuple[datetime, datetime]:
    """A moment before the clocks change, and the start: the change, if they skip the start."""
    gap = _skipped(start)
    if gap <= timedelta():
        return start, start
    utc = start.astimezone(timezone.utc)
    earlier = (utc - gap).astimezone(start.tzinfo)
    change = _change(earlier, utc.astimezone(start.tzinfo))
    return earlier, change.after if change else start


def _runs(
    schedule: ScheduleSpec, earlier: datetime, moments: tuple[datetime, ...]
) -> Iterator[PreviewedRun]:
    before: datetime | None = None
    for moment in moments:
        change = _change(before or earlier.astimezone(moment.tzinfo), moment)
        notes = (
            _moved(schedule, before, moment),
            _twice(moment),
            _uneven(schedule, before, moment),
        )
        note = ", ".join(filter(None, notes))
        yield PreviewedRun(moment, moment.astimezone(timezone.utc), change, note)
        before = moment


def _change(earlier: datetime, later: datetime) -> ClockChange | None:
    """The change of the clocks between two moments that have different offsets."""
    if earlier.utcoffset() == later.utcoffset():
        return None
    low, high = earlier.astimezone(timezone.utc), later.astimezone(timezone.utc)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(later.tzinfo).utcoffset() == earlier.utcoffset():
            low = middle
        else:
            high = middle
    after = high.replace(microsecond=0).astimezone(later.tzinfo)
    moved = (earlier.utcoffset() or timedelta()) - (later.utcoffset() or timedelta())
    before = after.replace(tzinfo=None) + moved
    return ClockChange(before.replace(tzinfo=timezone(earlier.utcoffset() or timedelta())), after)


def _moved(schedule: ScheduleSpec, before: datetime | None, moment: datetime) -> str:
    """Why a run is not at the time that the schedule says: the clocks skip that one."""
    wall = moment.replace(tzinfo=None)
    for gap in (timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2)):
        for said in (wall - gap, wall + gap):
            if _skipped(said.replace(tzinfo=moment.tzinfo)) != gap:
                continue
            if _names(schedule, before, said) and not _names(schedule, before, wall):
                return f"in place of {said:%H:%M} (skipped)"
    return ""


def _names(schedule: ScheduleSpec, before: datetime | None, wall: datetime) -> bool:
    """Whether a schedule says this time of the clock, as one of days does after the run before."""
    if schedule.kind == "cron":
        return bool(croniter.match(schedule.expression, wall, day_or=schedule.day_or))
    if schedule.kind == "rrule":
        return is_wall_time(schedule.expression, wall)
    step = timedelta(seconds=schedule.seconds or 0)
    by_days = step.days and step == timedelta(step.days)
    return bool(by_days and before and before.replace(tzinfo=None) + step == wall)


def _skipped(moment: datetime) -> timedelta:
    """By how much the clocks go forward at a time that they skip; else 0 or less."""
    first, second = (moment.replace(fold=fold).utcoffset() for fold in (0, 1))
    return (second or timedelta()) - (first or timedelta())


def _twice(moment: datetime) -> str:
    """Which of the two it is, of a time that comes twice."""
    if _skipped(moment) >= timedelta():
        return ""
    return f"the {'second' if moment.fold else 'first'} {moment:%H:%M} of this night"


def _uneven(schedule: ScheduleSpec, earlier: datetime | None, later: datetime) -> str:
    """How long after the run before it is, of an interval that a clock change makes uneven."""
    if schedule.seconds is None or earlier is None:
        return ""
    utc = timezone.utc
    elapsed = (later.astimezone(utc) - earlier.astimezone(utc)).total_seconds()
    if elapsed == schedule.seconds:
        return ""
    return f"{readable_span(elapsed)} after the run before it"
