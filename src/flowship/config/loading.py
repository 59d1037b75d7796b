"""Loads a project's settings from the configuration file, the environment and the options.

`load` returns one frozen `Settings`. It reads files in the project folder and nothing else:
no engine, no registry, no network. Every invalid value is a `ConfigError` that names the file,
the line and the key, and for an unknown key the nearest known one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flowship.config import files, images, interpolation, overlays, pyproject
from flowship.config.discovery import SEARCH_SECONDS, first_flows, has_python_files
from flowship.config.environment import apply_environment, set_origin
from flowship.config.explain import explain
from flowship.config.keys import kebab, known_keys, nearest_key
from flowship.config.locate import Origins, locate, position
from flowship.config.names import LONGEST_NAME, slugify
from flowship.config.settings import Settings, default_base_image
from flowship.config.spelling import canonical
from flowship.errors import ConfigError, did_you_mean

DEFAULT_PROJECT = Path(__file__).parents[1] / "etl"
"""The project that flowship uses in a folder that has none: the built-in ETL flow."""

DEFAULT_PROJECT_NOTE = (
    "no project in this folder: using the built-in ETL flow (New York taxi trips)"
)

# --- loading -------------------------------------------------------------------------------------


def load(
    folder: Path,
    *,
    environment: str | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Read the configuration of the project in `folder`.

    In a folder with neither configuration nor Python files it is that of `DEFAULT_PROJECT`.

    Args:
        folder: The project's root.
        environment: The ``[env.NAME]`` to apply; ``FLOWSHIP_ENV`` if it is not given.
        overrides: Values of options, by field name; None means "not given".
        environ: The ``FLOWSHIP_*`` variables; ``FLOWSHIP_BLOCK__MEM_LIMIT`` sets a key of a table.

    Raises:
        ConfigError: There is no valid configuration.
        UsageError: The value of an option is invalid.
    """
    source, table = find(folder)
    notes: tuple[str, ...] = ()
    if source is None:
        refuse_inside_project(folder)
        if has_python_files(folder):
            raise _no_configuration(folder)
        folder, notes = DEFAULT_PROJECT, (DEFAULT_PROJECT_NOTE,)
        source, table = find(folder)
    return from_table(
        folder,
        source,
        table,
        environment=environment,
        overrides=overrides,
        environ=environ,
        notes=notes,
    )


def from_table(
    folder: Path,
    source: Path | None,
    table: dict[str, Any],
    *,
    environment: str | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
    notes: tuple[str, ...] = (),
) -> Settings:
    """The settings that the content of a configuration file makes; see `load`.

    Args:
        folder: The project's root.
        source: The file.
        table: Its content; changed.
        environment, overrides, environ: As for `load`.
        notes: What is worth knowing about the project.

    Raises:
        ConfigError: The content is invalid.
        UsageError: The value of an option is invalid.
    """
    environments = overlays.take(table, source)
    chosen = overlays.choose(environments, environment, environ, source)
    values = canonical(table, Settings, source)
    _refuse_internal_keys(table, source)
    origins: Origins = {}
    warnings: list[str] = []
    if chosen:
        origins, warnings = overlays.apply(values, environments[chosen], chosen, source)
    values = _expanded(values, folder, environ, source, origins)
    warnings += apply_environment(values, environ, source, origins)
    for key, value in (overrides or {}).items():
        if value is not None:
            values[kebab(key)] = value
            set_origin(origins, kebab(key), f"--{kebab(key)}")
    if "entrypoint" not in values:
        values["entrypoint"] = _first_entrypoint(values, folder, source, origins)
    if "name" not in values:
        values["name"], name_warnings = default_name(folder)
        warnings += name_warnings
    values |= {"root": folder.resolve(), "source": source, "origins": origins}
    values |= {"notes": notes, "warnings": tuple(warnings)}
    values |= {"environment": chosen, "environments": tuple(environments)}
    if values.get("base-image", "") == "":  # a value of another type is an error
        values |= {"base-image": default_base_image(), "base_is_default": True}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as exc:
        raise explain(exc, values) from exc
    _refuse_same_names(settings)
    more = images.validate(settings)
    return settings.model_copy(update={"warnings": (*warnings, *more)}) if more else settings


def _refuse_same_names(settings: Settings) -> None:
    """Refuse two deployments with one name, at the second one."""
    names: set[str] = set()
    for number, deployment in enumerate(settings.deployments):
        if deployment.name in names:
            raise ConfigError(
                f'two deployments are named "{deployment.name}"',
                code="invalid-value",
                hint="rename one of them",
                where=settings.place("deployments", number, "name"),
            )
        names.add(deployment.name)


