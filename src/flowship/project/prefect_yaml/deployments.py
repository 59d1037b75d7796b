"""The deployments of a ``prefect.yaml``, as flowship's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flowship.config.explain import reason
from flowship.config.tables import Deployment
from flowship.project.prefect_yaml import entrypoints, schedules, work_pool
from flowship.project.prefect_yaml.document import Left, Table
from flowship.project.prefect_yaml.placeholders import translated, unknown, usable

NO_COUNTERPART: Mapping[str, str] = {
    "triggers": "only alerts become automations ([[alerts]]): keep others in the UI or in a script",
    "sla": "service level agreements exist in Prefect Cloud only",
    "version_type": "the version of a deployment names the inputs of its image",
    "concurrency_options": 'set concurrency = { limit = 1, on-conflict = "cancel-new" }',
    "flow_name": "flowship reads the flow's name from the code",
}

ELSEWHERE = ("name", "entrypoint", "schedule", "schedules", "work_pool", "build", "push", "pull")
"""What other functions read."""


SCHEDULE_KEYS = ("cron", "interval", "rrule", "timezone", "schedules")


@dataclass(frozen=True)
class Translated:
    """One deployment.

    Attributes:
        key: Where the file has it, for messages: ``deployments.nightly``.
        table: As flowship.toml has it; the keys in its order.
        pool: The name of its work pool; empty if none is named.
        line: Where it begins in the file.
        reason: Why it cannot be deployed by flowship; empty if it can.
        left: What of it was not imported.
        written: The keys of all its schedules, also of those that are not valid.
        own: The settings of the image that its own steps build; empty if it has no such steps.
    """

    key: str
    table: Mapping[str, Any]
    pool: str
    line: int
    reason: str = ""
    left: tuple[Left, ...] = ()
    written: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)

    def refused(self, reason: str) -> Translated:
        """The deployment with a reason more why it cannot be deployed."""
        return replace(self, reason="; ".join(filter(None, [self.reason, reason])))

    def in_full(self) -> dict[str, Any]:
        """Its table with the schedules that are not valid: a person has to decide about them."""
        rest = {key: value for key, value in self.table.items() if key not in SCHEDULE_KEYS}
        return {**rest, **self.written}


def translate(entry: Table, number: int, problem: schedules.Problem, folder: Path) -> Translated:
    """The deployment of one entry.

    Args:
        entry: An item of ``deployments``.
        number: Its place, counted from 1, for an entry without a name.
        problem: Says what is wrong with a schedule.
        folder: The file's, to which entrypoints are relative.
    """
    name, no_name = _name(entry.get("name"))
    key = f"deployments.{name or number}"
    left: list[Left] = []
    entrypoint, no_entrypoint = entrypoints.translate(entry.get("entrypoint"), folder)
    table: dict[str, Any] = {"name": name, "entrypoint": entrypoint}
    for each, value in entry.items():
        found, reasons = _field(each, value)
        table |= found
        left += [Left(entry.line_of(each), f"{key}.{each}", why) for why in reasons]
    pool, pool_table, pool_left = work_pool.translate(entry, key)
    found_schedules, schedules_left = schedules.of_deployment(entry, key, problem)
    written, _ = schedules.of_deployment(entry, key, lambda _: "")
    table |= _inline(found_schedules) | pool_table
    left += [*pool_left, *schedules_left]
    why_not = "; ".join(filter(None, [no_name, no_entrypoint])) or _invalid(table)
    return Translated(key, table, pool, entry.line, why_not, tuple(left), _inline(written))


def _inline(found: list[dict[str, Any]]) -> dict[str, Any]:
    """One schedule next to the other keys, several in tables of their own."""
    if len(found) == 1 and found[0].keys() <= {"cron", "interval", "rrule", "timezone"}:
        return found[0]
    return {"schedules": found} if found else {}


def _invalid(table: Mapping[str, Any]) -> str:
    """Why flowship would refuse this deployment; empty if it would not."""
    try:
        Deployment.model_validate(table)
    except ValidationError as exc:
        return reason(exc)
    return ""


def _name(value: object) -> tuple[str, str]:
    """The name; or why there is none."""
    if value in schedules.EMPTY:
        return "", "it has no name"
    if isinstance(value, dict | list):
        return "", "its name is not text"
    if placeholder := unknown(value):
        return "", f"flowship has no counterpart for {placeholder} in a name"
    return str(translated(str(value))), ""


# --- fields --------------------------------------------------------------------------------------


def _field(name: str, value: Any) -> tuple[dict[str, Any], list[str]]:  # noqa: ANN401
    """The settings of one field, and why it, or a part of it, was not imported."""
    if name in ELSEWHERE or value in schedules.EMPTY:
        return {}, []
    if name in NO_COUNTERPART:
        return {}, [NO_COUNTERPART[name]]
    if name not in FIELDS:
        return {}, ["Prefect does not read this key of a deployment"]
    if placeholder := unknown(value) if isinstance(value, str) else "":
        return {}, [f"flowship has no counterpart for {placeholder}"]
    if name == "concurrency_limit" and isinstance(value, dict):
        return _concurrency(value)
    key, read = FIELDS[name]
    kept, reasons = usable(value)
    try:
        return {key: read(kept)}, reasons
    except ValueError as exc:
        return {}, [*reasons, str(exc)]


def _text(value: object) -> str:
    if isinstance(value, dict | list):
        raise ValueError("it is not text")  # noqa: TRY004 - shown as a reason
    return str(value)


def _tags(value: object) -> list[str]:
    tags = value.split(",") if isinstance(value, str) else value
    if not isinstance(tags, list) or any(isinstance(tag, dict | list) for tag in tags):
        raise ValueError("it is not a list of text")
    return [str(tag).strip() for tag in tags]


def _concurrency(value: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A limit with what one run too many does."""
    kept, reasons = usable({key: each for key, each in value.items() if each is not None})
    table = {"limit": kept.pop("limit")} if "limit" in kept else {}
    strategy = kept.pop("collision_strategy", None)
    if str(strategy).upper() in STRATEGIES:
        table["on-conflict"] = STRATEGIES[str(strategy).upper()]
    elif strategy is not None:
        reasons.append(f"collision_strategy: it is not {' or '.join(STRATEGIES)}")
    if kept.pop("grace_period_seconds", None) is not None:
        reasons.append("grace_period_seconds: the server's own setting holds")
    reasons += [f"{key}: Prefect does not read this key" for key in kept]
    unresolved = "limit" in value and "limit" not in table
    return ({} if unresolved else {"concurrency": table}), reasons


STRATEGIES: Mapping[str, str] = {"ENQUEUE": "queue", "CANCEL_NEW": "cancel-new"}

FIELDS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "description": ("description", _text),
    "version": ("version", _text),
    "tags": ("tags", _tags),
    "paused": ("paused", lambda value: value),
    "concurrency_limit": ("concurrency", lambda value: value),
    "parameters": ("parameters", lambda value: value),
    "enforce_parameter_schema": ("enforce-parameters", lambda value: value),
}
