"""Schedules in English: ``every weekday (Monday to Friday) at 05:00``, or ``weekdays-0500``."""

from __future__ import annotations

import re

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip


def duration_in_words(seconds: float) -> str:
    """``90`` → ``1 minute 30 seconds``; a single unit loses its one: ``day``, ``15 minutes``."""
    names = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
    parts = []
    for name, length in names:
        number, seconds = divmod(seconds, length) if length > 1 else (seconds, 0)
        if number:
            parts.append(f"{number:g} {name}{'' if number == 1 else 's'}")
    return parts[0].removeprefix("1 ") if len(parts) == 1 else " ".join(parts)


def cron_in_words(cron: str) -> str | None:
    """The expression in words; None where words would be longer than the expression."""
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


_SHORTER = (
    (r"every weekday \(Monday to Friday\)", "weekdays"),
    (r"every day\b", "daily"),
    (r"every hour\b", "hourly"),
    (rf"every (?={'|'.join(DAYS)})", ""),
    (r"\b(and|at) ", ""),
    (r"(?<=\d):(?=\d)", ""),
)
_LONGEST_SLUG = 60


def words_as_slug(words: str) -> str:
    """``every day at 05:00`` → ``daily-0500``."""
    for pattern, shorter in _SHORTER:
        words = re.sub(pattern, shorter, words)
    return re.sub(r"[^a-z0-9]+", "-", words.lower())[:_LONGEST_SLUG].strip("-")


def _within_the_day(minute: str, hour: str) -> str | None:
    step = re.fullmatch(r"\*/(\d+)", minute)
    if hour == "*":
        if minute == "*":
            return "every minute"
        if step and 60 % int(step[1]) == 0:
            return f"every {duration_in_words(60 * int(step[1]))}"
        return f"every hour at minute {minute}" if minute.isdigit() else None
    step = re.fullmatch(r"\*/(\d+)", hour)
    if step and 24 % int(step[1]) == 0 and minute.isdigit():
        past = "" if int(minute) == 0 else f" at minute {minute}"
        return f"every {duration_in_words(3600 * int(step[1]))}{past}"
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
