"""Checks of the container engine."""

from __future__ import annotations

from pathlib import Path

from flowship.doctor.machine import by_free_space, free_at
from flowship.doctor.result import Finding, ok, skipped, warning
from flowship.doctor.world import World
from flowship.errors import FlowshipError
from flowship.events import readable_size
from flowship.redaction import mask_addresses

OLDEST = (20, 10)
"""The first version of Docker in which a container can reach its host by name."""


def reachable(world: World) -> Finding:
    """Whether the container engine answers, and which one it is."""
    from flowship.doctor.result import of_error
    from flowship.engine import about
    from flowship.engine.client import connect

    try:
        engine = connect(world.environ)
    except FlowshipError as exc:
        return of_error(exc, "No image can be built or pushed from this machine.")
    world.connected_engine = engine
    name = about.name(engine)
    chosen = about.chosen_by(world.environ)
    # docker-py's own address of a socket says nothing to people.
    where = "" if engine.address.startswith("http+docker:") else mask_addresses(engine.address)
    place = ", ".join(filter(None, [where, chosen and f"from {chosen}"])) or "the default socket"
    found = f"{name} {engine.version} ({engine.platform}) at {place}"
    if name == "Docker" and _numbers(engine.version) < OLDEST:
        return warning(
            found,
            "Containers cannot reach an API on this machine by the name host.docker.internal.",
            "upgrade the engine to 20.10 or later",
        )
    return ok(found)


def disk_space(world: World) -> Finding:
    """Whether the engine has room for images."""
    from flowship.engine import about

    folder = about.storage(world.engine)
    if world.engine.is_remote or not folder or not Path(folder).is_dir():
        return skipped(f"the engine stores on another machine ({folder or 'unknown'})")
    free = free_at(Path(folder))
    return by_free_space(
        free,
        f"{readable_size(int(free))} free for images ({folder})",
        "Builds and pulls fail when the disk is full, and so do runs.",
        "`docker system df` shows what uses it; `docker builder prune` frees the build cache",
    )


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts) if all(p.isdigit() for p in parts) else OLDEST
