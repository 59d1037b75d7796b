"""Extras and dependency groups (PEP 735) of a project, with or without a lockfile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from flowship.config import pyproject
from flowship.config.pyproject import Pyproject
from flowship.config.settings import Settings
from flowship.errors import ConfigError, did_you_mean


def validate(settings: Settings, defined_in: Path) -> None:
    """Refuse a group or an extra that does not exist.

    Args:
        settings: The project.
        defined_in: The pyproject.toml or Pipfile.

    Raises:
        ConfigError: One of them is not defined there.
    """
    if not settings.groups and not settings.extras:
        return
    groups, extras = pyproject.known_groups(defined_in)
    for key, wanted, known in (
        ("groups", settings.groups, groups),
        ("extras", settings.extras, extras),
    ):
        for name in wanted:
            if _normal(name) not in map(_normal, known):
                raise _unknown(settings, key, name, known, defined_in.name)


def _unknown(
    settings: Settings, key: str, name: str, known: Sequence[str], file: str
) -> ConfigError:
    return ConfigError(
        f'{key}: {file} does not define "{name}"',
        code="dependency-group-unknown",
        hint=did_you_mean(name, known, f"{file} has {', '.join(known) or 'none'}"),
        where=settings.place(key),
    )


def requirements(settings: Settings, project: Pyproject) -> tuple[str, ...]:
    """The requirements of the configured extras and groups, those that they include too.

    Raises:
        ConfigError: One of them is not defined, or is invalid.
    """
    validate(settings, project.path)
    found: dict[str, None] = {}
    seen: set[str] = set()
    for name in settings.extras:
        found |= dict.fromkeys(_extra(project, name, seen))
    found |= dict.fromkeys(_groups(project, settings.groups))
    return tuple(found)


def _extra(project: Pyproject, name: str, seen: set[str]) -> list[str]:
    """The requirements of an extra; one of the project itself stands for other extras."""
    if _normal(name) in seen:
        return []
    seen.add(_normal(name))
    lines: list[str] = []
    for each, items in project.extras.items():
        if _normal(each) != _normal(name):
            continue
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise _invalid(project, f'the extra "{each}" must be a list of text')
        for item in items:
            inner = re.fullmatch(r"\s*([\w.-]+)\s*\[([^]]*)\]\s*", item)
            if inner and project.name and _normal(inner[1]) == _normal(project.name):
                for other in inner[2].split(","):
                    lines += _extra(project, other.strip(), seen)
            else:
                lines.append(item)
    return lines


def _groups(project: Pyproject, names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    from packaging.dependency_groups import resolve_dependency_groups

    try:
        return resolve_dependency_groups(project.groups, *names)
    except Exception as exc:  # a group of errors or one of several types; all say why
        reasons = getattr(exc, "exceptions", None) or [exc]
        raise _invalid(project, f"[dependency-groups]: {reasons[0]}") from exc


def _invalid(project: Pyproject, message: str) -> ConfigError:
    return ConfigError(
        message,
        code="dependency-group-invalid",
        hint='a group is a list of requirements and of { include-group = "other" }',
        where=str(project.path),
    )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
