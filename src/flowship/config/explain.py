"""Turns pydantic's validation errors into messages that name the key, the line and the fix."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from flowship.config.environment import ENV_PREFIX
from flowship.config.keys import kebab, known_keys, nearest_key
from flowship.config.locate import locate
from flowship.config.names import prefect_name_problem
from flowship.config.settings import Settings
from flowship.config.tables import Alert, Deployment, Schedule
from flowship.errors import ConfigError, UsageError, did_you_mean


class Problem(Enum):
    """What is wrong with a value; each has its text in `_TEXTS`."""

    NOT_A_LIST = "not a list"
    NOT_A_TABLE = "not a table"
    NOT_A_TABLE_IN_JSON = "not a table, given by a variable"
    NOT_TEXT = "not text"
    NOT_A_SWITCH = "neither true nor false"
    NOT_A_WHOLE_NUMBER = "not a whole number"
    NOT_AN_INTERVAL = "not an interval"
    NOT_A_MOMENT = "not a date and time"
    NOT_A_LABEL = "neither text nor a number nor true or false"
    NOT_INSTALL = "neither true nor false nor auto"
    NOT_A_COMMAND = "neither text nor a list of text"
    NOT_DEPLOYMENTS = "not a list of deployments"
    NOT_SCHEDULES = "not a list of schedules"
    NOT_ALERTS = "not a list of alerts"
    MISSING = "missing"
    EMPTY = "empty"


_TEXTS = {
    Problem.NOT_A_LIST: 'must be a list: ["…", "…"]',
    Problem.NOT_A_TABLE: 'must be a table: { KEY = "value" }',
    Problem.NOT_A_TABLE_IN_JSON: 'must be a table, as JSON: \'{"KEY": "value"}\'',
    Problem.NOT_TEXT: "must be text, in quotes",
    Problem.NOT_A_SWITCH: "must be true or false",
    Problem.NOT_A_WHOLE_NUMBER: "must be a whole number",
    Problem.NOT_AN_INTERVAL: 'must be seconds or text such as "15m"',
    Problem.NOT_A_MOMENT: 'must be a date and time such as "2026-01-05 06:00"',
    Problem.NOT_A_LABEL: "must be text, a number, true or false",
    Problem.NOT_INSTALL: 'must be true, false or "auto"',
    Problem.NOT_A_COMMAND: 'must be text for the shell, or a list: ["program", "argument"]',
    Problem.NOT_DEPLOYMENTS: "must be tables with a header in double brackets: [[deployments]]",
    Problem.NOT_SCHEDULES: (
        "must be tables with a header in double brackets: [[deployments.schedules]]"
    ),
    Problem.NOT_ALERTS: "must be tables with a header in double brackets: [[alerts]]",
    Problem.MISSING: "is required",
    Problem.EMPTY: "is empty",
}

# pydantic's types of error; for any other type its own message is shown.
_PROBLEMS = {
    "tuple_type": Problem.NOT_A_LIST,
    "dict_type": Problem.NOT_A_TABLE,
    "model_type": Problem.NOT_A_TABLE,
    "string_type": Problem.NOT_TEXT,
    "bool_type": Problem.NOT_A_SWITCH,
    "bool_parsing": Problem.NOT_A_SWITCH,
    "int_type": Problem.NOT_A_WHOLE_NUMBER,
    "int_parsing": Problem.NOT_A_WHOLE_NUMBER,
    "int_parsing_size": Problem.NOT_A_WHOLE_NUMBER,
    "int_from_float": Problem.NOT_A_WHOLE_NUMBER,
    "finite_number": Problem.NOT_A_WHOLE_NUMBER,
    "datetime_type": Problem.NOT_A_MOMENT,
    "datetime_parsing": Problem.NOT_A_MOMENT,
    "datetime_from_date_parsing": Problem.NOT_A_MOMENT,
    "missing": Problem.MISSING,
    "string_too_short": Problem.EMPTY,
}

_BOUNDS = {
    "greater_than": ("gt", "must be greater than {}"),
    "greater_than_equal": ("ge", "must be at least {}"),
    "less_than": ("lt", "must be less than {}"),
    "less_than_equal": ("le", "must be at most {}"),
}
"""pydantic's types of error for a number out of bounds: where it has the bound, and the text."""


def explain(exc: ValidationError, values: Mapping[str, Any]) -> ConfigError | UsageError:
    """Turn pydantic's first error into one that names the line and the nearest key."""
    error = exc.errors()[0]
    loc = [str(part) for part in error["loc"] if not str(part).startswith("function-")]
    length, union = _union_in(loc)
    if union:  # the rest of the path is the types that pydantic tried
        loc = loc[:length]
    where = locate(loc, values["source"], values["origins"])
    key = _key_text(loc, values)
    if error["type"] == "extra_forbidden":
        return _unknown_key(key, loc, where)
    kind = UsageError if where.startswith("--") else ConfigError
    if error["type"] == "string_pattern_mismatch":  # PREFECT_NAME is the only pattern
        problem_of_name = prefect_name_problem(str(error["input"]))
        return kind(f"{key} {problem_of_name}", code="invalid-value", where=where)
    if error["type"] in _BOUNDS:
        return kind(f"{key} {_bound(error)}", code="invalid-value", where=where)
    problem = union or _problem(error["type"], loc, where)
    if problem:
        code = "missing-key" if problem is Problem.MISSING else "invalid-value"
        return kind(f"{key} {_TEXTS[problem]}", code=code, where=where)
    if error["type"] == "literal_error":
        return _not_a_choice(kind, key, error["input"], error["ctx"]["expected"], where)
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:] if key else message
    return kind(f"{key}: {message}" if key else message, code="invalid-value", where=where)


