"""``FLOWSHIP_*`` variables, laid over the configuration file."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowship.config.keys import Fields, known_fields
from flowship.config.locate import locate
from flowship.config.settings import Settings
from flowship.errors import ConfigError

ENV_PREFIX = "FLOWSHIP_"


# Environment variables that are ours but are no configuration keys.
RESERVED_ENV = {
    "FLOWSHIP_REGISTRY_USER",
    "FLOWSHIP_REGISTRY_PASSWORD",
    "FLOWSHIP_STATE_DIR",
    "FLOWSHIP_ETL_ALLOW_UNMOUNTED",
    "FLOWSHIP_TAXI_SAMPLE",
}


def apply_environment(
    values: dict[str, Any], environ: Mapping[str, str], source: Path | None
) -> tuple[dict[str, str], list[str]]:
    """Lay ``FLOWSHIP_*`` over `values`.

    Returns:
        Which variable set which key, and a warning for each unknown variable.

    Raises:
        ConfigError: A variable is for a key of a table, and no table stands there.
    """
    origins: dict[str, str] = {}
    warnings: list[str] = []
    for variable in sorted(environ):
        if not variable.startswith(ENV_PREFIX) or variable in RESERVED_ENV:
            continue
        if not environ[variable]:  # as in scripts and CI, where empty means "not set"
            continue
        path = [p.lower().replace("_", "-") for p in variable[len(ENV_PREFIX) :].split("__")]
        known, wrong = _reached(path)
        if wrong is not None:
            meant = _nearest_variable(path, wrong, known)
            warnings.append(f"{variable} is no flowship setting{meant}")
            continue
        target = _table_for(values, path, variable, locate(path[:1], source, origins))
        target[path[-1]] = _from_environment(environ[variable], known[path[-1]][0])
        origins[".".join(path)] = variable
    return origins, warnings


def _reached(path: list[str]) -> tuple[Fields, int | None]:
    """The keys beside the last part of `path`, and which part is none of its keys, if one is."""
    known = known_fields(Settings)
    for number, part in enumerate(path[:-1]):
        table = known.get(part, ("", None))[1]
        if table is None:
            return known, number
        known = known_fields(table)
    return known, None if path[-1] in known else len(path) - 1


def _table_for(
    values: dict[str, Any], path: list[str], variable: str, where: str
) -> dict[str, Any]:
    """The table of `values` that holds the key at `path`; made where it is not there."""
    target = values
    for part in path[:-1]:
        inner = target.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigError(
                f"{part} is no table, and {variable} is for a key of it",
                hint=f"write it as a table: [{part}]",
                where=where or variable,
            )
        target = inner
    return target


def _nearest_variable(path: list[str], wrong: int, known: Mapping[str, object]) -> str:
    """``; did you mean FLOWSHIP_BASE_IMAGE?``, where one is near the part that is wrong."""
    if path[wrong] in known:
        whole = ENV_PREFIX + "__".join(path[: wrong + 1]).upper().replace("-", "_")
        return f"; {whole} gives it as a whole, as JSON where it is a list of tables"
    close = difflib.get_close_matches(path[wrong], known, n=1, cutoff=0.6)
    if not close:
        return ""
    meant = "__".join([*path[:wrong], close[0], *path[wrong + 1 :]]).upper().replace("-", "_")
    return f"; did you mean {ENV_PREFIX}{meant}?"


def _from_environment(text: str, annotation: str) -> object:
    if "dict" in annotation or text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError:
            return text  # pydantic then says what was expected
    if "tuple" in annotation:
        return [item.strip() for item in text.split(",") if item.strip()]
    return text
