"""What the user wants, read once: ``[tool.flowship]`` or ``flowship.toml``, environment, flags.

`load` gives one frozen `Settings`. It reads files in the project folder and nothing else:
no engine, no registry, no network. Every mistake in a value is a `ConfigError` that names
the file, the line and the key, and for an unknown key the nearest known one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ValidationError,
)

from flowship.config import pyproject
from flowship.config.discovery import find_flows, python_files
from flowship.config.environment import apply_environment
from flowship.config.explain import explain
from flowship.config.keys import kebab, known_fields, nearest_key
from flowship.config.locate import position
from flowship.config.settings import LONGEST_NAME, Settings, default_base_image, slugify
from flowship.errors import ConfigError

# --- finding and reading ---------------------------------------------------------------------


def load(
    folder: Path,
    *,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Read the configuration of the project in `folder`.

    A folder with neither configuration nor Python files stands for the shipped ETL flow.

    Args:
        folder: The project's root.
        overrides: Values given by flags, by field name; None means "not given".
        environ: Where ``FLOWSHIP_*`` is read; ``FLOWSHIP_BLOCK__MEM_LIMIT`` reaches into a table.

    Raises:
        ConfigError: No usable configuration; the message says where and what to do.
        UsageError: A flag's value is wrong.
    """
    source, table = _find(folder)
    if source is None:
        refuse_inside_project(folder)
        if python_files(folder):
            raise _no_configuration(folder)
        table = _shipped_etl()
    values = _canonical(table, Settings, source)
    _refuse_inner_keys(table, source)
    origins, warnings = apply_environment(values, environ, source)
    for key, value in (overrides or {}).items():
        if value is not None:
            values[kebab(key)] = value
            origins[kebab(key)] = f"--{kebab(key)}"
    if "entrypoint" not in values:
        raise _no_entrypoint(folder, source)
    if "name" not in values:
        values["name"], told = default_name(folder)
        warnings += told
    values.setdefault("root", folder.resolve())
    values |= {"source": source, "warnings": tuple(warnings), "origins": origins}
    values["base-image"] = values.get("base-image") or default_base_image()
    try:
        return Settings.model_validate(values)
    except ValidationError as exc:
        raise explain(exc, values) from exc


def _refuse_inner_keys(table: Mapping[str, Any], source: Path | None) -> None:
    """What `load` itself fills in is no key of the file's."""
    known = known_fields(Settings)
    for key in table if source else ():
        if key.replace("-", "_") in Settings.model_fields and kebab(key) not in known:
            raise ConfigError(
                f'unknown key "{key}"',
                hint=nearest_key(key, known),
                where=position(source, [key]),
            )


