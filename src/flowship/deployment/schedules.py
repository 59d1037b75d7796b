"""When a deployment runs: validated, in words, and its next runs.

Prefect's own rules decide, quirks included, since its scheduler is what will fire: the
tests compare `ScheduleSpec.next_runs` with Prefect's schedule classes over many cases,
around both daylight-saving changes. Pure: no clock, no network, no Prefect.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal
from zoneinfo import ZoneInfo

from flowship.deployment.recurrence import BY_WHENEVER, cron_dates, interval_dates, rrule_dates
from flowship.deployment.schedule_rules import (
    Fail,
    check_cron,
    check_rrule,
    check_timezone,
    parse_interval,
)
from flowship.deployment.schedule_words import (
    cron_in_words,
    duration_in_words,
    words_as_slug,
)
from flowship.errors import ConfigError, FlowshipError, UsageError

MAX_ITERATIONS = 1000  # Prefect's bound on candidates per question

PREFECTS_START = "DTSTART:20200101T000000\n"
"""What the server puts before a recurrence rule that names no start."""

Kind = Literal["cron", "interval", "rrule"]


@dataclass(frozen=True)
class ScheduleSpec:
    """One schedule that Prefect will accept.

    Attributes:
        kind: Which of Prefect's three kinds.
        expression: The cron or rrule text; for an interval, how it was written.
        seconds: An interval's length; None for the other kinds.
        timezone: An IANA name; "UTC" when none was given.
        day_or: Cron: whether day of month and day of week are joined by "or" (cron's way).
        parameters: Values that this schedule's runs get over the deployment's.
        anchor: Interval: the moment that it counts from, in `timezone`; None for the one that the
            server has, or else that of the deploy.
    """

    kind: Kind
    expression: str
    seconds: float | None = None
    timezone: str = "UTC"
    day_or: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)
    anchor: datetime | None = None

    def payload(self, anchor: str | None = None) -> dict[str, Any]:
        """What Prefect's REST API takes; `anchor` (ISO 8601) is for intervals without their own.

        An interval sent without an anchor is anchored by the server at that moment.
        """
        if self.kind == "cron":
            return {"cron": self.expression, "timezone": self.timezone, "day_or": self.day_or}
        if self.kind == "rrule":
            return {"rrule": self.expression, "timezone": self.timezone}
        body: dict[str, Any] = {"interval": self.seconds, "timezone": self.timezone}
        anchor = self.anchor.isoformat() if self.anchor else anchor
        return body | ({"anchor_date": anchor} if anchor else {})

    def fingerprint(self) -> str:
        """Eight hexadecimal digits that change when anything about this schedule does."""
        return fingerprint([self.payload(), dict(self.parameters)])

    @property
    def words(self) -> str:
        """``every day at 05:00 Pacific/Auckland``; the raw expression where words would fail."""
        if self.kind == "rrule":
            rule = self.expression.removeprefix(PREFECTS_START).replace("\n", " ")
            return f"rrule {rule!r} {self.timezone}"
        if self.kind != "interval":
            return f"{self._times} {self.timezone}"
        if self.anchor is None:
            return self._times
        return f"{self._times}, counted from {self.anchor:%Y-%m-%d %H:%M} {self.timezone}"

    @property
    def slug(self) -> str:
        """``daily-0500``: its times, without its timezone and parameters."""
        return words_as_slug(self._times)

    @property
    def _times(self) -> str:
        if self.kind == "interval":
            return f"every {duration_in_words(self.seconds or 0)}"
        words = cron_in_words(self.expression) if self.kind == "cron" else None
        return words or f"{self.kind} {self.expression!r}"

    def next_runs(
        self, now: datetime, count: int = 3, *, anchor: datetime | None = None
    ) -> tuple[datetime, ...]:
        """The next `count` runs at or after `now`, in the schedule's timezone.

        Args:
            now: An aware moment.
            count: How many; fewer are returned when the schedule ends or cannot be counted so far.
            anchor: Where an interval without its own counts from: what the server has stored;
                `now` when it has none.
        """
        zone = ZoneInfo(self.timezone)
        start = now.astimezone(zone)
        if self.kind == "cron":
            found = cron_dates(self.expression, start, zone, day_or=self.day_or)
        elif self.kind == "interval":
            begins = (self.anchor or anchor or now).astimezone(zone)
            found = interval_dates(self.seconds or 0, begins, start)
        else:
            found = rrule_dates(self.expression, self.timezone, start)
        both = BY_WHENEVER and self.kind == "interval"  # of an hour that comes twice
        dates: dict[datetime, datetime] = {}
        # Where a cron's date never comes, the calendar ends, or the walk is too long.
        with suppress(ValueError, ArithmeticError, LookupError):
            for candidate, _ in zip(found, range(MAX_ITERATIONS), strict=False):
                # A clock set back offers the same wall time twice.
                moment = candidate.astimezone(timezone.utc) if both else candidate
                dates.setdefault(moment, candidate)
                if len(dates) == count:
                    break
        return tuple(dates[moment] for moment in sorted(dates))


def fingerprint(value: object) -> str:
    """Eight hexadecimal digits of any JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def parse(
    *,
    cron: str | None = None,
    interval: float | str | None = None,
    rrule: str | None = None,
    timezone: str | None = None,
    anchor_date: datetime | None = None,
    day_or: bool = True,
    parameters: Mapping[str, Any] | None = None,
    where: str = "",
    error: type[FlowshipError] = ConfigError,
) -> ScheduleSpec:
    """Validate one schedule.

    Args:
        cron: Five fields, or ``@daily`` and the like.
        interval: Seconds, or ``"15m"``, ``"1h30m"``, ``"1d"``, ISO 8601 ``"PT15M"``.
        rrule: An iCalendar recurrence rule.
        timezone: An IANA name; None means UTC.
        anchor_date: The moment that an interval counts from; in `timezone` if it has none.
        day_or: See `ScheduleSpec`.
        parameters: See `ScheduleSpec`.
        where: Named in errors: a configuration key or an option.
        error: ConfigError for the configuration, UsageError for options.

    Raises:
        FlowshipError: Of the kind `error`, with the field and a hint.
    """
    fail = Fail(where, error)
    given = sum(value is not None for value in (cron, interval, rrule))
    if given != 1:
        raise fail(
            "a schedule must have exactly one of cron, interval and rrule",
            "keep one of them"
            if given
            else 'give one: a cron such as "0 5 * * *" (every day at'
            ' 05:00), an interval such as "1h", or an rrule such as "FREQ=DAILY;BYHOUR=5"',
            code="schedule-ambiguous",
        )
    zone = check_timezone(timezone, where=where, error=error)
    extra = dict(parameters or {})
    if cron is not None:
        return ScheduleSpec("cron", check_cron(cron, fail, day_or), None, zone, day_or, extra)
    if rrule is not None:
        return ScheduleSpec("rrule", check_rrule(rrule, fail), None, zone, True, extra)
    assert interval is not None
    seconds = parse_interval(interval, where=where, error=error)
    anchor = _in_zone(anchor_date, ZoneInfo(zone)) if anchor_date else None
    return ScheduleSpec("interval", str(interval), seconds, zone, True, extra, anchor)


def _in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)


def problem(table: Mapping[str, Any]) -> str:
    """What is wrong with a schedule as flowship.toml writes it; empty if nothing is, or if that
    depends on a variable."""
    texts = [value for value in table.values() if isinstance(value, str)]
    if any("${" in text for text in texts):
        return ""
    try:
        parse(**{key.replace("-", "_"): value for key, value in table.items()})
    except FlowshipError as exc:
        return f"{exc.message}; {exc.hint}"
    return ""


def require_runs(schedule: ScheduleSpec, now: datetime, where: str) -> None:
    """Refuse a schedule of a command line that has no run from a moment on.

    Raises:
        UsageError: It is over by then.
    """
    if not schedule.next_runs(now, 1):
        raise UsageError(
            f'"{schedule.expression}" has no upcoming runs',
            code="schedule-never-runs",
            hint="check UNTIL, COUNT and DTSTART of the rule",
            where=where,
        )


def same_rrule(stored: str, wanted: str) -> bool:
    """Whether the server's text is `wanted` with only the DTSTART that the server adds."""
    if stored == wanted:
        return True
    if "DTSTART" in wanted.upper():
        return False
    head, _, rest = stored.partition("\n")
    return head.startswith("DTSTART:") and rest == wanted
