"""What becomes of the run on the server when its container did not come to its own end.

A run of `flowship try` has no worker that would end it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowship.errors import ApiError, Interrupted
from flowship.runs import ending
from flowship.runs.states import StateType

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi

INTERRUPTED = "Canceled by flowship try, which was interrupted on the machine of the run."
LOST = "flowship try lost the connection to the container engine."


def canceled(api: PrefectApi, run_id: str) -> Interrupted:
    """Cancel the run after Ctrl-C; returns what to raise.

    Args:
        api: The server.
        run_id: The run.
    """
    problem = end(api, run_id, StateType.CANCELLED, INTERRUPTED)
    if problem:
        return Interrupted(
            f"the container is gone, but the run {run_id} may still be Running: {problem}",
            f"run `flowship cancel {run_id} --force` when the server answers again",
        )
    return Interrupted(f"the run was canceled: {api.ui_url(f'runs/flow-run/{run_id}')}", "")


def end(api: PrefectApi, run_id: str, state: StateType, message: str) -> str:
    """Give the run a final state; returns why that was not possible, or ""."""
    try:
        ending.end(api, run_id, state, message)
    except ApiError as exc:
        return exc.message
    return ""
