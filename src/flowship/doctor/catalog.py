"""All checks, in the order in which they are shown, and what each of them needs.

Each has a row in docs/doctor.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flowship.doctor import (
    containers,
    deployments,
    engine,
    images,
    leftovers,
    machine,
    pools,
    registry,
    runs,
    scheduler,
    server,
)
from flowship.doctor.result import Finding
from flowship.doctor.world import World


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        code: Its stable name.
        run: The check.
        needs: Checks before it: if one of them finds an error or is skipped, so is this one.
        after: Checks before it, whatever they find.
        limit: Seconds after which it counts as failed.
        asks: Names what it asks, for the message if that does not answer; "" if it is not known.
    """

    code: str
    run: Callable[[World], Finding]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    limit: float = 12.0
    asks: Callable[[World], str] = lambda world: ""


ENGINE, API, DEPLOYED = "engine-reachable", "api-reachable", "deployments"
FACTS = ("deployed-image", "work-pool", "block")

CHECKS = (
    Check("configuration", machine.configuration),
    Check("disk-space", machine.disk_space),
    Check(ENGINE, engine.reachable),
    Check("engine-disk-space", engine.disk_space, (ENGINE,)),
    Check("base-image", images.base, (ENGINE,), asks=images.base_registries),
    Check("registry-reachable", registry.reachable, after=(ENGINE,), asks=registry.asked),
    Check(
        "registry-credentials",
        registry.credentials,
        ("registry-reachable",),
        asks=registry.asked,
    ),
    Check("api-set", server.address),
    Check(API, server.reachable, ("api-set",)),
    Check("prefect-versions", server.versions, (API,), after=("deployed-image",)),
    Check("clocks", server.clocks, (API,), after=(ENGINE,)),
    Check(DEPLOYED, deployments.deployed, (API,)),
    Check("scheduler", scheduler.scheduler, (API,), after=(DEPLOYED,)),
    Check("work-pool", pools.work_pool, (API,), after=(DEPLOYED,)),
    Check("work-pool-active", pools.active, ("work-pool",)),
    Check("worker", pools.worker, ("work-pool",)),
    Check("block", deployments.block, (DEPLOYED,)),
    Check("secrets", deployments.secrets, (API,), after=(DEPLOYED,)),
    Check(
        "deployed-image",
        images.deployed,
        ("block",),
        after=(ENGINE, "registry-credentials"),
        asks=images.deployed_registries,
    ),
    Check("image-platform", images.platform, (ENGINE, "deployed-image")),
    Check("api-from-containers", containers.api, (ENGINE, API), after=FACTS, limit=30.0),
    Check("running-runs", runs.zombies, (ENGINE, DEPLOYED)),
    Check("deploy-lock", leftovers.lock, (API,)),
    Check("engine-leftovers", leftovers.engine, (ENGINE,)),
    Check("server-leftovers", leftovers.server, (API,)),
)
