"""The deployments of a ``prefect.yaml``, as flowship's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from flowship.config.explain import reason
from flowship.config.tables import Deployment
from flowship.project.prefect_yaml import schedules
from flowship.project.prefect_yaml.document import Left, Table
from flowship.project.prefect_yaml.placeholders import names, translated, unknown, usable

NO_COUNTERPART: Mapping[str, str] = {
    "triggers": "only alerts become automations ([[alerts]]): keep others in the UI or in a script",
    "sla": "service level agreements exist in Prefect Cloud only",
    "version_type": "the version of a deployment names the inputs of its image",
    "flow_name": "flowship reads the flow's name from the code",
}

ELSEWHERE = ("name", "entrypoint", "schedule", "schedules", "work_pool", "build", "push", "pull")
"""What other functions read."""


@dataclass(frozen=True)
class Translated:
    """One deployment.

    Attributes:
        table: As flowship.toml has it; the keys in its order.
        pool: The name of its work pool; empty if none is named.
        line: Where it begins in the file.
        reason: Why it cannot be deployed by flowship; empty if it can.
        left: What of it was not imported.
    """

    table: Mapping[str, Any]
    pool: str
    line: int
    reason: str = ""
    left: tuple[Left, ...] = ()


def translate(entry: Table, number: int, problem: schedules.Problem) -> Translated:
    """The deployment of one entry.

    Args:
        entry: An item of ``deployments``.
        number: Its place, counted from 1, for an entry without a name.
        problem: Says what is wrong with a schedule.
    """
    name = str(entry.get("name") or "")
    key = f"deployments.{name or number}"
    table: dict[str, Any] = {"name": translated(name)}
    left: list[Left] = []
    entrypoint, why_not = _entrypoint(entry)
    if entrypoint:
        table["entrypoint"] = entrypoint
    for field, value in entry.items():
        found, reasons = _field(field, value)
        table |= found
        left += [Left(entry.line_of(field), f"{key}.{field}", why) for why in reasons]
    pool, pool_table, pool_left = _work_pool(entry, key)
    found_schedules, schedules_left = schedules.of_deployment(entry, key, problem)
    table |= _inline(found_schedules) | pool_table
    left += [*pool_left, *schedules_left]
    if not name:
        why_not = "it has no name"
    return Translated(table, pool, entry.line, why_not or _invalid(table), tuple(left))


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


def _entrypoint(entry: Table) -> tuple[str, str]:
    value = entry.get("entrypoint")
    if not value:
        return "", "it has no entrypoint"
    if placeholder := unknown(value):
        return "", f"flowship has no counterpart for {placeholder} in an entrypoint"
    text = translated(str(value)).replace("\\", "/")
    text = re.sub(r"^(\./)+", "", text)
    if ":" not in text:  # Prefect's own spelling of a function in a module
        text = ":".join(text.rsplit(".", 1))
    return text, ""


# --- fields --------------------------------------------------------------------------------------


def _field(name: str, value: Any) -> tuple[dict[str, Any], list[str]]:  # noqa: ANN401
    """The settings of one field, and why it, or a part of it, was not imported."""
    if name in ELSEWHERE or value in (None, "", [], {}):
        return {}, []
    if name in NO_COUNTERPART:
        return {}, [NO_COUNTERPART[name]]
    if name not in FIELDS:
        return {}, ["Prefect does not read this key of a deployment"]
    if placeholder := unknown(value) if isinstance(value, str) else "":
        return {}, [f"flowship has no counterpart for {placeholder}"]
    key, read = FIELDS[name]
    kept, reasons = usable(value)
    return {key: read(kept)}, reasons


def _tags(value: object) -> list[str]:
    tags = value.split(",") if isinstance(value, str) else value
    return [str(tag).strip() for tag in tags] if isinstance(tags, list) else []


def _concurrency(value: object) -> object:
    if not isinstance(value, dict):
        return value
    strategy = {"ENQUEUE": "queue", "CANCEL_NEW": "cancel-new"}.get(
        str(value.get("collision_strategy") or "").upper()
    )
    given = {
        "limit": value.get("limit"),
        "on-conflict": strategy,
        "grace-period": value.get("grace_period_seconds"),
    }
    return {key: each for key, each in given.items() if each is not None}


FIELDS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "description": ("description", str),
    "version": ("version", str),
    "tags": ("tags", _tags),
    "paused": ("paused", lambda value: value),
    "concurrency_limit": ("concurrency", _concurrency),
    "parameters": ("parameters", lambda value: value),
    "enforce_parameter_schema": ("enforce-parameters", lambda value: value),
}


# --- work pool -----------------------------------------------------------------------------------


def _work_pool(entry: Table, key: str) -> tuple[str, dict[str, Any], list[Left]]:
    """The pool's name, the settings next to it, and what was not imported."""
    pool = entry.get("work_pool")
    if not isinstance(pool, Table):
        wrong = Left(entry.line_of("work_pool"), f"{key}.work_pool", "it is not a mapping")
        return "", {}, [wrong] if pool is not None else []
    name = pool.get("name")
    left = []
    if placeholder := unknown(name):
        reason = f"flowship has no counterpart for {placeholder}: set work-pool"
        left.append(Left(pool.line_of("name"), f"{key}.work_pool.name", reason))
        name = None
    table: dict[str, Any] = {}
    queue = pool.get("work_queue_name")
    if queue and queue != "default":
        table["work-queue"] = translated(queue)
    variables, variables_left = _job_variables(pool.get("job_variables"), key)
    if variables:
        table["job-variables"] = variables
    return translated(name) if name else "", table, [*left, *variables_left]


def _job_variables(variables: object, key: str) -> tuple[dict[str, Any], list[Left]]:
    if not isinstance(variables, Table):
        return {}, []
    taken: dict[str, Any] = {}
    left = []
    for name, value in variables.items():
        place, line = f"{key}.work_pool.job_variables", variables.line_of(name)
        if name == "image":
            if not any(True for _ in names(value)):
                reason = "each run gets the image that flowship builds"
                left.append(Left(line, f"{place}.image", reason))
            continue
        if value is None:  # as if it were not there
            continue
        kept, reasons = usable({name: value}, at_run=True)
        left += [Left(line, place, reason) for reason in reasons]
        taken |= kept
    if isinstance(taken.get("env"), dict):
        taken["env"] = {name: _text(value) for name, value in taken["env"].items()}
    return taken, left


def _text(value: object) -> str:
    """A value of an environment variable, which is always text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
