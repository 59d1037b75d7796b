"""Ends a run and its container.

Prefect's own cancellation only asks: the run is Cancelling until its worker or its own process
ends it. `cancel` waits for that, and then ends what is on this machine's engine itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from flowship.errors import EngineError, RunFailedError
from flowship.prefect.client import PrefectApi
from flowship.runs import containers, ending
from flowship.runs.chosen import ChosenRun
from flowship.runs.containers import Connect, RunContainer
from flowship.runs.states import StateType

OTHERS_SECONDS = 20.0  # for the worker or the run's own process; a busy machine needs ten
STOP_SECONDS = 10  # between SIGTERM and SIGKILL
WAIT = 1.0  # seconds between two looks at the run

GONE = "Canceled by flowship; its container no longer exists."
STOPPED = "Canceled by flowship, which stopped its container."
FORCED = "Canceled by flowship without its worker; a container may still run elsewhere."


class Outcome(Enum):
    """How the run came to its end."""

    ENDED_BEFORE = "ended before"
    CANCELLED = "cancelled"  # by the server, the worker or the run's own process
    STOPPED = "container stopped"
    GONE = "container gone"
    FORCED = "forced"


@dataclass(frozen=True)
class Cancellation:
    """What `cancel` did.

    Attributes:
        run: The run, in its final state.
        outcome: How it came to its end.
        container: The name of the container that was stopped, if flowship stopped it.
    """

    run: ChosenRun
    outcome: Outcome
    container: str = ""

    def to_json(self) -> dict[str, Any]:
        """As JSON values only."""
        return {
            "run": self.run.to_json(),
            "outcome": self.outcome.value,
            "container": self.container,
        }


def cancel(
    api: PrefectApi,
    run: ChosenRun,
    connect: Connect,
    *,
    force: bool = False,
    on_state: Callable[[str], None] = lambda name: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Cancellation:
    """Cancel a run and wait for its end.

    Args:
        api: The server.
        run: The run.
        connect: Connects to this machine's engine; called if neither the worker nor the run does.
        force: Do not wait for the worker, and set the state also if no container is here.
        on_state: Receives the name of the state while the run has not ended.
        sleep: Waits for some seconds.

    Raises:
        RunFailedError: It has not ended, and its container is not on this engine.
    """
    if not run.is_final:
        api.set_run_state(run.id, StateType.CANCELLING.value)
        before, run = run, _now(api, run)
        if run.is_final and run.state_type is not StateType.CANCELLED:
            return Cancellation(run, Outcome.ENDED_BEFORE)  # in this moment
        if run.is_final:
            return Cancellation(run, Outcome.CANCELLED)
        if run.state_name != before.state_name:
            on_state(run.state_name)
        return _end(api, run, connect, force, sleep)
    return Cancellation(run, Outcome.ENDED_BEFORE)


def _now(api: PrefectApi, run: ChosenRun) -> ChosenRun:
    found = api.run(run.id)
    return replace(
        run,
        state_type=StateType(found["state"]["type"]),
        state_name=found["state"]["name"],
        message=found["state"].get("message") or "",
        ended=found.get("end_time") or "",
    )


def _end(
    api: PrefectApi,
    run: ChosenRun,
    connect: Connect,
    force: bool,
    sleep: Callable[[float], None],
) -> Cancellation:
    waited = 0.0
    hopeless = force or containers.lost(api, run.id, connect, sleep=sleep)
    while not hopeless and waited < OTHERS_SECONDS:
        sleep(WAIT)
        waited += WAIT
        run = _now(api, run)
        if run.is_final:
            return Cancellation(run, Outcome.CANCELLED)
    container, problem = _container(connect, run)
    if container and container.container.runs:
        _stop(connect, container)
        return Cancellation(
            _set_canceled(api, run, STOPPED), Outcome.STOPPED, container.container.name
        )
    if container or containers.is_local(run.worker):
        return Cancellation(_set_canceled(api, run, GONE), Outcome.GONE)
    if force:
        return Cancellation(_set_canceled(api, run, FORCED), Outcome.FORCED)
    raise _still_canceling(run, problem)


def _container(connect: Connect, run: ChosenRun) -> tuple[RunContainer | None, str]:
    try:
        return containers.of_run(connect(), run.id), ""
    except EngineError as exc:
        return None, exc.message


def _stop(connect: Connect, container: RunContainer) -> None:
    from flowship.engine import inspection

    inspection.stop(connect(), container.container.id, STOP_SECONDS)


def _set_canceled(api: PrefectApi, run: ChosenRun, message: str) -> ChosenRun:
    ending.end(api, run.id, StateType.CANCELLED, message)
    return _now(api, run)


def _still_canceling(run: ChosenRun, problem: str) -> RunFailedError:
    worker = f"its worker {run.worker}" if run.worker else "a worker"
    return RunFailedError(
        f"the run {run.name} of {run.deployment} is still {run.state_name}, and its container is"
        " not on this machine's engine",
        code="run-still-cancelling",
        hint=f"{worker} ends it when it can; to set it to Cancelled without it, run"
        f" `flowship cancel {run.id} --force`",
        details=problem,
    )
