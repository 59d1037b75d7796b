"""When a deployment runs: validated, told in words, and its next runs counted out.

Prefect's own rules decide, quirks included, since its scheduler is what will fire: the
tests compare `ScheduleSpec.next_runs` with Prefect's schedule classes over many cases,
around both daylight-saving changes. Pure: no clock, no network, no Prefect.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import dateutil.rrule
import dateutil.tz
from croniter import croniter

from flowship.errors import ConfigError, FlowshipError

CRON_FIELDS = ("minute (0-59)", "hour (0-23)", "day of month (1-31)", "month (1-12)",
               "day of week (0-6, Sunday is 0)")  # fmt: skip
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
RRULE_ANCHOR = datetime(2020, 1, 1)
# From Python 3.13 on Prefect counts with another library, whenever, which differs where clocks
# change. No API tells a server's Python; ours is the likeliest, and that of `flowship up`.
BY_WHENEVER = sys.version_info >= (3, 13)
MAX_ITERATIONS = 1000  # Prefect's bound on candidates per question
MAX_RRULE_LENGTH = 6500  # characters; Prefect's
MOST_MOMENTS = 1_000_000  # of a rule, walked through on the way to its next runs: three seconds

Kind = Literal["cron", "interval", "rrule"]
LONGEST_INTERVAL = 10 * 366 * 86_400  # seconds; further runs leave the calendar


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
    """

    kind: Kind
    expression: str
    seconds: float | None = None
    timezone: str = "UTC"
    day_or: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def payload(self, anchor: str | None = None) -> dict[str, Any]:
        """What Prefect's REST API takes; `anchor` (ISO 8601) is for intervals only.

        An interval sent without an anchor is anchored by the server at that moment.
        """
        if self.kind == "cron":
            return {"cron": self.expression, "timezone": self.timezone, "day_or": self.day_or}
        if self.kind == "rrule":
            return {"rrule": self.expression, "timezone": self.timezone}
        body: dict[str, Any] = {"interval": self.seconds, "timezone": self.timezone}
        return body | ({"anchor_date": anchor} if anchor else {})

    def fingerprint(self) -> str:
        """Eight hexadecimal digits that change when anything about this schedule does."""
        return fingerprint([self.payload(), dict(self.parameters)])

    @property
    def words(self) -> str:
        """``every day at 05:00 Pacific/Auckland``; the raw expression where words would fail."""
        if self.kind == "interval":
            return f"every {_duration(self.seconds or 0)}"
        told = _cron_in_words(self.expression) if self.kind == "cron" else None
        return f"{told or f'{self.kind} {self.expression!r}'} {self.timezone}"

    def next_runs(
        self, now: datetime, count: int = 3, *, anchor: datetime | None = None
    ) -> tuple[datetime, ...]:
        """The next `count` runs at or after `now`, in the schedule's timezone.

        Args:
            now: An aware moment.
            count: How many; fewer come back when the schedule ends, or cannot be counted so far.
            anchor: Where an interval counts from; `now` when the server has not stored one.
        """
        zone = ZoneInfo(self.timezone)
        start = now.astimezone(zone)
        if self.kind == "cron":
            found = _cron_dates(self.expression, start, zone, day_or=self.day_or)
        elif self.kind == "interval":
            found = _interval_dates(self.seconds or 0, (anchor or now).astimezone(zone), start)
        else:
            found = _rrule_dates(self.expression, self.timezone, start)
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
        return tuple(sorted(dates.values()))


