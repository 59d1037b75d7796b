"""Follows a run: its logs as they arrive, and how it ends.

Ctrl-C while a run is watched stops the watching, never the run: `watch` does not catch
KeyboardInterrupt, and `Started.hints` says how to look at the run again or how to cancel it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from flowship.errors import RunFailedError
from flowship.local import records as local_records
from flowship.prefect.client import PrefectApi
from flowship.prefect.types import FlowRun
from flowship.runs.records import LogRecord, RunLogs
from flowship.runs.start import Started, obstacles
from flowship.runs.states import FINAL, NOT_STARTED, StateType

SHORTEST_WAIT = 0.5  # seconds between two requests while the run is active
LONGEST_WAIT = 3.0  # seconds between two requests while nothing happens
CHECK_WAITING_RUN = 20.0  # seconds after which a run that has not started is checked for obstacles


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        seconds: Its running time, without the time that it waited.
        worker_log: The log file of its pool's worker, if `flowship up` started one here.
    """

    id: str
    name: str
    deployment: str
    state_type: StateType
    state_name: str
    message: str
    url: str
    seconds: float
    worker_log: str = ""

    @property
    def completed(self) -> bool:
        """Whether the run succeeded."""
        return self.state_type is StateType.COMPLETED

    def to_json(self) -> dict[str, Any]:
        """As JSON values only."""
        return {
            **asdict(self),
            "state_type": self.state_type.value,
            "completed": self.completed,
        }


def watch(
    api: PrefectApi,
    started: Started,
    report: Callable[[LogRecord], None],
    *,
    on_state: Callable[[str], None] = lambda state: None,
    warn: Callable[[str], None] = lambda text: None,
    sleep: Callable[[float], None] = time.sleep,
) -> RunResult:
    """Follow a run until it ends.

    Args:
        api: The server.
        started: From `start`.
        report: Receives each log record of the run and of its child runs once, as they arrive.
        on_state: Receives the name of each new state but the last one, which is in the result.
        warn: Receives each reason why the run has not started, once.
        sleep: Waits for some seconds.

    Returns:
        How it ended, also if it failed: `failure` makes an error of the result.
    """
    logs = RunLogs(api, started.id, started.name, report)
    blocked = _ObstacleWatch(api, set(started.warnings), warn)
    wait, state = SHORTEST_WAIT, ""
    while True:
        run = api.run(started.id)
        active = logs.fetch()
        if run["state"]["type"] in FINAL:
            break
        if run["state"]["name"] != state:
            state = run["state"]["name"]
            on_state(state)
            active = True
        wait = SHORTEST_WAIT if active else min(wait * 1.5, LONGEST_WAIT)
        sleep(wait)
        blocked.waited(run, wait)
    logs.fetch_late(sleep)
    return _result(api, started, api.run(started.id))


def _result(api: PrefectApi, started: Started, run: FlowRun) -> RunResult:
    state = run["state"]
    return RunResult(
        id=run["id"],
        name=run["name"],
        deployment=started.deployment,
        state_type=StateType(state["type"]),
        state_name=state["name"],
        message=state.get("message") or "",
        url=started.url,
        seconds=round(float(run.get("total_run_time") or 0), 3),
        worker_log=_worker_log(api, run.get("work_pool_name") or ""),
    )


def _worker_log(api: PrefectApi, pool: str) -> str:
    found = local_records.load(local_records.state_dir(), local_records.worker_key(api.url, pool))
    return found.log if found else ""


def failure(result: RunResult) -> RunFailedError | None:
    """The error (exit code 8) for a run that did not complete; None for one that did."""
    if result.completed:
        return None
    message = f"the run {result.name} of {result.deployment} ended in state {result.state_name}"
    if result.state_type is StateType.CRASHED:
        log = f"the worker's log {result.worker_log}".rstrip()
        return RunFailedError(
            message,
            code="run-crashed",
            hint=f"the container did not start or crashed: see {log} and {result.url}",
            details=result.message,
        )
    hint = f"see {result.url}"
    if result.state_type is StateType.CANCELLED:
        return RunFailedError(message, code="run-cancelled", hint=hint, details=result.message)
    return RunFailedError(message, hint=hint, details=result.message)


class _ObstacleWatch:
    """Checks from time to time why a run has not started, and reports each reason once."""

    def __init__(self, api: PrefectApi, reported: set[str], warn: Callable[[str], None]) -> None:
        self._api = api
        self._reported = reported
        self._warn = warn
        self._seconds = 0.0

    def waited(self, run: FlowRun, seconds: float) -> None:
        """Note that `seconds` passed since the last call; `run` is the run as it was before."""
        self._seconds += seconds
        if self._seconds < CHECK_WAITING_RUN or run["state"]["type"] not in NOT_STARTED:
            return
        self._seconds = 0.0
        for text in obstacles(self._api, run.get("work_pool_name") or ""):
            if text not in self._reported:
                self._reported.add(text)
                self._warn(text)
