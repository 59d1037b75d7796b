"""Checks of what the server has of the project: deployments, blocks and secrets."""

from __future__ import annotations

import json
import re

from flowship import scope
from flowship.doctor.result import Finding, error, of_error, ok, skipped, warning
from flowship.doctor.world import World
from flowship.errors import UsageError

_SECRET = re.compile(r"\{\{\s*prefect\.blocks\.secret\.([\w-]+)")


def deployed(world: World) -> Finding:
    """Whether the server has the project's deployments."""
    if world.scope.project is None:
        return skipped("no project")
    try:
        found = scope.deployments(world.api, world.scope)
    except UsageError as exc:
        if world.scope.elsewhere:  # a project that the user named
            return of_error(exc, "There is nothing to examine of it.")
        return skipped(exc.message)
    world.deployments = found.found
    names = {each["name"] for each in found.found}
    configured = world.settings.deployment_names if world.settings else ()
    # One that was deployed has its full name there.
    gone = {name.rpartition("/")[2] for name in found.absent}
    missing = [name for name in configured if name not in names | gone]
    if not found.found and not found.absent:
        return skipped("not deployed yet: `flowship ship` does it")
    paused = [each["name"] for each in found.found if each["paused"]]
    if missing or found.absent:
        return warning(
            f"the server does not have {', '.join([*missing, *found.absent])}",
            "It is configured or was deployed, and does not run.",
            "`flowship deploy` creates it",
        )
    shown = f", paused: {', '.join(paused)}" if paused else ""
    return ok(f"{len(names)} on the server ({', '.join(sorted(names))}{shown})")


def block(world: World) -> Finding:
    """Whether the blocks exist that runs take their values from, and engines accept the values."""
    from flowship.deployment import docker_block

    if not world.deployments:
        return skipped("not deployed yet")
    used = {docker_block.block_of(each["job_variables"]) for each in world.deployments} - {""}
    names = sorted(used | set(world.block_names))
    found = {b["name"]: b for b in world.api.block_documents(docker_block.SLUG, names)}
    world.blocks = {name: found.get(name) for name in names}
    missing = [name for name in names if name not in found]
    if missing:
        return error(
            f"the server has no Docker Container block {', '.join(missing)}",
            "Every run crashes: the worker finds no image.",
            "`flowship deploy` creates it",
        )
    invalid = [
        f"{name}: {each.message}"
        for name, document in found.items()
        for each in docker_block.invalid_values(document["data"])
    ]
    if invalid:
        return error(
            "; ".join(invalid),
            "No engine accepts this value, so that every run crashes.",
            "correct it in the configuration, and run `flowship deploy`; or in the Prefect UI",
        )
    return ok(f"{', '.join(names)}, with values that engines accept")


def secrets(world: World) -> Finding:
    """Whether the server has all Secret blocks that runs refer to."""
    from flowship.deployment import secrets as known
    from flowship.deployment.secrets import set_command

    configured = {s.block: s.name for s in known.of_project(world.settings)} if world.settings \
        else {}  # fmt: skip
    used = {
        name
        for each in world.deployments
        for name in _SECRET.findall(json.dumps(each["job_variables"], default=str))
    }
    names = sorted({*configured, *used})
    if not names:
        return skipped("no secrets are configured")
    stored = {document["name"]: document for document in known.stored(world.api, names)}
    missing = [name for name in names if name not in stored]
    environment = world.settings.environment if world.settings else None
    if missing:
        return error(
            f"the server has no Secret block {', '.join(missing)}",
            "Every run that gets it crashes.",
            "; ".join(
                f"`{set_command(configured.get(each, ''), each, environment)}`" for each in missing
            ),
        )
    wrong = [name for name in names if not known.is_text(stored[name])]
    if wrong:
        return error(
            f"the Secret block {', '.join(wrong)} does not hold text",
            "A run gets it as JSON, or not at all.",
            "; ".join(
                f"`{set_command(configured.get(each, ''), each, environment)}`" for each in wrong
            ),
        )
    return ok(f"{len(names)} on the server ({', '.join(names)})")