def fingerprint(value: object) -> str:
    """Eight hexadecimal digits of any JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def parse(
    *,
    cron: str | None = None,
    interval: float | str | None = None,
    rrule: str | None = None,
    timezone: str | None = None,
    day_or: bool = True,
    parameters: Mapping[str, Any] | None = None,
    where: str = "",
    error: type[FlowshipError] = ConfigError,
) -> ScheduleSpec:
    """Judge one schedule and keep it.

    Args:
        cron: Five fields, or ``@daily`` and the like.
        interval: Seconds, or ``"15m"``, ``"1h30m"``, ``"1d"``, ISO 8601 ``"PT15M"``.
        rrule: An iCalendar recurrence rule.
        timezone: An IANA name; None means UTC.
        day_or: See `ScheduleSpec`.
        parameters: See `ScheduleSpec`.
        where: Named in errors: a configuration key or an option.
        error: ConfigError for the configuration, UsageError for options.

    Raises:
        FlowshipError: Of the kind `error`, naming the field and the way out.
    """
    fail = _Fail(where, error)
    if sum(value is not None for value in (cron, interval, rrule)) != 1:
        raise fail("a schedule takes exactly one of cron, interval and rrule", "keep one of them")
    zone = check_timezone(timezone, where=where, error=error)
    extra = dict(parameters or {})
    if cron is not None:
        return ScheduleSpec("cron", _check_cron(cron, fail, day_or), None, zone, day_or, extra)
    if rrule is not None:
        return ScheduleSpec("rrule", _check_rrule(rrule, fail), None, zone, True, extra)
    assert interval is not None
    seconds = parse_interval(interval, where=where, error=error)
    return ScheduleSpec("interval", str(interval), seconds, zone, True, extra)


@dataclass(frozen=True)
class _Fail:
    """Makes the error of the kind and place that the caller asked for."""

    where: str
    error: type[FlowshipError]

    def __call__(self, message: str, hint: str) -> FlowshipError:
        return self.error(message, hint=hint, where=self.where)


# --- timezone ---------------------------------------------------------------------------------


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def check_timezone(
    name: str | None, *, where: str = "", error: type[FlowshipError] = ConfigError
) -> str:
    """The IANA name itself, "UTC" for None; a wrong one is an error with the nearest right one."""
    if name is None:
        return "UTC"
    if name in _timezones():
        return name
    hint = "use an IANA name such as Europe/Paris or Pacific/Auckland"
    lower = {known.lower(): known for known in _timezones()}
    cities = {known.rpartition("/")[2].lower(): known for known in sorted(_timezones())}
    wanted = name.lower().replace(" ", "_")
    for table in (lower, cities):
        close = difflib.get_close_matches(wanted, table, n=1, cutoff=0.75)
        if close:
            hint = f'did you mean "{table[close[0]]}"?'
            break
    raise error(f'"{name}" is not a timezone', hint=hint, where=where)


# --- interval ---------------------------------------------------------------------------------

_UNITS = {
    unit: seconds
    for units, seconds in (
        ("s sec secs second seconds", 1),
        ("m min mins minute minutes", 60),
        ("h hr hrs hour hours", 3600),
        ("d day days", 86400),
        ("w week weeks", 604800),
    )
    for unit in units.split()
}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.IGNORECASE)
_ISO = re.compile(
    r"P(?:(?P<w>\d+)W)?(?:(?P<d>\d+)D)?"
    r"(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?"
)


def parse_interval(
    value: float | str, *, where: str = "", error: type[FlowshipError] = ConfigError
) -> float:
    """Seconds of ``90``, ``"15m"``, ``"1h30m"``, ``"1d"``, ``"PT15M"``; at least one second."""
    seconds = written_interval(value.strip()) if isinstance(value, str) else value
    if isinstance(value, bool) or seconds is None:
        raise error(
            f'"{value}" is not an interval',
            hint='write seconds (90) or units: "15m", "1h30m", "1d"; ISO 8601 "PT15M" works too',
            where=where,
        )
    if seconds > LONGEST_INTERVAL:
        raise error("an interval is at most ten years", hint='for instance "30d"', where=where)
    if not seconds >= 1:  # so asked, TOML's nan is caught too
        raise error("an interval is at least one second", hint='for instance "15m"', where=where)
    return float(seconds)


def written_interval(text: str) -> float | None:
    """Seconds of a length of time as people write it; None for what is none."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    iso = _ISO.fullmatch(text.upper())
    if iso and any(iso.groupdict().values()):
        return sum(float(v) * _UNITS[k] for k, v in iso.groupdict().items() if v)
    parts = [(float(number), unit.lower()) for number, unit in _WRITTEN.findall(text)]
    if not parts or _WRITTEN.sub("", text) or any(unit not in _UNITS for _, unit in parts):
        return None
    return sum(number * _UNITS[unit] for number, unit in parts)


