"""What Prefect accepts as a timezone, an interval, a cron or a recurrence rule."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import dateutil.rrule
import dateutil.tz
from croniter import croniter

from flowship.deployment.recurrence import RRULE_ANCHOR, cron_dates, parse_rrule
from flowship.errors import ConfigError, FlowshipError, nearest

CRON_FIELDS = ("minute (0-59)", "hour (0-23)", "day of month (1-31)", "month (1-12)",
               "day of week (0-6, Sunday is 0)")  # fmt: skip


MAX_RRULE_LENGTH = 6500  # characters; Prefect's


LONGEST_INTERVAL = 10 * 366 * 86_400  # seconds; further runs leave the calendar


@dataclass(frozen=True)
class Fail:
    """Makes the error of the kind and place that the caller asked for."""

    where: str
    error: type[FlowshipError]

    def __call__(self, message: str, hint: str, *, code: str) -> FlowshipError:
        """The error."""
        return self.error(message, code=code, hint=hint, where=self.where)


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def check_timezone(
    name: str | None, *, where: str = "", error: type[FlowshipError] = ConfigError
) -> str:
    """The IANA name itself; "UTC" for None. For an unknown one the error suggests another one."""
    if name in (None, "UTC"):  # the most frequent ones: the list of all takes a while
        return "UTC"
    if name in _timezones():
        return name
    raise error(
        f'"{name}" is not a timezone',
        code="timezone-unknown",
        hint=_timezone_hint(name.strip()),
        where=where,
    )


_OFFSET = re.compile(r"(?i)(?:UTC|GMT|Z)?\s*[+-]\s*\d{1,2}(?::?\d{2})?")

# Cities for abbreviations that people write. An abbreviation is one of summer or winter, and
# several countries can have the same one.
_CITIES = {
    "BST": "Europe/London", "WEST": "Europe/Lisbon", "CEST": "Europe/Berlin",
    "EEST": "Europe/Athens", "MSK": "Europe/Moscow", "IST": "Asia/Kolkata",
    "SAST": "Africa/Johannesburg", "EAT": "Africa/Nairobi", "WAT": "Africa/Lagos",
    "CAT": "Africa/Maputo", "PKT": "Asia/Karachi", "SGT": "Asia/Singapore", "HKT": "Asia/Hong_Kong",
    "JST": "Asia/Tokyo", "KST": "Asia/Seoul", "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney", "ACST": "Australia/Adelaide", "ACDT": "Australia/Adelaide",
    "AWST": "Australia/Perth", "NZST": "Pacific/Auckland", "NZDT": "Pacific/Auckland",
    "ET": "America/New_York", "EDT": "America/New_York", "CT": "America/Chicago",
    "CDT": "America/Chicago", "MT": "America/Denver", "MDT": "America/Denver",
    "PT": "America/Los_Angeles", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles",
    "AKST": "America/Anchorage", "AKDT": "America/Anchorage", "AST": "America/Halifax",
    "ADT": "America/Halifax", "BRT": "America/Sao_Paulo", "ART": "America/Argentina/Buenos_Aires",
}  # fmt: skip


def _timezone_hint(name: str) -> str:
    """The advice for an unknown timezone. A zone of similar spelling can be hours away, so only
    names that are long enough to be a typing error get one."""
    if _OFFSET.fullmatch(name):
        return (
            "an offset is not a timezone: use a city, which knows when the clocks change, such as"
            " Europe/Paris or Pacific/Auckland"
        )
    if city := _CITIES.get(name.upper()):
        return (
            "an abbreviation is not a timezone: use a city, which knows when the clocks change,"
            f' such as "{city}"'
        )
    lower = {known.lower(): known for known in _timezones()}
    cities = {known.rpartition("/")[2].lower(): known for known in sorted(_timezones())}
    wanted = name.lower().replace(" ", "_")
    for table in (lower, cities):
        if wanted in table:
            return f'did you mean "{table[wanted]}"?'
        close = nearest(wanted, table, cutoff=0.75)
        if close and min(len(wanted), len(close)) > _LONGEST_ABBREVIATION:
            return f'did you mean "{table[close]}"?'
    return "use an IANA name such as Europe/Paris or Pacific/Auckland"


_LONGEST_ABBREVIATION = 5


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
            code="interval-invalid",
            hint='write seconds (90) or units: "15m", "1h30m", "1d"; ISO 8601 "PT15M" works too',
            where=where,
        )
    if seconds > LONGEST_INTERVAL:
        raise error(
            "an interval is at most ten years",
            code="interval-invalid",
            hint='for example "30d"',
            where=where,
        )
    if not seconds >= 1:  # written this way, it catches TOML's nan too
        raise error(
            "an interval is at least one second",
            code="interval-invalid",
            hint='for example "15m"',
            where=where,
        )
    return float(seconds)


def written_interval(text: str) -> float | None:
    """Seconds of a length of time as people write it; None if it is not one."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    iso = _ISO.fullmatch(text.upper())
    if iso and any(iso.groupdict().values()):
        return sum(float(v) * _UNITS[k] for k, v in iso.groupdict().items() if v)
    parts = [(float(number), unit.lower()) for number, unit in _WRITTEN.findall(text)]
    if not parts or _WRITTEN.sub("", text) or any(unit not in _UNITS for _, unit in parts):
        return None
    return sum(number * _UNITS[unit] for number, unit in parts)


