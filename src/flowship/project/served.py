"""Reads how the code serves or deploys its flows: names and schedules, without running it.

``hello.serve(name="nightly", cron="0 5 * * *")`` is found, and so are `deploy` and `to_deployment`.
Only values that are written out are read.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
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
    """

    name: str = ""
    kind: str = ""
    schedule: str | float = ""


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
    given = {
        keyword.arg: keyword.value.value
        for keyword in call.keywords
        if keyword.arg and isinstance(keyword.value, ast.Constant)
    }
    first = call.args[0] if call.args else None
    name = first.value if isinstance(first, ast.Constant) else given.get("name")
    name = name if isinstance(name, str) and name.isprintable() else ""
    for kind in KINDS:
        value = given.get(kind)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return Served(name, kind, value)
    return Served(name)
