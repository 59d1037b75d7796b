"""Gives a run its final state where neither its process nor a worker does it any more."""

from __future__ import annotations

from flowship.prefect.client import PrefectApi
from flowship.runs.states import FINAL, StateType


def end(api: PrefectApi, run_id: str, state: StateType, message: str) -> None:
    """Set the final state of a run and of the child runs in the same container.

    A run that has ended keeps its state, except that a cancellation replaces a crash: that is how
    the run's own process or its worker reports that it was stopped.

    Args:
        api: The server.
        run_id: The run.
        state: CANCELLED or CRASHED.
        message: Who ended it, and why.
    """
    over = FINAL - {StateType.CRASHED} if state is StateType.CANCELLED else FINAL
    if StateType(api.run(run_id)["state"]["type"]) not in over:
        api.set_run_state(run_id, state.value, message, force=True)
    parents = [run_id]
    while parents:
        children = [c for c in api.child_runs(parents) if not c.get("deployment_id")]
        for child in children:
            if StateType(child["state"]["type"]) not in FINAL:
                api.set_run_state(child["id"], state.value, message, force=True)
        parents = [child["id"] for child in children]