def settings_or_none(folder: Path, environment: str | None = None) -> Settings | None:
    """The settings of the project in `folder`, or None if the folder has no configuration.

    Raises:
        ConfigError: The configuration is invalid.
        UsageError: It has no such environment.
    """
    if not is_configured(folder):
        overlays.choose((), environment, {}, None)
        return None
    return load(folder, environment=environment)


def _expanded(
    values: dict[str, Any],
    folder: Path,
    environ: Mapping[str, str],
    source: Path | None,
    origins: Origins,
) -> dict[str, Any]:
    """`values` with the variables that their texts refer to.

    Raises:
        ConfigError: One has no value, or ``env-file`` leads out of the project.
    """

    def place(path: list[str]) -> str:
        return locate(path, source, origins)

    name = environ.get("FLOWSHIP_ENV_FILE")
    if name:  # the user's own choice, which may be a file anywhere
        variables = interpolation.Variables(environ, Path(name).expanduser(), name)
    else:
        variables = _configured_env_file(values, folder, environ, place(["env-file"]))
    kept = {key: values[key] for key in ("env-file",) if key in values}
    expanded: dict[str, Any] = interpolation.expand(values, variables, place)
    return expanded | kept


def _configured_env_file(
    values: Mapping[str, Any], folder: Path, environ: Mapping[str, str], where: str
) -> interpolation.Variables:
    """The environment, and the file that ``env-file`` names.

    Raises:
        ConfigError: The file is outside the project, or could be in the image.
    """
    name = values.get("env-file")
    if not isinstance(name, str):  # the settings' validation explains another type
        return interpolation.Variables(environ)
    if not re.match(r"\.env(\.|\Z)", Path(name).name):
        raise ConfigError(
            f'env-file: the name of the file must begin with ".env", not "{name}"',
            code="env-file-name",
            hint="files with such names are left out of the image: .env.production",
            where=where,
        )
    path = files.inside(folder, Path(name), f"env-file: {name}", where=where)
    return interpolation.Variables(environ, path, name)


def _refuse_internal_keys(table: Mapping[str, Any], source: Path | None) -> None:
    """Refuse keys for the fields that `load` fills in itself."""
    _refuse_unknown_keys((k for k in table if k.replace("-", "_") in Settings.model_fields), source)


def _refuse_unknown_keys(keys: Iterable[str], source: Path | None) -> None:
    known = known_keys(Settings)
    for key in keys:
        if kebab(key) not in known:
            raise ConfigError(
                f'unknown key "{key}"',
                code="unknown-key",
                hint=nearest_key(key, known),
                where=position(source, [key]),
            )


# --- finding -------------------------------------------------------------------------------------