def _not_a_choice(
    kind: type[ConfigError] | type[UsageError], key: str, given: object, expected: str, where: str
) -> ConfigError | UsageError:
    """The error for a value that is not one of the allowed ones, with the nearest of them.

    Args:
        kind: The type of the error.
        key: The key, for the message.
        given: The value.
        expected: The allowed values as pydantic lists them: ``'queue' or 'cancel-new'``.
        where: The place.
    """
    allowed = re.findall(r"'([^']*)'", expected)
    return kind(
        f"{key}: {json.dumps(given, ensure_ascii=False, default=str)} is not one of"
        f" {', '.join(map(json.dumps, allowed))}",
        code="invalid-value",
        hint=did_you_mean(str(given), allowed),
        where=where,
    )


def reason(exc: ValidationError) -> str:
    """pydantic's first error in a table of its own, in the same words as `explain`.

    A value with a reference (``${NAME}``) is not known yet, so its errors do not count. The result
    is empty if there are no others.
    """
    errors = [error for error in exc.errors() if not _open(error["input"])]
    return _reason(errors[0]) if errors else ""


def _open(value: object) -> bool:
    return isinstance(value, str) and "${" in value.replace("$${", "")


def _reason(error: ErrorDetails) -> str:
    loc = [str(part) for part in error["loc"]]
    place = ".".join(loc)
    if error["type"] == "string_pattern_mismatch":
        return f"{place} {prefect_name_problem(str(error['input']))}"
    if error["type"] in _BOUNDS:
        return f"{place} {_bound(error)}"
    if problem := _PROBLEMS.get(error["type"]):
        return f"{place} {_TEXTS[problem]}".lstrip()
    return f"{place}: {error['msg'].removeprefix('Value error, ')}".lstrip(": ")


def _bound(error: ErrorDetails) -> str:
    """What a number that is out of bounds must be."""
    name, text = _BOUNDS[error["type"]]
    return text.format(error["ctx"][name])


def _union_in(loc: Sequence[str]) -> tuple[int, Problem | None]:
    """The length of the path to a key with values of several types, and what is wrong with one.

    None if an error is not about such a key.
    """
    interval = {"deployments": "interval", "alerts": "after"}.get(loc[0] if loc else "")
    if loc[:1] == ["deployments"] and loc[2:3] == ["labels"] and len(loc) > 4:
        return 4, Problem.NOT_A_LABEL
    if interval in loc:
        return loc.index(str(interval)) + 1, Problem.NOT_AN_INTERVAL
    if loc[:1] == ["hooks"] and len(loc) > 2:
        return 2, Problem.NOT_A_COMMAND
    if "install" in (*loc[:1], *loc[2:3]):
        return loc.index("install") + 1, Problem.NOT_INSTALL
    return len(loc), None


def _problem(error_type: str, loc: Sequence[str], where: str) -> Problem | None:
    """What is wrong, in this place; None if pydantic's own message says it best."""
    problem = _PROBLEMS.get(error_type)
    if problem is Problem.NOT_A_TABLE and where.startswith(ENV_PREFIX):
        return Problem.NOT_A_TABLE_IN_JSON
    if problem is Problem.NOT_A_LIST and len(loc) == 1:
        tables = {"deployments": Problem.NOT_DEPLOYMENTS, "alerts": Problem.NOT_ALERTS}
        return tables.get(loc[0], problem)
    if problem is Problem.NOT_A_LIST and loc[-1] == "schedules":
        return Problem.NOT_SCHEDULES
    return problem


def _unknown_key(key: str, loc: Sequence[str], where: str) -> ConfigError:
    known: dict[str, object] = {**known_keys(_model_at(loc[:-1]))}
    if len(loc) == 1:
        known["env"] = None  # `overlays` has taken it out
    hint = nearest_key(kebab(loc[-1]), known)
    if loc == ["tool"]:
        hint = "flowship.toml has the keys at the top level, without [tool.flowship]"
    message = f'unknown key "{key}"'
    if loc[0] == "deployments" and len(loc) > 2:  # a deployment's name is in quotes itself
        of = key.removesuffix(loc[-1]).rstrip(",. ")
        message = f'{of}: unknown key "{loc[-1]}"'
    return ConfigError(message, code="unknown-key", hint=hint, where=where)


def _key_text(loc: Sequence[str], values: Mapping[str, Any]) -> str:
    """The key at `loc` for a message: a deployment by its name, not by its index."""
    if loc[:1] == ["alerts"] and len(loc) > 1 and loc[1].isdigit():
        return ", ".join([f"alert {int(loc[1]) + 1}", *filter(None, [".".join(loc[2:3])])])
    if len(loc) < 2 or loc[0] != "deployments":
        return ".".join(loc)
    try:
        name = f'deployment "{values["deployments"][int(loc[1])]["name"]}"'
    except (KeyError, IndexError, TypeError, ValueError):
        name = f"deployment {int(loc[1]) + 1}" if loc[1].isdigit() else "deployments"
    rest = list(loc[2:])
    if len(rest) > 1 and rest[0] == "schedules" and rest[1].isdigit():
        rest = [f"schedule {int(rest[1]) + 1}", *rest[2:]]
    return ", ".join([name, ".".join(rest)]) if rest else name


def _model_at(loc: Sequence[str]) -> type[BaseModel]:
    nested: dict[str, type[BaseModel]] = {
        "deployments": Deployment,
        "schedules": Schedule,
        "alerts": Alert,
    }
    model: type[BaseModel] = Settings
    if (
        each := known_keys(Settings)[loc[0]].each
        if loc and loc[0] in known_keys(Settings)
        else None
    ):
        model, loc = each, loc[2:]
    for part in loc:
        if not part.isdigit():
            model = nested.get(part) or known_keys(model)[kebab(part)].model or model
    return model