def _duration(seconds: float) -> str:
    """``90`` → ``1 minute 30 seconds``; a single unit loses its one: ``day``, ``15 minutes``."""
    names = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
    parts = []
    for name, length in names:
        number, seconds = divmod(seconds, length) if length > 1 else (seconds, 0)
        if number:
            parts.append(f"{number:g} {name}{'' if number == 1 else 's'}")
    return parts[0].removeprefix("1 ") if len(parts) == 1 else " ".join(parts)


def _interval_dates(seconds: float, anchor: datetime, start: datetime) -> Iterator[datetime]:
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
            moment = _on_the_clock(wall, zone, fold=0 if BY_WHENEVER else 1, forward=True)
        return (moment.astimezone(utc) + rest).astimezone(zone)

    while here < start:
        here = advance(here)
    while True:
        yield here
        here = advance(here)


def _on_the_clock(wall: datetime, zone: ZoneInfo, *, fold: int, forward: bool) -> datetime:
    """A wall time in `zone` as Prefect reads it.

    A time that the clocks skip moves by the gap, forward or back; of a time that comes twice
    ``fold`` is 1 for the second and 0 for the first.
    """
    before = wall.replace(tzinfo=zone, fold=0).utcoffset() or timedelta()
    after = wall.replace(tzinfo=zone, fold=1).utcoffset() or timedelta()
    if after > before:
        wall = wall + (after - before if forward else before - after)
    return wall.replace(tzinfo=zone, fold=fold)


# --- cron -------------------------------------------------------------------------------------


@cache  # judged before the build, before the push and before the deployment
def _check_cron(text: str, fail: _Fail, day_or: bool) -> str:
    cron = " ".join(text.split())
    fields = cron.split()
    if not cron.startswith("@"):
        if len(fields) != len(CRON_FIELDS):
            raise fail(
                f'"{text}" has {len(fields)} field{"s" * (len(fields) != 1)}, cron has five',
                _field_count_hint(fields),
            )
        for index, value in enumerate(fields):
            _check_cron_field(cron, index, value, fail)
    elif not croniter.is_valid(cron):
        raise fail(f'"{text}" is not a cron shorthand', "use @hourly, @daily, @weekly or @monthly")
    if not croniter.is_valid(cron):
        raise fail(f'"{text}" is not a cron expression', 'for instance "0 5 * * *"')
    utc = ZoneInfo("UTC")
    try:
        next(_cron_dates(cron, datetime(2024, 1, 1, tzinfo=utc), utc, day_or=day_or))
    except ValueError as exc:  # croniter's own error for a date that never comes
        raise fail(f'"{text}" never comes', "check the day of month against the month") from exc
    return cron


def _field_count_hint(fields: list[str]) -> str:
    if len(fields) == 6:
        return f'Prefect counts minutes, not seconds: leave one field out, "{" ".join(fields[1:])}"'
    return 'minute, hour, day of month, month, day of week; for instance "0 5 * * *"'


def _check_cron_field(cron: str, index: int, value: str, fail: _Fail) -> None:
    if re.search(r"(?i)(?<![a-z])[hr](?![a-z])", value):
        raise fail(
            f'"{cron}": random and hashed values ("{value}") are not understood by Prefect',
            f"write the {CRON_FIELDS[index]} out",
        )
    alone = ["*"] * len(CRON_FIELDS)
    alone[index] = value
    if not croniter.is_valid(" ".join(alone)):
        raise fail(
            f'"{cron}": "{value}" is no {CRON_FIELDS[index]}',
            'minute, hour, day of month, month, day of week; for instance "0 5 * * *"',
        )


def _cron_dates(cron: str, start: datetime, zone: ZoneInfo, *, day_or: bool) -> Iterator[datetime]:
    """As Prefect does: cron on the bare wall clock, then the timezone put back."""
    # A second earlier, so that a start that matches counts; fractions round up.
    wall = start.replace(tzinfo=None, fold=0) - timedelta(seconds=1)
    if wall.microsecond:
        wall += timedelta(seconds=1)
    found = croniter(cron, wall, day_or=day_or)
    while True:
        yield _on_the_clock(found.get_next(datetime), zone, fold=0, forward=BY_WHENEVER)


