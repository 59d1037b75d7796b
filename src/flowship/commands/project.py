"""The project that a command works on, loaded once, with its warnings told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.output.console import Screen


def load_settings(screen: Screen, **overrides: object) -> Settings:
    """The settings of the project in the current folder, validated; warnings are told."""
    from flowship import check
    from flowship.config import loading

    settings = loading.load(Path.cwd(), overrides=overrides)
    check.validate_names(settings)
    for warning in settings.warnings:
        screen.warn(warning)
    if settings.shipped:
        screen.info("no project here: this is the shipped ETL flow (New York taxi trips)")
    return settings
