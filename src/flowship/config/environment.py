"""``FLOWSHIP_*`` variables, which override the configuration file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from flowship.config.keys import Key, Keys, known_keys
from flowship.config.locate import Origins, locate
from flowship.config.settings import Settings
from flowship.errors import ConfigError, nearest

ENV_PREFIX = "FLOWSHIP_"

HOOK = "FLOWSHIP_HOOK"
"""The variables that flowship gives to the commands of ``[hooks]``, which may call flowship."""

# Variables that flowship reads but that are not configuration keys.
RESERVED_ENV = {
    "FLOWSHIP_REGISTRY_HOST",
    "FLOWSHIP_ENV",
    "FLOWSHIP_REGISTRY_USER",
    "FLOWSHIP_REGISTRY_PASSWORD",
    "FLOWSHIP_STATE_DIR",
    "FLOWSHIP_ETL_ALLOW_UNMOUNTED",
    "FLOWSHIP_TAXI_SAMPLE",
}


def apply_environment(
    values: dict[str, Any], environ: Mapping[str, str], source: Path | None, origins: Origins
) -> list[str]:
    """Override `values` with the ``FLOWSHIP_*`` variables of `environ`.

    Args:
        values: The configuration so far.
        environ: The environment.
        source: The configuration file.
        origins: What has set which key; receives the variables.

    Returns:
        A warning for each unknown variable.

    Raises:
        ConfigError: A variable sets a key of a table, but the file has another value there; or it
            is not valid JSON.
    """
    warnings: list[str] = []
    for variable in sorted(environ):
        if not variable.startswith(ENV_PREFIX) or variable in RESERVED_ENV:
            continue
        if variable == HOOK or variable.startswith(f"{HOOK}_"):
            continue
        if not environ[variable]:  # in scripts and CI an empty variable means "not set"
            continue
        path = [p.lower().replace("_", "-") for p in variable[len(ENV_PREFIX) :].split("__")]
        known, unknown_part = _follow(path)
        if unknown_part is not None:
            suggestion = _nearest_variable(path, unknown_part, known)
            warnings.append(f"{variable} is not a flowship setting{suggestion}")
            continue
        if absent := _absent_image(values, path):
            warnings.append(f"{variable} is not a flowship setting{absent}")
            continue
        target = _table_for(values, path, variable, locate(path[:1], source, origins))
        target[path[-1]] = _parse(variable, environ[variable], known[path[-1]])
        set_origin(origins, ".".join(path), variable)
    return warnings


def _absent_image(values: Mapping[str, Any], path: list[str]) -> str:
    """Why a variable sets a key of no image, as the end of a warning; empty if it is one's.

    A misspelled name would otherwise be a new image, which no deployment uses.
    """
    if path[0] != "images" or len(path) < 3:
        return ""
    images = values.get("images", {})
    if not isinstance(images, dict) or path[1] in images:
        return ""
    close = nearest(path[1], images)
    if not close:
        return f': the configuration has no image "{path[1]}"'
    similar = "__".join(["images", close, *path[2:]])
    return f"; did you mean {ENV_PREFIX}{similar.upper().replace('-', '_')}?"


def set_origin(origins: Origins, path: str, origin: str) -> None:
    """Record what set the whole of a key, and forget what had set a part of it."""
    for below in [known for known in origins if known.startswith(f"{path}.")]:
        del origins[below]
    origins[path] = origin


def _follow(path: list[str]) -> tuple[Keys, int | None]:
    """The keys of the table that `path` leads to, and the index of its first unknown part."""
    known: Keys = known_keys(Settings)
    each: type[BaseModel] | None = None
    for number, part in enumerate(path[:-1]):
        if each:  # the part is the name of a table
            known, each = known_keys(each), None
            continue
        key = known.get(part)
        if key is None or not (key.model or key.each):
            return known, number
        known, each = known_keys(key.model) if key.model else known, key.each
    return known, len(path) - 1 if each or path[-1] not in known else None


def _table_for(
    values: dict[str, Any], path: list[str], variable: str, where: str
) -> dict[str, Any]:
    """The table in `values` that holds the key at `path`; created if it is missing."""
    target = values
    for part in path[:-1]:
        inner = target.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigError(
                f"{part} is not a table, but {variable} sets a key in it",
                code="invalid-value",
                hint=f"write it as a table: [{part}]",
                where=where or variable,
            )
        target = inner
    return target


def _nearest_variable(path: list[str], unknown_part: int, known: Mapping[str, object]) -> str:
    """``; did you mean FLOWSHIP_BASE_IMAGE?``, if a known variable is similar."""
    if path[unknown_part] in known:
        whole = ENV_PREFIX + "__".join(path[: unknown_part + 1]).upper().replace("-", "_")
        return f"; set {whole} to the whole value, as JSON if it is a list of tables"
    close = nearest(path[unknown_part], known)
    if not close:
        return ""
    similar = "__".join([*path[:unknown_part], close, *path[unknown_part + 1 :]])
    return f"; did you mean {ENV_PREFIX}{similar.upper().replace('-', '_')}?"


def _parse(variable: str, text: str, key: Key) -> object:
    """A variable's text as the value of `key`.

    Raises:
        ConfigError: It begins as JSON does, and is not valid JSON.
    """
    is_json = text.lstrip().startswith(("[", "{"))
    try:
        if is_json or (key.is_table and not key.or_names):
            return json.loads(text)
    except (ValueError, RecursionError) as exc:
        if is_json and (key.is_list or key.is_table):
            raise _not_json(variable, exc) from exc
        return text  # validation then reports what is expected
    if key.is_list or key.or_names:
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _not_json(variable: str, exc: Exception) -> ConfigError:
    reason = "it is nested too deeply"
    if isinstance(exc, json.JSONDecodeError):
        reason = f"{exc.msg[0].lower()}{exc.msg[1:]} at column {exc.colno}"
    return ConfigError(
        f"the value is not valid JSON: {reason}",
        code="invalid-value",
        hint=f"check the quotes: {variable}='…' with double quotes inside",
        where=variable,
    )
