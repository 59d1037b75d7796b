"""The schedules of a deployment in a ``prefect.yaml``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta, timezone
from typing import Any

from pydantic import TypeAdapter, ValidationError

from flowship.config.explain import reason
from flowship.config.tables import Moment
from flowship.project.prefect_yaml.document import Items, Left, Table
from flowship.project.prefect_yaml.placeholders import translated, unknown

KINDS = ("cron", "interval", "rrule")

REASONS: Mapping[str, str] = {
    "active": "a deploy does not pause or resume a schedule: pause it in the UI after the first"
    " deploy, or remove it here",
    "anchor_date": "only an interval has one",
    "slug": "flowship names its own schedules",
    "replaces": "flowship names its own schedules",
}

Problem = Callable[[Mapping[str, Any]], str]
"""Says what is wrong with a schedule as flowship.toml writes it; empty if nothing is."""

SECONDS = TypeAdapter(timedelta)
"""Reads seconds, ``HH:MM:SS`` and ISO 8601, as Prefect does."""

MOMENT = TypeAdapter(Moment)


def of_deployment(
    entry: Table, key: str, problem: Problem
) -> tuple[list[dict[str, Any]], list[Left]]:
    """The schedules of one deployment, and what of them has no counterpart or is not valid."""
    schedules, left = [], []
    for name, kind in (("schedule", Table), ("schedules", Items)):
        if entry.get(name) and not isinstance(entry[name], kind):
            left.append(Left(entry.line_of(name), f"{key}.{name}", "it is not a schedule"))
    for config, above in _configured(entry, key):
        found, why = _schedule(config)
        why = why or problem(found)
        if why:
            line = next((config.lines[kind] for kind in KINDS if kind in config.lines), config.line)
            left.append(Left(line, above, why))
            continue
        schedules.append(found)
        left += [
            Left(config.line_of(name), f"{above}.{name}", REASONS[name])
            for name, value in config.items()
            if name in REASONS
            and value is not None
            and (name, value) != ("active", True)
            and not (name == "anchor_date" and "anchor-date" in found)
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
    schedule: dict[str, Any] = {}
    if config.get("timezone"):
        schedule["timezone"] = str(translated(config["timezone"]))
    named = [kind, "anchor_date"] if kind == "interval" and config.get("anchor_date") else [kind]
    for name in named:
        try:
            schedule |= READERS[name](translated(config[name]))
        except ValueError as exc:
            why = reason(exc) if isinstance(exc, ValidationError) else exc
            return {}, f"the {name} is not valid: {why}"
    if config.get("day_or") is False:
        schedule["day-or"] = False
    if config.get("parameters"):
        schedule["parameters"] = translated(config["parameters"])
    return schedule, ""


def _interval(value: object) -> dict[str, Any]:
    seconds = SECONDS.validate_python(value).total_seconds()
    return {"interval": int(seconds) if seconds == int(seconds) else seconds}


def _anchor(value: object) -> dict[str, Any]:
    """The moment; one without an offset is in UTC, as `prefect deploy` reads it."""
    moment = MOMENT.validate_python(value)
    return {"anchor-date": moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)}


def _rrule(value: object) -> dict[str, Any]:
    """A rule, which may also be JSON with a timezone."""
    try:
        stored = json.loads(str(value))
    except ValueError:
        return {"rrule": str(value)}
    if not isinstance(stored, dict) or "rrule" not in stored:
        raise ValueError('its JSON has no "rrule"')
    return {key: str(stored[key]) for key in ("rrule", "timezone") if stored.get(key)}


READERS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "cron": lambda value: {"cron": str(value)},
    "interval": _interval,
    "rrule": _rrule,
    "anchor_date": _anchor,
}