def _cron_in_words(cron: str) -> str | None:
    aliases = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
               "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *",
               "@annually": "0 0 1 1 *"}  # fmt: skip
    minute, hour, day, month, weekday = aliases.get(cron.lower(), cron).split()
    if (day, month, weekday) == ("*", "*", "*"):
        often = _within_the_day(minute, hour)
        if often:
            return often
    clock = _clock(minute, hour)
    when = _which_days(day, month, weekday)
    return f"{when} at {clock}" if clock and when else None


def _within_the_day(minute: str, hour: str) -> str | None:
    step = re.fullmatch(r"\*/(\d+)", minute)
    if hour == "*":
        if minute == "*":
            return "every minute"
        if step and 60 % int(step[1]) == 0:
            return f"every {_duration(60 * int(step[1]))}"
        return f"every hour at minute {minute}" if minute.isdigit() else None
    step = re.fullmatch(r"\*/(\d+)", hour)
    if step and 24 % int(step[1]) == 0 and minute.isdigit():
        past = "" if int(minute) == 0 else f" at minute {minute}"
        return f"every {_duration(3600 * int(step[1]))}{past}"
    return None


def _clock(minute: str, hour: str) -> str | None:
    if not minute.isdigit() or not re.fullmatch(r"\d+(,\d+)*", hour):
        return None
    times = [f"{int(h):02}:{int(minute):02}" for h in sorted(set(hour.split(",")), key=int)]
    return _and(times)


def _which_days(day: str, month: str, weekday: str) -> str | None:
    if month == "*" and day == "*":
        if weekday == "*":
            return "every day"
        return _weekdays(weekday)
    if weekday != "*" or not re.fullmatch(r"\d+(,\d+)*|l", day.lower()):
        return None
    name = "the last day" if day.lower() == "l" else f"day {_and(day.split(','))}"
    if month == "*":
        return f"{name} of every month"
    if month.isdigit() and day.isdigit():
        return f"every {int(day)} {MONTHS[int(month) - 1]}"
    return None


def _weekdays(text: str) -> str | None:
    short = {name[:3].lower(): str(index) for index, name in enumerate(DAYS)}
    numbers = re.sub(r"[a-z]{3}", lambda m: short.get(m[0], m[0]), text.lower())
    if numbers == "1-5":
        return "every weekday (Monday to Friday)"
    if not re.fullmatch(r"[0-7](,[0-7])*", numbers):
        return None
    chosen = sorted({int(n) % 7 for n in numbers.split(",")}, key=lambda n: (n - 1) % 7)
    return "every " + _and([DAYS[n] for n in chosen])