def find(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    """The configuration file of the project in `folder`, if there is one, and its content.

    Raises:
        ConfigError: It is not TOML, or there are two.
    """
    own = folder / "flowship.toml"
    project = pyproject.read(folder / pyproject.NAME)
    name = slugify(project.name) if project else ""
    defaults = {"name": name} if name else {}
    if files.is_file(own):
        if project and project.flowship is not None:
            raise ConfigError(
                "both flowship.toml and pyproject.toml contain configuration",
                code="duplicate-configuration",
                hint="keep one: move [tool.flowship] from pyproject.toml to flowship.toml",
                where=str(own),
            )
        return own, defaults | pyproject.read_toml(own)
    if project and project.flowship is not None:
        return project.path, defaults | dict(project.flowship)
    return None, {}


def profile_users(folder: Path) -> dict[str, list[str]]:
    """The Prefect profiles that the configuration in `folder` names → the environments that use
    them; "" is the project without an environment. Of an invalid configuration, what is readable.
    """
    try:
        _, table = find(folder)
    except ConfigError:
        return {}
    overlays = table.get("env")
    tables = {"": table, **(overlays if isinstance(overlays, dict) else {})}
    found: dict[str, list[str]] = {}
    for name, each in tables.items():
        profile = each.get("profile") if isinstance(each, dict) else None
        if isinstance(profile, str):
            found.setdefault(profile, []).append(name)
    return found


def is_configured(folder: Path) -> bool:
    """Whether `folder` itself has a flowship configuration, even an invalid one."""
    project = folder / pyproject.NAME
    return files.is_file(folder / "flowship.toml") or pyproject.configures_flowship(project)


def refuse_inside_project(folder: Path) -> None:
    """Refuse to treat a folder inside a project as a project of its own.

    Raises:
        ConfigError: A parent folder is a flowship project.
    """
    parent = _parent_project(folder)
    if parent is None:
        return
    path = os.path.relpath(parent, folder.resolve())
    raise ConfigError(
        f"this folder has no flowship configuration, but its parent project {parent} has",
        code="inside-project",
        hint=f"run `flowship -C {path} …`, or create a flowship.toml for this folder",
        where=str(folder),
    )


def _parent_project(folder: Path) -> Path | None:
    """The nearest configured folder above `folder`, within the same repository."""
    here = folder.resolve()
    for parent in files.own_parents(here):
        if (here / ".git").exists():
            return None
        if is_configured(parent):
            return parent
        here = parent
    return None


def default_name(folder: Path) -> tuple[str, tuple[str, ...]]:
    """The name of a project in `folder` that does not set one.

    It comes from pyproject.toml or from the folder's name.

    Returns:
        The name, and a warning if neither of the two gives a valid one.
    """
    project = pyproject.read(folder / pyproject.NAME)
    name = slugify(project.name if project else "") or slugify(folder.resolve().name)
    if name:
        return name[:LONGEST_NAME].strip("-"), ()
    return "flow", (
        f'the folder name "{folder.resolve().name}" has no letters or digits that are valid in'
        ' an image name; using "flow" as the project name: set name = "…" to change it',
    )


# --- no usable configuration ---------------------------------------------------------------------


def _no_configuration(folder: Path) -> ConfigError:
    flows, more = first_flows(folder)
    listed = "\n".join(f"  {f.path}:{f.function}  (line {f.line})" for f in flows)
    if flows:
        listed += "\n  and more" if more else ""
        only = f' for "{flows[0].entrypoint}"' if len(flows) == 1 and not more else ""
        hint = f"run `flowship init` to create a flowship.toml{only}"
    else:
        hint = (
            "decorate a function with @flow, or name the flow in a flowship.toml:"
            ' entrypoint = "path/to/file.py:name"'
        )
    return ConfigError(
        "the folder has Python files but no flowship configuration",
        code="no-configuration",
        hint=hint,
        details=f"flows found here:\n{listed}"
        if flows
        else "no @flow function was found here"
        + (f" within {SEARCH_SECONDS:.0f} s" if more else ""),
        where=str(folder),
    )


_ADD_ENTRYPOINT = (
    'add entrypoint = "path/to/file.py:flow_function" to it, or above the first [[deployments]] for'
    " all that have none of their own"
)


def _first_entrypoint(
    values: Mapping[str, Any], folder: Path, source: Path | None, origins: Origins
) -> object:
    """The entrypoint of the first deployment, where each deployment has its own.

    Raises:
        ConfigError: One has none.
    """
    tables = values.get("deployments")
    deployments = [d for d in tables if isinstance(d, Mapping)] if isinstance(tables, list) else []
    given = [d["entrypoint"] for d in deployments if d.get("entrypoint") is not None]
    _refuse_unknown_keys(values, source)  # one of them may be a misspelled entrypoint
    if not given:
        raise _no_entrypoint(folder, source)
    for number, deployment in enumerate(deployments):
        if deployment.get("entrypoint") is None:
            name = deployment.get("name", number + 1)
            others = [str(d["name"]) for d in deployments if d.get("entrypoint") and "name" in d]
            key = ["deployments", str(number)]
            added = origins.get(".".join(key))  # by an environment, maybe with a misspelled name
            raise ConfigError(
                f'the deployment "{name}" has no entrypoint, and the project has none for all',
                code="no-entrypoint",
                hint=did_you_mean(str(name), others if added else (), _ADD_ENTRYPOINT),
                where=position(source, list(added) if isinstance(added, tuple) else key)
                or str(source or folder),
            )
    return given[0]


def _no_entrypoint(folder: Path, source: Path | None) -> ConfigError:
    flows, more = first_flows(folder)
    entrypoint = flows[0].entrypoint if flows else "path/to/file.py:flow_function"
    listed = ["flows found here:", *(f"  {f.entrypoint}" for f in flows)]
    listed += ["  and more"] if more else []
    return ConfigError(
        "the configuration has no entrypoint",
        code="no-entrypoint",
        hint=f'add entrypoint = "{entrypoint}"',
        details="\n".join(listed) if len(flows) > 1 else "",
        where=str(source or folder),
    )
