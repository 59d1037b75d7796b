"""Check for runs that the server believes to be at work, and whose container is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowship.doctor.result import Verdict, ok, skipped, warning
from flowship.doctor.world import World

if TYPE_CHECKING:
    from flowship.prefect.types import FlowRun

SHOWN = 5


def zombies(world: World) -> Verdict:
    """Whether every run that is at work has its container."""
    from flowship.engine.containers import is_running

    if not world.deployments:
        return skipped("not deployed yet")
    runs = world.api.active_runs([each["id"] for each in world.deployments])
    known = {run["id"]: _container(run) for run in runs}
    gone = [run for run in runs if known[run["id"]]
            and not is_running(world.engine, known[run["id"]])]  # fmt: skip
    if gone:
        names = ", ".join(run["name"] for run in gone[:SHOWN])
        return warning(
            f"{len(gone)} of {len(runs)} runs at work have no container in this engine: {names}",
            "Their containers ended without telling the server, and they stay in Running for ever;"
            " unless their worker uses another engine.",
            f"`flowship cancel {gone[0]['id']}`" if _has_cancel() else
            f"cancel them: {world.api.ui_url('runs/flow-run/' + gone[0]['id'])}",
        )  # fmt: skip
    return ok(f"{len(runs)} at work" if runs else "none at work")


def _container(run: FlowRun) -> str:
    """The container's id: a docker worker records it as ``ADDRESS:ID``."""
    return str(run.get("infrastructure_pid") or "").rpartition(":")[2]


def _has_cancel() -> bool:
    return False
