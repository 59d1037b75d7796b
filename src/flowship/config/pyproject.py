"""Reads pyproject.toml: the project's name and dependencies, and the ``[tool.flowship]`` table."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowship.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "pyproject.toml"


@dataclass(frozen=True)
class Pyproject:
    """The parts of a pyproject.toml that flowship uses.

    Attributes:
        path: The file.
        name: ``[project] name``; empty if it is not set.
        dependencies: ``[project] dependencies``.
        dynamic: ``[project] dynamic``: the fields that a build tool fills in.
        flowship: ``[tool.flowship]``; None if there is no such table.
    """

    path: Path
    name: str = ""
    dependencies: tuple[str, ...] = ()
    dynamic: tuple[str, ...] = ()
    flowship: Mapping[str, Any] | None = None


def read(path: Path) -> Pyproject | None:
    """Read `path`; None if the file does not exist.

    Raises:
        ConfigError: The file cannot be read, or a value that flowship uses has the wrong type.
    """
    if not path.is_file():
        return None
    document = read_toml(path)
    project = _table(path, document, "project")
    tool = _table(path, document, "tool")
    return Pyproject(
        path,
        name=_text(path, project, "name"),
        dependencies=_texts(path, project, "dependencies"),
        dynamic=_texts(path, project, "dynamic"),
        flowship=_table(path, tool, "flowship", "tool.") if "flowship" in tool else None,
    )


def configures_flowship(path: Path) -> bool:
    """Whether the file has a ``[tool.flowship]`` table, even an invalid one."""
    try:
        found = read(path)
    except ConfigError:
        try:
            return b"[tool.flowship" in path.read_bytes()
        except OSError:
            return False
    return found is not None and found.flowship is not None


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file's content.

    Raises:
        ConfigError: The file is not valid TOML (with line and column) or cannot be read.
    """
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as exc:
        found = re.search(r"line (\d+), column (\d+)", str(exc))
        where = ":".join([str(path), *found.groups()]) if found else str(path)
        raise ConfigError(
            f"{path.name} is not valid TOML: {exc}", code="invalid-toml", where=where
        ) from exc
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise ConfigError(
            f"cannot read {path.name}: {reason}", code="unreadable-file", where=str(path)
        ) from exc
    return document


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
