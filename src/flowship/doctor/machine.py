"""Checks of this machine: the configuration in this folder, and the disks."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from flowship.doctor.result import Finding, error, of_error, ok, skipped, warning
from flowship.doctor.world import World
from flowship.events import readable_size
from flowship.local import records

FULL = 500_000_000  # bytes; an image of Prefect with pandas needs about as much
LOW = 2_000_000_000


def configuration(world: World) -> Finding:
    """Whether the project's configuration is valid."""
    problem = world.unreadable or world.scope.problem
    if problem is not None and world.scope.elsewhere:  # `--project` does without this folder
        return warning(
            f"project {world.scope.project}, not the one of this folder, which cannot be read:"
            f" {problem.where and f'{problem.where}: '}{problem.message}",
            "It is in the way only of builds and deploys from this folder.",
            problem.hint,
        )
    if problem is not None:
        return of_error(problem, "No image can be built, and nothing can be deployed, from here.")
    if world.scope.project is None:
        return skipped("no project in this folder: only this machine is examined")
    settings = world.settings
    if settings is None:
        return ok(f"project {world.scope.project}, not the one of this folder")
    environment = f", environment {settings.environment}" if settings.environment else ""
    source = settings.source.name if settings.source else "no file"
    return ok(f"project {settings.name}{environment} ({source})")


def disk_space(world: World) -> Finding:
    """Whether there is room for what flowship and Prefect write on this machine."""
    places = {
        "temporary files": Path(tempfile.gettempdir()),
        "the records of `flowship up`": records.state_dir(world.environ),
        "Prefect's data": _prefect_home(world),
        "this folder": world.folder,
    }
    free = {name: _free(path) for name, path in places.items()}
    name, least = min(free.items(), key=lambda item: item[1])
    where = f"{readable_size(least)} free for {name} ({places[name]})"
    return by_free_space(
        least,
        where,
        "A build writes its files to a temporary one, and a server that cannot write to its"
        " database stops.",
        f"free space there: `du -xhd1 {places[name]}`",
    )


def by_free_space(free: float, found: str, meaning: str, remedy: str) -> Finding:
    """The finding on free space, in bytes."""
    if free < FULL:
        return error(found, meaning, remedy)
    return warning(found, meaning, remedy) if free < LOW else ok(found)


def free_at(path: Path) -> float:
    """The bytes that are free on the disk of an existing folder; 0 if it has no inodes left."""
    free = shutil.disk_usage(path).free
    if hasattr(os, "statvfs"):
        found = os.statvfs(path)
        if found.f_files and not found.f_favail:
            return 0
    return free


def _free(path: Path) -> float:
    for existing in (path.absolute(), *path.absolute().parents):
        if existing.is_dir():
            return free_at(existing)
    return float("inf")


def _prefect_home(world: World) -> Path:
    home = world.environ.get("PREFECT_HOME") or "~/.prefect"
    return Path(home).expanduser()