def check_cron(text: str, fail: Fail, day_or: bool) -> str:
    """The cron expression with single blanks.

    Raises:
        FlowshipError: Prefect does not accept it, or it never runs.
    """
    if fault := _cron_fault(text, day_or):
        raise fail(fault.message, fault.hint, code=fault.code)
    return " ".join(text.split())


class _Fault(NamedTuple):
    message: str
    hint: str
    code: str = "cron-invalid"


# A project and its server name the same expressions repeatedly: each is examined once.
@lru_cache(maxsize=1024)
def _cron_fault(text: str, day_or: bool) -> _Fault | None:
    """Why Prefect does not accept a cron expression, or why it never runs; None if it does."""
    cron = " ".join(text.split())
    fields = cron.split()
    if not cron.startswith("@"):
        if len(fields) != len(CRON_FIELDS):
            return _Fault(
                f'"{text}" has {len(fields)} field{"s" * (len(fields) != 1)};'
                f" a cron expression has {len(CRON_FIELDS)} fields",
                _field_count_hint(text, fields),
            )
        faults = (_cron_field_fault(cron, index, value) for index, value in enumerate(fields))
        if fault := next(filter(None, faults), None):
            return fault
    elif not croniter.is_valid(cron):
        return _Fault(
            f'"{text}" is not a cron shorthand', "use @hourly, @daily, @weekly or @monthly"
        )
    if not croniter.is_valid(cron):
        return _Fault(f'"{text}" is not a cron expression', 'for example "0 5 * * *"')
    utc = ZoneInfo("UTC")
    try:
        next(cron_dates(cron, datetime(2024, 1, 1, tzinfo=utc), utc, day_or=day_or))
    except ValueError:  # croniter's own error for a date that never comes
        hint = "check the day of month against the month"
        return _Fault(f'"{text}" never runs', hint, "schedule-never-runs")
    return None


_CRON_TZ = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.*)", re.DOTALL)


def _field_count_hint(text: str, fields: list[str]) -> str:
    number = len(CRON_FIELDS)
    if prefixed := _CRON_TZ.match(text.strip()):
        return _zone_apart(prefixed[1], prefixed[2])
    if len(fields) == number + 1 and _means_timezone(fields[-1]):
        return _zone_apart(fields[-1], " ".join(fields[:number]))
    if len(fields) == number + 1:
        rest = " ".join(fields[1:])
        return f'Prefect cron schedules have no seconds: remove the first field, "{rest}"'
    return 'minute, hour, day of month, month, day of week; for example "0 5 * * *"'


def _means_timezone(field: str) -> bool:
    if field in _timezones() or field.upper() in _CITIES or re.match(r"[A-Za-z]+/", field):
        return True
    return _OFFSET.fullmatch(field) is not None


def _zone_apart(zone: str, cron: str) -> str:
    """The advice for a cron with a timezone in it."""
    if zone in _timezones():
        return f'the timezone has a key of its own: cron "{cron}", timezone "{zone}"'
    return f'the timezone has a key of its own: cron "{cron}"; {_timezone_hint(zone)}'