def _and(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


# --- rrule ------------------------------------------------------------------------------------


# dateutil lets its own slips through as they fall; each means "not a rule".
_SLIPS = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
# What dateutil takes for a number and then stumbles over, or never gets past.
_NUMBERS: dict[str, tuple[int, float]] = {
    "INTERVAL": (1, math.inf), "COUNT": (1, math.inf), "BYMONTH": (1, 12), "BYWEEKNO": (1, 53),
    "BYYEARDAY": (1, 366), "BYMONTHDAY": (1, 31), "BYHOUR": (0, 23), "BYMINUTE": (0, 59),
    "BYSECOND": (0, 59),
}  # fmt: skip
_FROM_THE_END = ("BYWEEKNO", "BYYEARDAY", "BYMONTHDAY")  # where they are negative


def _check_rrule(text: str, fail: _Fail) -> str:
    rule = text.strip()
    if len(rule) > MAX_RRULE_LENGTH:
        raise fail(f"the rrule has {len(rule)} characters", f"Prefect takes {MAX_RRULE_LENGTH}")
    try:
        rules = _rules(rule)
        _check_numbers(rule, fail)
        comes = all(map(_comes, [*rules._rrule, *rules._exrule]))
    except _SLIPS as exc:
        raise _not_an_rrule(text, exc, fail) from exc
    if not comes:
        raise fail(f'"{text}" never comes', "check the days against the months, and BYSETPOS")
    return rule


def _not_an_rrule(text: str, exc: Exception, fail: _Fail) -> FlowshipError:
    reason = str(exc)
    if "UNTIL values" in reason:  # Prefect's own anchor has no zone, so UNTIL may have none
        return fail(
            f'"{text}": Prefect cannot count to an UNTIL in UTC',
            "give UNTIL as the schedule's own wall time, without the Z",
        )
    if isinstance(exc, LookupError | ArithmeticError):
        reason = "a number in it is out of range"
    elif "'freq'" in reason:
        reason = "it has no FREQ"
    hint = 'for instance "FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=5"'
    return fail(f'"{text}" is not an rrule: {reason}', hint)


def _rules(text: str) -> Any:  # noqa: ANN401 a set's parts are private in dateutil, as in Prefect
    """The rule as a set of rules and dates, which most have one of."""
    rules: Any = dateutil.rrule.rrulestr(text, dtstart=RRULE_ANCHOR, forceset=True)
    if not rules._rrule and not rules._rdate:
        raise ValueError("it has neither an RRULE nor an RDATE")
    return rules


def _check_numbers(rule: str, fail: _Fail) -> None:
    for name, numbers in re.findall(r"([A-Z]+)=([^;\s]+)", rule.upper()):
        low, high = _NUMBERS.get(name, (-math.inf, math.inf))
        for number in map(int, numbers.split(",") if name in _NUMBERS else ()):
            size = abs(number) if name in _FROM_THE_END else number
            if not low <= size <= high:
                takes = f"{low} to {high}" if math.isfinite(high) else f"{low} or more"
                raise fail(f'"{rule}": {name}={number} is out of range', f"{name} takes {takes}")


def _comes(rule: Any) -> bool:  # noqa: ANN401 all that is asked is private in dateutil
    """Whether any moment fits, sooner or later.

    dateutil looks for one up to the year 9999, through each minute of it if the rule goes by the
    minute. So of such a rule the days are judged alone, and whether there is a BYSETPOS-th.
    """
    beyond_daily = rule._freq - dateutil.rrule.DAILY
    if beyond_daily >= 0:
        shorter = (rule._byhour, rule._byminute, rule._bysecond)[beyond_daily:]
        at_once = math.prod(map(len, shorter))
        if rule._bysetpos and all(abs(position) > at_once for position in rule._bysetpos):
            return False
        days = rule.replace(
            freq=dateutil.rrule.YEARLY, dtstart=RRULE_ANCHOR, interval=1, count=None, until=None,
            bysetpos=None, byhour=0, byminute=0, bysecond=0,
        )  # fmt: skip
        if next(iter(days), None) is None:
            return False
    return next(iter(rule.replace(until=None)), None) is not None


def same_rrule(stored: str, wanted: str) -> bool:
    """Whether the server's text is `wanted` with only the DTSTART that the server adds."""
    if stored == wanted:
        return True
    if "DTSTART" in wanted.upper():
        return False
    head, _, rest = stored.partition("\n")
    return head.startswith("DTSTART:") and rest == wanted


def _rrule_dates(text: str, zone_name: str, start: datetime) -> Iterator[datetime]:
    """As Prefect does: every date in the rule is taken as a wall time of the schedule's zone."""
    rules = _rules(text)
    zone = dateutil.tz.gettz(zone_name)
    for name in ("_rrule", "_exrule"):
        setattr(rules, name, [_moments(rule, zone, start) for rule in getattr(rules, name)])
    for name in ("_rdate", "_exdate"):
        setattr(rules, name, [moment.replace(tzinfo=zone) for moment in getattr(rules, name)])
    for moment in rules.xafter(start, count=None, inc=True):
        fixed = timezone(moment.utcoffset() or timedelta())
        yield moment.replace(tzinfo=fixed).astimezone(start.tzinfo)


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
            raise OverflowError("too many moments to count")
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
