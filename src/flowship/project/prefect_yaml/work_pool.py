"""The work pool of a deployment in a ``prefect.yaml``."""

from __future__ import annotations

from typing import Any

from flowship.project.prefect_yaml.document import Left, Table
from flowship.project.prefect_yaml.placeholders import AT_RUN, names, translated, unknown, usable

KEYS = ("name", "work_queue_name", "job_variables")


def translate(entry: Table, key: str) -> tuple[str, dict[str, Any], list[Left]]:
    """The pool's name, the settings next to it, and what was not imported.

    Args:
        entry: The deployment.
        key: Where the file has it, for messages.
    """
    pool = entry.get("work_pool")
    if not isinstance(pool, Table):
        wrong = Left(entry.line_of("work_pool"), f"{key}.work_pool", "it is not a mapping")
        return "", {}, [wrong] if pool is not None else []
    left = [
        Left(pool.line_of(each), f"{key}.work_pool.{each}", "Prefect does not read this key")
        for each in pool
        if each not in KEYS
    ]
    name, name_left = _text_of(pool, "name", key, ": set work-pool")
    queue, queue_left = _text_of(pool, "work_queue_name", key, ": set work-queue")
    table: dict[str, Any] = {"work-queue": queue} if queue not in ("", "default") else {}
    variables, variables_left = _job_variables(pool, key)
    if variables:
        table["job-variables"] = variables
    return name, table, [*left, *name_left, *queue_left, *variables_left]


def _text_of(pool: Table, name: str, key: str, instead: str) -> tuple[str, list[Left]]:
    """One text of the pool; or why there is none."""
    value = pool.get(name)
    reason = ""
    if isinstance(value, dict | list):
        reason = f"it is not text{instead}"
    elif placeholder := unknown(value):
        reason = f"flowship has no counterpart for {placeholder}{instead}"
    if reason:
        return "", [Left(pool.line_of(name), f"{key}.work_pool.{name}", reason)]
    return "" if value is None else str(translated(value)), []


def _job_variables(pool: Table, key: str) -> tuple[dict[str, Any], list[Left]]:
    variables = pool.get("job_variables")
    place = f"{key}.work_pool.job_variables"
    if not isinstance(variables, Table):
        wrong = Left(pool.line_of("job_variables"), place, "it is not a mapping")
        return {}, [wrong] if variables is not None else []
    taken: dict[str, Any] = {}
    left = []
    for name, value in variables.items():
        line = variables.line_of(name)
        if name == "image":
            if value is not None and not _of_a_step(value):
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


def _of_a_step(value: object) -> bool:
    """Whether a value is the output of a step, such as the image that a build makes."""
    found = list(names(value))
    return bool(found) and not any(name.startswith(("$", *AT_RUN)) for name in found)


def _text(value: object) -> str:
    """A value of an environment variable, which is always text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
