"""Checks for what commands that were killed left behind; ``--fix`` removes it, and only that."""

from __future__ import annotations

from datetime import datetime, timezone

from flowship.doctor.result import Finding, ok, skipped, warning
from flowship.doctor.world import World
from flowship.local import scheduler

_REMEDY = "`flowship doctor --fix` removes it"


def lock(world: World) -> Finding:
    """Whether a deploy of the project is at work, or died with its lock."""
    from flowship.deployment import lock as locks

    if world.scope.project is None:
        return skipped("no project")
    both = (
        locks.current(world.api, world.scope.lock),
        locks.of_history(world.api, world.scope.project),
    )
    found = [each for each in both if each is not None]
    if at_work := [each for each in found if each.at_work]:
        return ok(f"a deploy is in progress: {at_work[0].holder}")
    if not found:
        return ok("no deploy is in progress")
    holder, state = found[0].holder, found[0].state
    if world.fix and all(locks.remove(world.api, each) for each in found):
        return ok("no deploy is in progress", [f"removed the lock of {holder}: {state}"])
    return warning(
        f"the lock of {holder} is left: {state}",
        "Its deploy was killed, and what it began may be half done. The next deploy breaks it.",
        f"{_REMEDY}; `flowship deploy` completes the deploy",
    )


def engine(world: World) -> Finding:
    """Whether containers of killed commands, or images of builds that died, are left."""
    from flowship.engine import containers, images

    orphans = containers.orphans(world.engine)
    unnamed = images.unnamed(world.engine)
    if not orphans and not unnamed:
        return ok("nothing is left in the engine")
    if world.fix:
        for each in orphans:
            containers.remove(world.engine, each)
        removed = [each for each in unnamed if images.remove_if_unused(world.engine, each)]
        done = _counted(len(orphans), len(removed))
        return ok("nothing is left in the engine", [f"removed {each}" for each in done])
    return warning(
        " and ".join(_counted(len(orphans), len(unnamed))),
        "They take disk space in the engine, and nothing uses them.",
        _REMEDY,
    )


def server(world: World) -> Finding:
    """Whether deployments of the scheduler's check are left on the server."""
    now = datetime.now(timezone.utc)
    found = scheduler.leftovers(world.api, now)
    if not found:
        return ok("nothing is left on the server")
    names = [str(each["name"]) for each in found]
    if world.fix:
        for each in found:
            scheduler.remove(world.api, each["name"])
        return ok("nothing is left on the server", [f"removed the flow {name}" for name in names])
    return warning(
        f"flows of a check that was killed: {', '.join(names)}",
        "A `flowship up` that was killed left them; their runs are scheduled.",
        _REMEDY,
    )


def _counted(containers: int, images: int) -> list[str]:
    """What is left in an engine, in words."""
    words = (
        (containers, "container of a killed command", "containers of killed commands"),
        (images, "image without a name", "images without names"),
    )
    return [f"{count} {one if count == 1 else many}" for count, one, many in words if count]
