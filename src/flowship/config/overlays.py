"""``[env.NAME]``: what an environment, such as staging, sets over the rest of the configuration."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from flowship.config.keys import known_keys, nearest_key
from flowship.config.locate import Origins, position
from flowship.config.settings import Settings
from flowship.config.spelling import canonical
from flowship.config.tables import Deployment
from flowship.errors import ConfigError, UsageError, did_you_mean, nearest

TABLE = "env"
VARIABLE = "FLOWSHIP_ENV"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

# Keys that describe the project as a whole, whatever the environment.
_ONLY_AT_THE_TOP = ("require-env",)

_OF_IMAGE = (("dockerfile", "template"), ("requirements", "lock"))

# Keys of which only one may be set: an environment that sets one replaces the others. The path of
# a table → the keys; a deployment is at "deployments", a named image at "images".
_ALTERNATIVES = {
    (): _OF_IMAGE,
    ("images",): _OF_IMAGE,
    ("block",): (("networks", "network-mode"),),
    ("deployments",): (("cron", "interval", "rrule", "schedules"),),
}

# --- which environment ---------------------------------------------------------------------------


def take(table: dict[str, Any], source: Path | None) -> dict[str, dict[str, Any]]:
    """Remove the environments from `table`, the content of the file, and return them by name.

    Raises:
        ConfigError: One is not a table, has an unknown key, or an impossible name.
    """
    given = table.pop(TABLE, {})
    if not isinstance(given, dict):
        raise _not_a_table(TABLE, f"[{TABLE}.staging]", position(source, [TABLE]))
    found = {}
    for name, overlay in given.items():
        where = position(source, [TABLE, name])
        if not isinstance(overlay, dict):
            raise _not_a_table(f"{TABLE}.{name}", f"[{TABLE}.{name}]", where)
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f'"{name}" is not a name for an environment',
                code="invalid-value",
                hint="use letters, digits, dots, dashes and underscores",
                where=where,
            )
        found[name] = canonical(overlay, Settings, source, TABLE, name)
        _refuse_unknown_keys(found[name], name, source)
    return found


def _not_a_table(what: str, header: str, where: str) -> ConfigError:
    return ConfigError(
        f"{what} must be a table", code="invalid-value", hint=f"write it as {header}", where=where
    )


def _refuse_unknown_keys(overlay: Mapping[str, Any], name: str, source: Path | None) -> None:
    """Refuse a misspelled key in any environment, whichever one is chosen today."""
    known = known_keys(Settings)
    for key, value in overlay.items():
        if key in _ONLY_AT_THE_TOP:
            raise ConfigError(
                f'"{key}" cannot be set in an environment',
                code="invalid-value",
                hint=f"move it to the top level, above [{TABLE}.{name}]",
                where=position(source, [TABLE, name, key]),
            )
        place = [TABLE, name, key]
        _require_known(key, known, place, source)
        each = Deployment if key == "deployments" else known[key].each
        tables = value if each and isinstance(value, dict) else {"": value}
        model = each or known[key].model
        for header, table in tables.items():
            for below in table if model and isinstance(table, dict) else ():
                path = [part for part in (*place, header, below) if part]
                _require_known(below, known_keys(model or Settings), path, source)


def _require_known(
    key: str, known: Mapping[str, object], path: list[str], source: Path | None
) -> None:
    if key not in known:
        raise ConfigError(
            f'unknown key "{".".join(path)}"',
            code="unknown-key",
            hint=nearest_key(key, known),
            where=position(source, path),
        )


def choose(
    known: Collection[str], option: str | None, environ: Mapping[str, str], source: Path | None
) -> str | None:
    """The chosen environment: ``--env``, or else ``FLOWSHIP_ENV``; None if neither is given.

    Raises:
        UsageError: The configuration has no environment that ``--env`` names.
        ConfigError: The same for the variable.
    """
    name = option or environ.get(VARIABLE)
    if not name or name in known:
        return name or None
    hint = f"environments: {', '.join(known)}"
    if not known:
        hint = f"add [{TABLE}.{name}] to {source.name if source else 'the configuration'}"
    kind = UsageError if option else ConfigError
    raise kind(
        f'the configuration has no environment "{name}"',
        code="environment-unknown",
        hint=did_you_mean(name, known, hint),
        where="--env" if option else VARIABLE,
    )


def require(settings: Settings | None) -> None:
    """Refuse to change a server without an environment, if the project demands one.

    Raises:
        UsageError: ``require-env`` is set, and no environment is chosen.
    """
    if settings is None or not settings.require_env or settings.environment:
        return
    names = settings.environments
    raise UsageError(
        "no environment is chosen, and the configuration has require-env = true",
        code="environment-required",
        hint=how_to_choose(settings)
        if names
        else f"add an environment to the configuration, such as [{TABLE}.staging]",
        where=settings.place("require-env"),
    )


def how_to_choose(settings: Settings | None) -> str:
    """How to choose one of the environments; empty if there is none, or one is chosen."""
    if settings is None or settings.environment or not settings.environments:
        return ""
    return f"use --env NAME or {VARIABLE}; environments: {', '.join(settings.environments)}"


# --- merging -------------------------------------------------------------------------------------


def apply(
    values: dict[str, Any], overlay: Mapping[str, Any], name: str, source: Path | None
) -> tuple[Origins, list[str]]:
    """Set the keys of an environment in `values`.

    Tables merge key by key, and deployments by their name; everything else replaces.

    Args:
        values: The rest of the configuration, its keys spelled canonically.
        overlay: The environment's table, likewise.
        name: The environment.
        source: The configuration file.

    Returns:
        Where in the file each key of the environment is, and warnings.

    Raises:
        ConfigError: Its deployments are not tables by name.
    """
    origins: Origins = {}
    rest = {key: value for key, value in overlay.items() if key != "deployments"}
    _merge(values, rest, (), (TABLE, name), origins)
    if "deployments" not in overlay:
        return origins, []
    return origins, _merge_deployments(values, overlay["deployments"], name, source, origins)


def _merge(
    into: dict[str, Any],
    over: Mapping[str, Any],
    at: tuple[str, ...],
    place: tuple[str, ...],
    origins: Origins,
) -> None:
    """Merge a table.

    Args:
        into: The table to change.
        over: What to set in it.
        at: The path of the table in the settings.
        place: The path of `over` in the file.
        origins: Receives where each key is.
    """
    table = at[:1] if at[:1] in (("deployments",), ("images",)) and len(at) == 2 else at
    for alternatives in _ALTERNATIVES.get(table, ()):
        if any(key in over for key in alternatives):
            for key in alternatives:
                into.pop(key, None)
    for key, value in over.items():
        here, there = (*at, key), (*place, key)
        old = into.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            into[key] = dict(old)
            _merge(into[key], value, here, there, origins)
        else:
            into[key] = value
            origins[".".join(here)] = there


def _merge_deployments(
    values: dict[str, Any], given: object, name: str, source: Path | None, origins: Origins
) -> list[str]:
    place = (TABLE, name, "deployments")
    if not isinstance(given, dict) or not all(isinstance(v, dict) for v in given.values()):
        raise _not_by_name(given, name, position(source, list(place)))
    listed = values.get("deployments", [])
    if not isinstance(listed, list):  # the settings' validation explains it
        return []
    known = [d.get("name") if isinstance(d, dict) else None for d in listed]
    merged, warnings = list(listed), []
    for deployment, overlay in given.items():
        over = canonical(overlay, Deployment, source, *place, deployment)
        if deployment in known:
            number = known.index(deployment)
            base = canonical(listed[number], Deployment, source, "deployments", str(number))
        else:
            warnings += _misspelled(deployment, known, name)
            number, base = len(merged), {"name": deployment}
            merged.append(base)
            origins[f"deployments.{number}"] = (*place, deployment)
        if over.get("schedules") == [] and "timezone" not in over:
            base.pop("timezone", None)  # it would have nothing to apply to
        merged[number] = base
        _merge(base, over, ("deployments", str(number)), (*place, deployment), origins)
    values["deployments"] = merged
    return warnings


def _not_by_name(given: object, name: str, where: str) -> ConfigError:
    example = "nightly"
    if isinstance(given, list) and given and isinstance(given[0], dict):
        example = str(given[0].get("name", example))
    key = example if re.fullmatch(r"[\w-]+", example) else f'"{example}"'
    return ConfigError(
        "the deployments of an environment must be tables, each with its name in the header",
        code="invalid-value",
        hint=f"write [{TABLE}.{name}.deployments.{key}]",
        where=where,
    )


def _misspelled(deployment: str, known: Collection[str | None], name: str) -> list[str]:
    close = nearest(deployment, [k for k in known if k], cutoff=0.8)
    if not close:
        return []
    return [
        f'[{TABLE}.{name}.deployments] adds the deployment "{deployment}", which no other'
        f' environment has; did you mean "{close}"?'
    ]
