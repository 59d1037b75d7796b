"""The project that a command works on, loaded once; prints its notes and warnings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.output.console import Screen


def load_settings(screen: Screen, **overrides: object) -> Settings:
    """The validated settings of the project in the current folder; prints its warnings."""
    from flowship import check
    from flowship.config import loading

    settings = loading.load(Path.cwd(), overrides=overrides)
    check.validate_names(settings)
    for warning in settings.warnings:
        screen.warn(warning)
    screen.note(*settings.notes)
    return settings
