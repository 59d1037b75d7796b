"""The environments that are not chosen: whether their configuration is valid, and their blocks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from flowship.config import outline
from flowship.config.loading import load
from flowship.config.overlays import VARIABLE
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


def outlines(settings: Settings) -> Iterator[Settings]:
    """The outlines of the environments that are not chosen, as far as they can be read; the project
    without an environment is one of them, unless it requires one.

    Args:
        settings: As they are loaded, with or without an environment.
    """
    if settings.source is None:
        return
    environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
    for name in (*settings.environments, *(() if settings.require_env else (None,))):
        if name == settings.environment:
            continue
        try:
            yield outline.read(settings.root, name, environ)
        except (ConfigError, UsageError):  # `failures` has it
            continue
