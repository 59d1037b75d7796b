"""Reads how the code serves or deploys its flows: names and schedules, without running it.

``hello.serve(name="nightly", cron="0 5 * * *")`` is found, and so are `deploy` and `to_deployment`.
Only values that are written out are read.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from flowship.config import files
from flowship.config.discovery import FoundFlow
from flowship.errors import ConfigError

METHODS = ("serve", "deploy", "to_deployment")
KINDS = ("cron", "interval", "rrule")


@dataclass(frozen=True)
class Served:
    """How the code serves a flow.

    Attributes:
        name: The deployment's name; empty if the code gives none.
        kind: ``cron``, ``interval`` or ``rrule``; empty without a schedule.
        schedule: Its value.
        timezone: Empty if the code gives none.
    """

    name: str = ""
    kind: str = ""
    schedule: str | float = ""
    timezone: str = ""


def served(folder: Path, flow: FoundFlow) -> Served:
    """How the file of a flow serves it; nothing known if it does not."""
    try:
        tree = ast.parse(files.read_bytes(folder / flow.path))
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError, ConfigError):
        return Served()
    return next((_read(call) for call in _calls(tree, flow.function)), Served())


def _calls(tree: ast.Module, function: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in METHODS
            and ast.unparse(node.func.value) == function
        ):
            yield node


def _read(call: ast.Call) -> Served:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    name = _constant(call.args[0] if call.args else given.get("name"))
    known = Served(name if isinstance(name, str) and name.isprintable() else "")
    for kind in KINDS:
        if (value := _schedule(given.get(kind))) is not None:
            return replace(known, kind=kind, schedule=value)
    several = given.get("schedules")
    only = several.elts[0] if isinstance(several, ast.List) and len(several.elts) == 1 else None
    schedule = given.get("schedule", only)
    return _of_class(known, schedule) if isinstance(schedule, ast.Call) else known


def _of_class(known: Served, schedule: ast.Call) -> Served:
    """``Cron("0 5 * * *", timezone="Europe/Berlin")``, or Prefect's ``CronSchedule(cron=…)``."""
    kind = ast.unparse(schedule.func).rpartition(".")[2].removesuffix("Schedule").lower()
    given = {keyword.arg: keyword.value for keyword in schedule.keywords}
    value = _schedule(schedule.args[0] if schedule.args else given.get(kind))
    if kind not in KINDS or value is None:
        return known
    zone = _constant(given.get("timezone"))
    return replace(known, kind=kind, schedule=value, timezone=zone if isinstance(zone, str) else "")


def _schedule(node: ast.expr | None) -> str | float | None:
    """The value of a schedule that is written out: text, seconds, or a ``timedelta``."""
    value = _constant(node)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] != "timedelta":
        return None
    given = {keyword.arg: _constant(keyword.value) for keyword in node.keywords}
    try:
        seconds = timedelta(*map(_constant, node.args), **given).total_seconds()  # type: ignore[arg-type]  # whatever is written
    except (TypeError, OverflowError):
        return None
    return int(seconds) if seconds == int(seconds) else seconds


def _constant(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None
