"""The environments that are not chosen: whether their configuration is valid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from flowship.config.loading import load
from flowship.config.settings import Settings
from flowship.errors import ConfigError, FlowshipError, UsageError


class Failure(NamedTuple):
    """An environment with an error in it."""

    environment: str
    error: FlowshipError


def failures(
    settings: Settings, folder: Path, validate: Callable[[Settings], object]
) -> tuple[Failure, ...]:
    """The errors of the environments that are not chosen, the first of each.

    A variable without a value does not count: it may be set where the environment is used.

    Args:
        settings: As they are loaded, with or without an environment.
        folder: The project's.
        validate: Raises an error if settings are invalid.
    """
    found = []
    for name in settings.environments:
        if name == settings.environment:
            continue
        try:
            validate(load(folder, environment=name))
        except (ConfigError, UsageError) as exc:
            if exc.code != "variable-not-set":
                exc.message = f"environment {name}: {exc.message}"
                found.append(Failure(name, exc))
    return tuple(found)
