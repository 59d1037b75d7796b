"""How Prefect's profiles look."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.prefect.profiles.editing import Profile, ProfileChange
    from flowship.prefect.profiles.resolution import ApiTarget
from flowship.output.tables import warning_lines


def profile_change(change: ProfileChange) -> list[RenderableType]:
    """What a profile command did."""
    lines: list[RenderableType] = []
    if change.corrected_from:
        lines.append(
            f"  {escape(change.corrected_from)} has no API; this has: {escape(change.url or '')}"
        )
    verb = "uses" if change.changed else "used already"
    url = escape(change.url or "no API")
    lines.append(f"[green]✓[/] profile {escape(change.profile)} {verb} {url}")
    if change.switched_from:
        told = f"{change.profile} is the active profile now, {change.switched_from} was"
        lines.append(f"  {escape(told)}")
    if change.server and change.server.version:
        lines.append(f"  Prefect {change.server.version} answers there")
    lines.append(f"  [dim]{escape(str(change.path))}[/]")
    return lines + warning_lines(change.warnings)


def profile_list(profiles: Iterable[Profile]) -> str:
    """One profile a line, the active one marked."""
    return "\n".join(
        f"{'*' if p.active else ' '} {p.name:<12} {p.url or '-'}".rstrip() for p in profiles
    )


def profile_json(profile: Profile, target: ApiTarget) -> dict[str, Any]:
    """A profile and the API address that holds in this folder."""
    return {
        "name": profile.name,
        "active": profile.active,
        "settings": dict(profile.settings),
        "api": {"url": _shown(target), "source": target.source},
    }


def profile_text(profile: Profile, target: ApiTarget) -> str:
    """The same as lines."""
    head = f"{profile.name}{' (active)' if profile.active else ''}"
    lines = [f"  {name} = {value}" for name, value in profile.settings.items()]
    api = f"commands here use {_shown(target) or 'no API'}, from {target.source}"
    return "\n".join([head, *(lines or ["  (no settings)"]), api])


def _shown(target: ApiTarget) -> str | None:
    """The API's address; one with a password in it must not be copied out of a terminal."""
    from flowship.redaction import mask_addresses

    return target.url and mask_addresses(target.url)
