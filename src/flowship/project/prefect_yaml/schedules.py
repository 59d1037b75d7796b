"""The schedules of a deployment in a ``prefect.yaml``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import TypeAdapter, ValidationError

from flowship.project.prefect_yaml.document import Items, Left, Table
from flowship.project.prefect_yaml.placeholders import translated, unknown

KINDS = ("cron", "interval", "rrule")

REASONS: Mapping[str, str] = {
    "active": "a deploy does not pause or resume a schedule: pause it in the UI after the first"
    " deploy, or remove it here",
    "anchor_date": "an interval begins when it is deployed first: use cron for fixed times",
    "slug": "flowship names its own schedules",
    "replaces": "flowship names its own schedules",
}

SECONDS = TypeAdapter(timedelta)
"""Reads seconds, ``HH:MM:SS`` and ISO 8601, as Prefect does."""


def of_deployment(entry: Table, key: str) -> tuple[list[dict[str, Any]], list[Left]]:
    """The schedules of one deployment, and what of them has no counterpart."""
    schedules, left = [], []
    for name, kind in (("schedule", Table), ("schedules", Items)):
        if entry.get(name) and not isinstance(entry[name], kind):
            left.append(Left(entry.line_of(name), f"{key}.{name}", "it is not a schedule"))
    for config, above in _configured(entry, key):
        found, reason = _schedule(config)
        if reason:
            left.append(Left(config.line, above, reason))
            continue
        schedules.append(found)
        left += [
            Left(config.line_of(name), f"{above}.{name}", REASONS[name])
            for name, value in config.items()
            if name in REASONS and value is not None and (name, value) != ("active", True)
        ]
    return schedules, left


def _configured(entry: Table, key: str) -> Iterator[tuple[Table, str]]:
    """Each schedule as the file has it, and its key."""
    one = entry.get("schedule")
    if isinstance(one, Table) and one:
        yield one, f"{key}.schedule"
    several = entry.get("schedules")
    if isinstance(several, Items):
        for config in several:
            if isinstance(config, Table) and config:
                yield config, f"{key}.schedules"


def _schedule(config: Table) -> tuple[dict[str, Any], str]:
    """One schedule as flowship.toml writes it; or a reason why there is none."""
    if placeholder := unknown(config):
        return {}, f"flowship has no counterpart for {placeholder}"
    given = [kind for kind in KINDS if config.get(kind) is not None]
    if len(given) != 1:
        return {}, "it has not exactly one of cron, interval and rrule"
    kind = given[0]
    schedule = {kind: translated(config[kind])}
    if config.get("timezone"):
        schedule["timezone"] = translated(config["timezone"])
    try:
        schedule |= READERS[kind](schedule[kind])
        _refuse_unknown_zone(schedule.get("timezone"))
    except ValueError as exc:
        reason = exc.errors()[0]["msg"] if isinstance(exc, ValidationError) else exc
        return {}, f"the {kind} is not valid: {reason}"
    if config.get("day_or") is False:
        schedule["day-or"] = False
    if config.get("parameters"):
        schedule["parameters"] = translated(config["parameters"])
    return schedule, ""


def _interval(value: object) -> dict[str, Any]:
    seconds = SECONDS.validate_python(value).total_seconds()
    if seconds <= 0:
        raise ValueError("it must be more than 0 seconds")
    return {"interval": int(seconds) if seconds == int(seconds) else seconds}


def _refuse_unknown_zone(name: object) -> None:
    """Refuse a timezone that does not exist, unless a variable is to give its name."""
    if name is None or "${" in str(name):
        return
    try:
        ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'the timezone "{name}" does not exist') from None


def _rrule(value: object) -> dict[str, Any]:
    """A rule, which may also be JSON with a timezone."""
    try:
        stored = json.loads(str(value))
    except ValueError:
        return {"rrule": str(value)}
    if not isinstance(stored, dict) or "rrule" not in stored:
        raise ValueError('its JSON has no "rrule"')
    return {key: stored[key] for key in ("rrule", "timezone") if stored.get(key)}


READERS = {"cron": lambda value: {"cron": str(value)}, "interval": _interval, "rrule": _rrule}
