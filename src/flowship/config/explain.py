"""A validation error of pydantic's as one message that names the key, the line and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import (
    BaseModel,
    ValidationError,
)

from flowship.config.environment import ENV_PREFIX
from flowship.config.keys import kebab, known_fields, nearest_key
from flowship.config.locate import locate
from flowship.config.settings import Deployment, Schedule, Settings
from flowship.errors import ConfigError, UsageError

# pydantic's kinds of error → what the key takes instead; others keep pydantic's words.
_TAKES = {
    "tuple_type": 'takes a list: ["…", "…"]',
    "dict_type": 'takes a table: { KEY = "value" }',
    "model_type": "takes a table",
    "string_type": "takes text, in quotes",
    "bool_type": "takes true or false",
    "bool_parsing": "takes true or false",
    "int_type": "takes a whole number",
    "int_parsing": "takes a whole number",
    "int_from_float": "takes a whole number",
    "missing": "is needed and not given",
    "string_too_short": "is empty",
    "string_pattern_mismatch": "takes none of / % & > <",  # PREFECT_NAME
}


def explain(exc: ValidationError, values: Mapping[str, Any]) -> ConfigError | UsageError:
    """Turn pydantic's first error into one that names the line and the nearest key."""
    error = exc.errors()[0]
    loc = [str(part) for part in error["loc"] if not str(part).startswith("function-")]
    is_interval = loc[:1] == ["deployments"] and "interval" in loc
    if is_interval:  # behind it stand the types that pydantic tried
        loc = loc[: loc.index("interval") + 1]
    where = locate(loc, values["source"], values["origins"])
    key = _told(loc, values)
    if error["type"] == "extra_forbidden":
        hint = nearest_key(kebab(loc[-1]), known_fields(_model_at(loc[:-1])))
        if loc == ["tool"]:
            hint = "in flowship.toml the keys stand without [tool.flowship] above them"
        return ConfigError(f'unknown key "{key}"', hint=hint, where=where)
    kind = UsageError if where.startswith("--") else ConfigError
    takes = _TAKES.get(error["type"])
    if takes and takes.startswith("takes a table") and where.startswith(ENV_PREFIX):
        takes = 'takes a table as JSON: \'{"KEY": "value"}\''
    if is_interval:
        takes = 'takes seconds or text such as "15m"'
    if error["type"] == "tuple_type" and loc[-1] in ("deployments", "schedules"):
        table = "deployments.schedules" if loc[-1] == "schedules" else "deployments"
        takes = f"takes tables, each under a header in double brackets: [[{table}]]"
    if takes:
        return kind(f"{key} {takes}", where=where)
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:] if key else message
    return kind(f"{key}: {message}" if key else message, where=where)


def _told(loc: list[str], values: Mapping[str, Any]) -> str:
    """The key at `loc` in words: a deployment by its name, not by its number."""
    if len(loc) < 2 or loc[0] != "deployments":
        return ".".join(loc)
    try:
        name = f'deployment "{values["deployments"][int(loc[1])]["name"]}"'
    except (KeyError, IndexError, TypeError, ValueError):
        name = f"deployment {int(loc[1]) + 1}" if loc[1].isdigit() else "deployments"
    rest = loc[2:]
    if len(rest) > 1 and rest[0] == "schedules" and rest[1].isdigit():
        rest = [f"schedule {int(rest[1]) + 1}", *rest[2:]]
    return ", ".join([name, ".".join(rest)]) if rest else name


def _model_at(loc: list[str]) -> type[BaseModel]:
    nested: dict[str, type[BaseModel]] = {"deployments": Deployment, "schedules": Schedule}
    model: type[BaseModel] = Settings
    for part in loc:
        if not part.isdigit():
            model = nested.get(part) or known_fields(model)[kebab(part)][1] or model
    return model