def _find(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    own = folder / "flowship.toml"
    project = pyproject.read(folder / pyproject.NAME)
    named = slugify(project.name) if project else ""
    defaults = {"name": named} if named else {}
    if own.is_file():
        if project and project.flowship is not None:
            raise ConfigError(
                "there is configuration in both flowship.toml and pyproject.toml",
                hint="keep one: move [tool.flowship] of pyproject.toml into flowship.toml",
                where=str(own),
            )
        return own, defaults | pyproject.read_toml(own)
    if project and project.flowship is not None:
        return project.path, defaults | dict(project.flowship)
    return None, {}


def is_configured(folder: Path) -> bool:
    """Whether there is a configuration of flowship's right in `folder`, sound or not."""
    return (folder / "flowship.toml").is_file() or pyproject.is_flowships(folder / pyproject.NAME)


def refuse_inside_project(folder: Path) -> None:
    """Refuse to take a folder of somebody's project for a project of its own.

    Raises:
        ConfigError: A folder above is a flowship project.
    """
    above = _project_above(folder)
    if above is None:
        return
    path = os.path.relpath(above, folder.resolve())
    raise ConfigError(
        f"this folder has no flowship configuration, but the project {above} above it has",
        hint=f"work there: `flowship -C {path} …`; or write a flowship.toml here by hand",
        where=str(folder),
    )


def _project_above(folder: Path) -> Path | None:
    """The nearest configured folder above `folder`, within the same repository.

    The home folder and what lies above it is no project, nor is a folder that everybody may
    write to, as ``/tmp`` is: a file there may be anybody's.
    """
    here, home = folder.resolve(), Path("~").expanduser().resolve()
    while not (here / ".git").exists() and here not in (home, here.parent):
        here = here.parent
        try:
            shared = here.stat().st_mode & stat.S_IWOTH
        except OSError:
            return None
        if shared or here in (home, here.parent):
            return None
        if is_configured(here):
            return here
    return None


def default_name(folder: Path) -> tuple[str, tuple[str, ...]]:
    """What a project in `folder` is called where nothing says otherwise: as pyproject.toml
    calls it, else as the folder is called.

    Returns:
        The name; and a warning where it had to be made up.
    """
    project = pyproject.read(folder / pyproject.NAME)
    name = slugify(project.name if project else "") or slugify(folder.resolve().name)
    if name:
        return name[:LONGEST_NAME].strip("-"), ()
    return "flow", (
        f"the folder {folder.resolve().name} has no letters or digits that an image's name can"
        ' have: the project is called "flow" until name = "…" says otherwise',
    )


def _canonical(
    table: Mapping[str, Any], model: type[BaseModel], source: Path | None, *above: str
) -> dict[str, Any]:
    """`table` with its keys in kebab-case: a variable or a flag must meet the same key."""
    known = known_fields(model)
    spelled: dict[str, Any] = {}
    for key, value in table.items():
        name = kebab(key) if kebab(key) in known else key
        if name in spelled:
            where = position(source, [*above, name])
            raise ConfigError(f'"{name}" is given twice', hint="keep one spelling", where=where)
        nested = known.get(name, ("", None))[1]
        if nested and isinstance(value, dict):
            value = _canonical(value, nested, source, *above, name)
        spelled[name] = value
    return spelled


def _shipped_etl() -> dict[str, Any]:
    """The shipped ETL flow as a project: its folder is sent as ``flowship/etl``."""
    return {
        "name": "prefect-de",
        "root": Path(__file__).parents[1] / "etl",
        "shipped": True,
        "prefix": "flowship/etl",
        "entrypoint": "flowship/etl/flow.py:etl_parent_flow",
        "requirements": "requirements.txt",
        "deployments": [{"name": "prefect-docker-flow"}],
    }


def _no_configuration(folder: Path) -> ConfigError:
    flows = find_flows(folder)
    listed = "\n".join(f"  {f.path}:{f.function}  (line {f.line})" for f in flows)
    return ConfigError(
        f"{folder} has Python files but no flowship configuration",
        hint="run `flowship init` to write a flowship.toml"
        + (f' for "{flows[0].entrypoint}"' if len(flows) == 1 else "")
        if flows
        else "decorate a function with @flow; a flow made otherwise is named by hand, in"
        ' flowship.toml: entrypoint = "path/to/file.py:name"',
        details=f"flows found here:\n{listed}" if flows else "no @flow function was found here",
        where=str(folder),
    )


def _no_entrypoint(folder: Path, source: Path | None) -> ConfigError:
    flows = find_flows(folder)
    return ConfigError(
        "the configuration names no entrypoint",
        hint=f'add entrypoint = "{flows[0].entrypoint}"'
        if flows
        else 'add entrypoint = "path/to/file.py:flow_function"',
        details="\n".join(["flows found here:", *(f"  {f.entrypoint}" for f in flows)])
        if len(flows) > 1
        else "",
        where=str(source or folder),
    )


def settings_or_none(folder: Path) -> Settings | None:
    """The project's settings, where there is a project: ``--image`` does not need one.

    Raises:
        ConfigError: There is a configuration, and it is wrong.
    """
    try:
        settings = load(folder)
    except ConfigError:
        if is_configured(folder):
            raise
        return None
    return None if settings.shipped else settings
