"""Draws servers and environments: which one a command changes, and the image of a promotion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.redaction import mask_addresses

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.prefect.profiles.resolution import ApiTarget
    from flowship.promotion import Promotion


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


def copied(reference: str) -> str:
    """An image that is now in another repository."""
    return f"[green]✓[/] copied the image to {escape(reference.partition('@')[0])}; digest verified"


def would_copy(planned: Promotion) -> list[str]:
    """The same of a dry run; nothing if the image is there."""
    if not (planned.copied and planned.deployed.dry_run):
        return []
    return [escape(f"would copy the image to {planned.image.partition('@')[0]}")]
