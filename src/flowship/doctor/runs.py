"""Check for runs that the server believes to be at work, and whose container has ended."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from flowship.doctor.result import Finding, ok, skipped, warning
from flowship.doctor.world import World

if TYPE_CHECKING:
    from flowship.prefect.types import FlowRun

SHOWN = 5
REPORT_SECONDS = 3.0
"""What a worker needs to report the end of a container."""
WORKER = "prefect.worker.name"


def zombies(world: World) -> Finding:
    """Whether every run that is at work has its container."""
    if not world.deployments:
        return skipped("not deployed yet")
    runs = _at_work(world)
    gone = _gone(world, runs)
    if gone:
        time.sleep(REPORT_SECONDS)
        still = {run["id"] for run in _at_work(world)}
        gone = [run for run in gone if run["id"] in still]
    if gone:
        names = ", ".join(run["name"] for run in gone[:SHOWN])
        return warning(
            f"the container of {names} has ended, but the server still counts it as at work",
            "Nothing reports its end, so that it stays in Running for ever.",
            f"`flowship cancel {gone[0]['id']}`",
        )
    return ok(f"{len(runs)} at work" if runs else "none at work")


def _at_work(world: World) -> list[FlowRun]:
    return world.api.runs(
        {
            "deployment_id": {"any_": [each["id"] for each in world.deployments]},
            "state": {"type": {"any_": ["RUNNING", "CANCELLING"]}},
        }
    )


def _gone(world: World, runs: Collection[FlowRun]) -> list[FlowRun]:
    """The runs whose container has ended. A run without one in this engine counts only if its
    worker uses this engine: else the container is in another one."""
    from flowship.local import records
    from flowship.runs import containers

    if not runs:
        return []
    found = containers.of_runs(world.engine)
    known, _ = records.load_all(records.state_dir(world.environ))
    here = {r.worker for r in known} | {each.worker for each in found}
    alive = {e.run for e in found if e.container.runs or e.container.status == "created"}
    ended = {each.run for each in found} - alive
    return [
        run
        for run in runs
        if run["id"] in ended
        or (
            run["id"] not in alive
            and run["infrastructure_pid"]
            and (run.get("labels") or {}).get(WORKER) in here - {""}
        )
    ]