def _cron_field_fault(cron: str, index: int, value: str) -> _Fault | None:
    if re.search(r"(?i)(?<![a-z])[hr](?![a-z])", value):
        return _Fault(
            f'"{cron}": Prefect does not support random and hashed values ("{value}")',
            f"write the {CRON_FIELDS[index]} as a number",
        )
    alone = ["*"] * len(CRON_FIELDS)
    alone[index] = value
    if croniter.is_valid(" ".join(alone)):
        return None
    return _Fault(
        f'"{cron}": "{value}" is not {_article(CRON_FIELDS[index])}',
        'minute, hour, day of month, month, day of week; for example "0 5 * * *"',
    )


# What dateutil raises for text that is not a rule.
_INVALID_RULE = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)


# Numbers that dateutil accepts and then fails on, or never gets past.
_NUMBERS: dict[str, tuple[int, float]] = {
    "INTERVAL": (1, math.inf), "COUNT": (1, math.inf), "BYMONTH": (1, 12), "BYWEEKNO": (1, 53),
    "BYYEARDAY": (1, 366), "BYMONTHDAY": (1, 31), "BYHOUR": (0, 23), "BYMINUTE": (0, 59),
    "BYSECOND": (0, 59),
}  # fmt: skip


_FROM_THE_END = ("BYWEEKNO", "BYYEARDAY", "BYMONTHDAY")  # where they are negative


def _article(field: str) -> str:
    return f"{'an' if field.startswith('hour') else 'a'} {field}"


def check_rrule(text: str, fail: Fail) -> str:
    """The recurrence rule, stripped.

    Raises:
        FlowshipError: Prefect does not accept it, or it never runs.
    """
    rule = text.strip()
    if len(rule) > MAX_RRULE_LENGTH:
        raise fail(
            f"the rrule has {len(rule)} characters",
            f"Prefect accepts at most {MAX_RRULE_LENGTH}",
            code="rrule-invalid",
        )
    try:
        rules = parse_rrule(rule)
        _check_numbers(rule, fail)
        runs = all(map(_runs, [*rules._rrule, *rules._exrule]))
    except _INVALID_RULE as exc:
        raise _not_an_rrule(text, exc, fail) from exc
    if not runs:
        hint = "check the days against the months, and BYSETPOS"
        raise fail(f'"{text}" never runs', hint, code="schedule-never-runs")
    return rule


def _not_an_rrule(text: str, exc: Exception, fail: Fail) -> FlowshipError:
    reason = str(exc)
    if "UNTIL values" in reason:  # Prefect's own anchor has no zone, so UNTIL may have none
        return fail(
            f'"{text}": Prefect does not support an UNTIL in UTC',
            "write UNTIL in the schedule's own timezone, without the Z",
            code="rrule-invalid",
        )
    if isinstance(exc, LookupError | ArithmeticError):
        reason = "a number in it is out of range"
    elif "'freq'" in reason:
        reason = "it has no FREQ"
    hint = 'for example "FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=5"'
    return fail(f'"{text}" is not an rrule: {reason}', hint, code="rrule-invalid")


def _check_numbers(rule: str, fail: Fail) -> None:
    for name, numbers in re.findall(r"([A-Z]+)=([^;\s]+)", rule.upper()):
        low, high = _NUMBERS.get(name, (-math.inf, math.inf))
        for number in map(int, numbers.split(",") if name in _NUMBERS else ()):
            size = abs(number) if name in _FROM_THE_END else number
            if not low <= size <= high:
                allowed = f"{low} to {high}" if math.isfinite(high) else f"{low} or more"
                raise fail(
                    f'"{rule}": {name}={number} is out of range',
                    f"{name} must be {allowed}",
                    code="rrule-invalid",
                )


def _runs(rule: Any) -> bool:  # noqa: ANN401 the attributes are private in dateutil
    """Whether the rule ever runs.

    dateutil searches up to the year 9999, minute by minute for a minutely rule. So for such a
    rule only the days are examined, and whether there is a BYSETPOS-th moment.
    """
    below_daily = rule._freq - dateutil.rrule.DAILY
    if below_daily >= 0:
        shorter = (rule._byhour, rule._byminute, rule._bysecond)[below_daily:]
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
