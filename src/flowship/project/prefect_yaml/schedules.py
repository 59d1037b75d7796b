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
from flowship.project.prefect_yaml.placeholders import translated, unknown, usable

KINDS = ("cron", "interval", "rrule")

REASONS: Mapping[str, str] = {
    "active": "a deploy does not pause or resume a schedule: pause it in the UI after the first"
    " deploy, or remove it here",
    "anchor_date": "only an interval has one",
    "slug": "flowship names its own schedules",
    "replaces": "flowship names its own schedules",
}

OF_A_DEPLOY = ("active", "slug", "replaces")
"""What says nothing about when a flow runs."""

KEYS = {*KINDS, *REASONS, "timezone", "day_or", "parameters"}
"""What Prefect reads of a schedule."""

EMPTY: tuple[object, ...] = (None, "", [], {})
"""What counts as if it were not there."""

Problem = Callable[[Mapping[str, Any]], str]
"""Says what is wrong with a schedule as flowship.toml writes it; empty if nothing is."""

SECONDS = TypeAdapter(timedelta)
"""Reads seconds, ``HH:MM:SS`` and ISO 8601, as Prefect does."""

SWITCH = TypeAdapter(bool)

MOMENT = TypeAdapter(Moment)


def of_deployment(
    entry: Table, key: str, problem: Problem
) -> tuple[list[dict[str, Any]], list[Left]]:
    """The schedules of one deployment, and what of them has no counterpart or is not valid."""
    schedules: list[dict[str, Any]] = []
    configured, left = _configured(entry, key)
    for config, above in configured:
        found, why, reasons = _schedule(config)
        why = why or problem(found)
        if why:
            line = next((config.lines[kind] for kind in KINDS if kind in config.lines), config.line)
            left.append(Left(line, above, why))
        if found and not why:
            schedules.append(found)
        left += [
            Left(config.line_of(name), f"{above}.{name}", reason)
            for name, reason in [*reasons, *_without_effect(config, found)]
        ]
    return schedules, left


def _without_effect(config: Table, found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys of a schedule that flowship does not import, and why."""
    for name, value in config.items():
        if name not in KEYS:
            yield name, "Prefect does not read this key of a schedule"
        elif (
            name in REASONS
            and value is not None
            and (name, value) != ("active", True)
            and not (name == "anchor_date" and (not found or "anchor-date" in found))
        ):
            yield name, REASONS[name]


def _configured(entry: Table, key: str) -> tuple[list[tuple[Table, str]], list[Left]]:
    """Each schedule as the file has it, and its key; and what is not a schedule."""
    several = entry.get("schedules")
    given = [(entry.get("schedule"), "schedule", entry.line_of("schedule"))]
    given = [one for one in given if one[0] not in EMPTY]
    left: list[Left] = []
    if isinstance(several, Items):
        lines = zip(several, several.lines, strict=True)
        given += [(each, "schedules", line) for each, line in lines]
    elif several not in EMPTY:
        left.append(Left(entry.line_of("schedules"), f"{key}.schedules", "it is not a list"))
    found = []
    for config, name, line in given:
        if isinstance(config, Table) and config:
            found.append((config, f"{key}.{name}"))
        else:
            why = "it is empty" if config in EMPTY else "it is not a schedule"
            left.append(Left(line, f"{key}.{name}", why))
    return found, left


def _schedule(config: Table) -> tuple[dict[str, Any], str, list[tuple[str, str]]]:
    """One schedule as flowship.toml writes it, or a reason why there is none; and its keys that
    lack a part, with the reason."""
    if placeholder := unknown([value for key, value in config.items() if key not in OF_A_DEPLOY]):
        return {}, f"flowship has no counterpart for {placeholder}", []
    given = [kind for kind in KINDS if config.get(kind) is not None]
    if len(given) != 1:
        return {}, "it has not exactly one of cron, interval and rrule", []
    kind = given[0]
    schedule: dict[str, Any] = {}
    if config.get("timezone"):
        zone = config["timezone"]
        if isinstance(zone, dict | list):
            return {}, "the timezone is not text", []
        schedule["timezone"] = str(translated(zone))
    named = [kind, "anchor_date"] if kind == "interval" and config.get("anchor_date") else [kind]
    for name in named:
        try:
            schedule |= READERS[name](translated(config[name]))
        except ValueError as exc:
            why = reason(exc) if isinstance(exc, ValidationError) else exc
            return {}, f"the {name} is not valid: {why}", []
    try:
        both = config.get("day_or") is not None and not SWITCH.validate_python(config["day_or"])
    except ValidationError as exc:
        return {}, f"the day_or is not valid: {reason(exc)}", []
    if both:
        schedule["day-or"] = False
    parameters, reasons = usable(config.get("parameters") or {})
    if not isinstance(parameters, dict):
        reasons = ["it is not a mapping"]
    elif parameters:
        schedule["parameters"] = parameters
    return schedule, "", [("parameters", reason) for reason in reasons]


def _text(value: object) -> str:
    if isinstance(value, dict | list):
        raise ValueError("must be text")  # noqa: TRY004 - shown as a reason
    return str(value)


def _interval(value: object) -> dict[str, Any]:
    if _refers(value):
        return {"interval": value}
    try:
        seconds = SECONDS.validate_python(value).total_seconds()
    except (ValidationError, OverflowError) as exc:
        raise ValueError('must be seconds, or text such as "01:30:00" or "PT1H30M"') from exc
    return {"interval": int(seconds) if seconds == int(seconds) else seconds}


def _anchor(value: object) -> dict[str, Any]:
    """The moment; one without an offset is in UTC, as `prefect deploy` reads it."""
    if _refers(value):
        return {"anchor-date": value}
    moment = MOMENT.validate_python(value)
    return {"anchor-date": moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)}


def _refers(value: object) -> bool:
    """Whether a variable of the environment gives the value."""
    return isinstance(value, str) and "${" in value.replace("$${", "")


def _rrule(value: object) -> dict[str, Any]:
    """A rule, which may also be JSON with a timezone."""
    text = _text(value)
    try:
        stored = json.loads(text)
    except ValueError:
        return {"rrule": text}
    if not isinstance(stored, dict) or "rrule" not in stored:
        raise ValueError('its JSON has no "rrule"')
    return {key: str(stored[key]) for key in ("rrule", "timezone") if stored.get(key)}


READERS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "cron": lambda value: {"cron": _text(value)},
    "interval": _interval,
    "rrule": _rrule,
    "anchor_date": _anchor,
}
