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


def promoted(done: Promotion) -> list[str]:
    """The image of a promotion, if it is now in another repository."""
    repository = done.image.partition("@")[0]
    if not done.copied:
        return []
    if done.deployed.dry_run:
        return [escape(f"would copy the image to {repository}")]
    return [f"[green]✓[/] copied the image to {escape(repository)}; digest verified"]
