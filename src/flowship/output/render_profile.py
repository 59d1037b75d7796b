"""Renders Prefect's profiles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from flowship.output.tables import warning_lines
from flowship.output.terminal import one_line
from flowship.redaction import mask_addresses

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.prefect.profiles.editing import ProfileChange
    from flowship.prefect.profiles.resolution import ApiTarget
    from flowship.prefect.profiles.showing import Profile


def profile_change(change: ProfileChange) -> list[RenderableType]:
    """Return the lines about what a profile command did."""
    lines: list[RenderableType] = []
    if change.corrected_from:
        lines.append(
            f"  found no API at {escape(change.corrected_from)}, but at {escape(change.url or '')}"
        )
    verb = "uses" if change.changed else "already uses"
    url = escape(change.url or "no API")
    lines.append(f"[green]✓[/] profile {escape(change.profile)} {verb} {url}")
    if change.used_by:
        environments = ", ".join(name for name in change.used_by if name)
        where = f" in {environments}" if environments else ""
        lines.append(escape(f"  the project in this folder uses it{where}"))
    if change.switched_from:
        switched = f"switched the active profile from {change.switched_from} to {change.profile}"
        lines.append(f"  {escape(switched)}")
    if change.server and change.server.version:
        lines.append(f"  the server is Prefect {escape(change.server.version)}")
    lines.append(f"  [dim]{escape(str(change.path))}[/]")
    return lines + warning_lines(change.warnings)


def profile_list(profiles: Iterable[Profile]) -> str:
    """Return one line for each profile, with the active one marked."""
    return "\n".join(
        one_line(f"{'*' if p.active else ' '} {p.name:<12} {p.url or '-'}".rstrip())
        for p in profiles
    )


def profile_json(profile: Profile, target: ApiTarget) -> dict[str, Any]:
    """Return a profile, and the API that commands in this folder use."""
    return {
        "name": profile.name,
        "active": profile.active,
        "settings": dict(profile.settings),
        "api": {"url": _shown(target), "source": str(target.source)},
    }


def profile_text(profile: Profile, target: ApiTarget) -> str:
    """Return the same as lines."""
    head = f"{profile.name}{' (active)' if profile.active else ''}"
    lines = [one_line(f"  {name} = {value}") for name, value in profile.settings.items()]
    used = f"{_shown(target)}, from" if target.url else "no API:"
    api = f"commands in this folder use {used} {target.source}"
    return "\n".join([head, *(lines or ["  (no settings)"]), api])


def _shown(target: ApiTarget) -> str | None:
    return target.url and mask_addresses(target.url)
