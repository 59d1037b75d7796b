"""Reads pyproject.toml: the project's name and dependencies, and the ``[tool.flowship]`` table."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowship.config import files
from flowship.errors import ConfigError, place_in_toml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "pyproject.toml"

DEEPEST = 100
"""Levels of nested tables and arrays; more would exhaust the stack of later steps."""


@dataclass(frozen=True)
class Pyproject:
    """The parts of a pyproject.toml that flowship uses.

    Attributes:
        path: The file.
        name: ``[project] name``; empty if it is not set.
        dependencies: ``[project] dependencies``.
        extras: ``[project.optional-dependencies]``, as it is written.
        groups: ``[dependency-groups]`` (PEP 735), as it is written.
        requires_python: ``[project] requires-python``; empty if it is not set.
        dynamic: ``[project] dynamic``: the fields that a build tool fills in.
        flowship: ``[tool.flowship]``; None if there is no such table.
    """

    path: Path
    name: str = ""
    dependencies: tuple[str, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, Any] = field(default_factory=dict)
    requires_python: str = ""
    dynamic: tuple[str, ...] = ()
    flowship: Mapping[str, Any] | None = None


def read(path: Path) -> Pyproject | None:
    """Read `path`; None if the file does not exist.

    Raises:
        ConfigError: The file cannot be read, or a value that flowship uses has the wrong type.
    """
    if not files.is_file(path):
        return None
    document = read_toml(path)
    project = _table(path, document, "project")
    tool = _table(path, document, "tool")
    return Pyproject(
        path,
        name=_text(path, project, "name"),
        dependencies=_texts(path, project, "dependencies"),
        extras=_table(path, project, "optional-dependencies", "project."),
        groups=_table(path, document, "dependency-groups"),
        requires_python=_text(path, project, "requires-python"),
        dynamic=_texts(path, project, "dynamic"),
        flowship=_table(path, tool, "flowship", "tool.") if "flowship" in tool else None,
    )


def known_groups(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The groups and the extras that a pyproject.toml or a Pipfile defines, for any tool.

    Raises:
        ConfigError: The file cannot be read.
    """
    if not files.is_file(path):
        return (), ()
    document = read_toml(path)
    if path.name == "Pipfile":
        others = {"packages", "source", "requires", "scripts", "pipenv"}
        return tuple(name for name in document if name not in others), ()
    tool = _table(path, document, "tool")
    tables = {name: table for name, table in tool.items() if isinstance(table, Mapping)}
    poetry, pdm, uv = (tables.get(name, {}) for name in ("poetry", "pdm", "uv"))
    groups = {**_mapping(document, "dependency-groups"), **_mapping(poetry, "group")}
    groups |= _mapping(pdm, "dev-dependencies")
    if poetry.get("dev-dependencies") or uv.get("dev-dependencies"):
        groups["dev"] = ()
    extras = {**_mapping(_mapping(document, "project"), "optional-dependencies")}
    extras |= _mapping(poetry, "extras")
    return tuple(groups), tuple(extras)


def _mapping(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key)
    return dict(value) if isinstance(value, Mapping) else {}


def tools(path: Path) -> tuple[str, ...]:
    """The tools whose tables in the file list dependencies, such as poetry.

    Raises:
        ConfigError: The file cannot be read.
    """
    if not files.is_file(path):
        return ()
    tool = _table(path, read_toml(path), "tool")
    listing = ("dependencies", "dev-dependencies", "group", "feature")
    return tuple(
        name
        for name, table in tool.items()
        if isinstance(table, Mapping) and any(table.get(key) for key in listing)
    )


def configures_flowship(path: Path) -> bool:
    """Whether the file has a ``[tool.flowship]`` table, even an invalid one."""
    try:
        found = read(path)
    except ConfigError:
        try:
            return b"[tool.flowship" in files.read_bytes(path)
        except (OSError, ConfigError):
            return False
    return found is not None and found.flowship is not None


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file's content.

    Raises:
        ConfigError: The file is not valid TOML (with line and column) or cannot be read.
    """
    try:
        text = files.decoded(path, files.read_bytes(path))
    except OSError as exc:
        raise ConfigError(
            f"cannot read {path.name}: {exc.strerror}", code="unreadable-file", where=str(path)
        ) from exc
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError) as exc:  # ValueError: a number of 5,000 digits
        raise _invalid(path, text, str(exc)) from exc
    except RecursionError as exc:
        raise _invalid(path, text, "arrays or tables are nested too deeply") from exc
    if _is_deeper(document, DEEPEST):
        raise _invalid(path, text, f"tables are nested more than {DEEPEST} levels deep")
    return document


def _invalid(path: Path, text: str, reason: str) -> ConfigError:
    return ConfigError(
        f"the file is not valid TOML: {reason}",
        code="invalid-toml",
        hint="correct it at this place, or just before it: often a bracket or a quotation mark is"
        " not closed",
        where=place_in_toml(path, text, reason),
    )


def _is_deeper(value: object, levels: int) -> bool:
    """Whether tables and arrays are nested more than `levels` deep."""
    here = [value]
    for _ in range(levels):
        inner: list[object] = []
        for each in here:
            inner += (
                each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
            )
        here = inner
    return any(isinstance(each, dict | list) for each in here)


def _table(path: Path, around: Mapping[str, Any], key: str, prefix: str = "") -> Mapping[str, Any]:
    found = around.get(key, {})
    if not isinstance(found, Mapping):
        raise ConfigError(
            f"{prefix}{key} must be a table",
            code="invalid-value",
            hint=f"write it as [{prefix}{key}]",
            where=str(path),
        )
    return found


def _text(path: Path, project: Mapping[str, Any], key: str) -> str:
    found = project.get(key, "")
    if not isinstance(found, str):
        raise ConfigError(
            f"project.{key} must be text, in quotes", code="invalid-value", where=str(path)
        )
    return found


def _texts(path: Path, project: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = project.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ConfigError(
            f'project.{key} must be a list of text: ["…", "…"]',
            code="invalid-value",
            where=str(path),
        )
    return tuple(found)
