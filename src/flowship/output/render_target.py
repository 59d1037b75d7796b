"""Draws the server and the environment that a command is about to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.redaction import mask_addresses

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.prefect.profiles.resolution import ApiTarget


def server(doing: str, settings: Settings, target: ApiTarget) -> str:
    """``deploying to staging: http://…/api (profile staging)``.

    Args:
        doing: What begins the line.
        settings: The project's.
        target: The API.
    """
    url = mask_addresses(target.url) if target.url else "no API"
    source = str(target.source).replace('"', "")
    if settings.environment is None:
        return escape(f"{doing} {url} ({source}), without an environment")
    return escape(f"{doing} {settings.environment}: {url} ({source})")
