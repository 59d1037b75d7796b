"""pyproject.toml, read in one place for all who ask: the project's own facts and our table."""

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
    """What of a pyproject.toml concerns flowship.

    Attributes:
        path: The file.
        name: ``[project] name``; empty where there is none.
        dependencies: ``[project] dependencies``.
        dynamic: ``[project] dynamic``: what a build tool finds elsewhere.
        flowship: ``[tool.flowship]``; None where there is none.
    """

    path: Path
    name: str = ""
    dependencies: tuple[str, ...] = ()
    dynamic: tuple[str, ...] = ()
    flowship: Mapping[str, Any] | None = None


def read(path: Path) -> Pyproject | None:
    """Read `path`; None where there is no such file.

    Raises:
        ConfigError: It cannot be read, or what concerns flowship has another shape.
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


def is_flowships(path: Path) -> bool:
    """Whether the file configures flowship, sound or not."""
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
        ConfigError: It is not TOML, with line and column; or it cannot be read.
    """
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as exc:
        found = re.search(r"line (\d+), column (\d+)", str(exc))
        where = ":".join([str(path), *found.groups()]) if found else str(path)
        raise ConfigError(f"{path.name} is not valid TOML: {exc}", where=where) from exc
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise ConfigError(f"{path.name} cannot be read: {reason}", where=str(path)) from exc
    return document


def _table(path: Path, around: Mapping[str, Any], key: str, prefix: str = "") -> Mapping[str, Any]:
    found = around.get(key, {})
    if not isinstance(found, Mapping):
        raise ConfigError(
            f"{prefix}{key} is a table", hint=f"write it as [{prefix}{key}]", where=str(path)
        )
    return found


def _text(path: Path, project: Mapping[str, Any], key: str) -> str:
    found = project.get(key, "")
    if not isinstance(found, str):
        raise ConfigError(f"project.{key} takes text, in quotes", where=str(path))
    return found


def _texts(path: Path, project: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = project.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ConfigError(f'project.{key} takes a list of texts: ["…", "…"]', where=str(path))
    return tuple(found)
