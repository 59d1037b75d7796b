"""Follows a run: its logs as they arrive, and how it ends.

Ctrl-C while a run is watched stops the watching, never the run: `watch` does not catch
KeyboardInterrupt, and `Started.hints` says how to look at the run again or how to cancel it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from flowship.errors import RunFailedError
from flowship.local import records as local_records
from flowship.prefect.client import PrefectApi
from flowship.prefect.types import FlowRun
from flowship.runs.records import EVERYTHING, LogRecord, RunLogs, Selection
from flowship.runs.start import obstacles
from flowship.runs.states import FINAL, NOT_STARTED, StateType

SHORTEST_WAIT = 0.5  # seconds between two requests while the run is active
LONGEST_WAIT = 3.0  # seconds between two requests while nothing happens
CHECK_WAITING_RUN = 20.0  # seconds after which a run that has not started is checked for obstacles


class Watched(Protocol):
    """A run that can be followed: one that was just started, or one that was chosen."""

    @property
    def id(self) -> str:
        """The run's ID."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def deployment(self) -> str:
        """``flow/name`` of its deployment."""

    @property
    def url(self) -> str:
        """Its page."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What keeps it from starting, as far as it was reported already."""


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
    watched: Watched,
    report: Callable[[LogRecord], None],
    *,
    selection: Selection = EVERYTHING,
    lost: Callable[[], str] = lambda: "",
    on_state: Callable[[str], None] = lambda state: None,
    warn: Callable[[str], None] = lambda text: None,
    sleep: Callable[[float], None] = time.sleep,
) -> RunResult:
    """Follow a run until it ends.

    Args:
        api: The server.
        watched: The run.
        report: Receives each log record of the run and of its child runs once, as they arrive.
        selection: Which records.
        lost: Says why a run that counts as going on will never end; asked from time to time.
        on_state: Receives the name of each new state but the last one, which is in the result.
        warn: Receives each reason why the run does not start or end, once, and that it starts
            again after it had ended: an alert with ``retry-crashed``, or a person, does that.
        sleep: Waits for some seconds.

    Returns:
        How it ended, also if it failed: `failure` makes an error of the result.
    """
    logs = RunLogs(api, watched.id, watched.name, report, selection)
    blocked = _ObstacleWatch(api, set(watched.warnings), warn, lost)
    states = _States(on_state, warn)
    wait, run = SHORTEST_WAIT, api.run(watched.id)
    while True:
        active = logs.fetch()
        if _ended(run):
            logs.fetch_late(sleep)
            now = api.run(watched.id)
            if _ended(now):
                return _result(api, watched, now)
            states.saw(run)
            run = now
        active = states.saw(run) or active
        wait = SHORTEST_WAIT if active else min(wait * 1.5, LONGEST_WAIT)
        sleep(wait)
        blocked.waited(run, wait)
        run = api.run(watched.id)


def _ended(run: FlowRun) -> bool:
    return run["state"]["type"] in FINAL


class _States:
    """Reports each new state of a run, and that it starts again after it had ended."""

    def __init__(self, on_state: Callable[[str], None], warn: Callable[[str], None]) -> None:
        self._on_state = on_state
        self._warn = warn
        self._last: FlowRun | None = None

    def saw(self, run: FlowRun) -> bool:
        """Note the run as it is now; returns whether its state is a new one."""
        last, self._last = self._last, run
        if last and last["state"]["name"] == run["state"]["name"]:
            return False
        if last and (_ended(last) or _was_set_to_scheduled(last, run)):
            how = f"ended in state {last['state']['name']}, and " if _ended(last) else ""
            message = run["state"].get("message")
            self._warn(f"the run {how}starts again" + (f": {message}" if message else ""))
        self._on_state(run["state"]["name"])
        return True


def _was_set_to_scheduled(before: FlowRun, run: FlowRun) -> bool:
    """Whether a run that was on its way has ended and starts again, between two requests.

    A retry of the flow itself, or the wait for a free slot, has another name.
    """
    scheduled = StateType.SCHEDULED
    return before["state"]["type"] != scheduled and run["state"]["name"] == "Scheduled"


def _result(api: PrefectApi, watched: Watched, run: FlowRun) -> RunResult:
    state = run["state"]
    return RunResult(
        id=run["id"],
        name=run["name"],
        deployment=watched.deployment,
        state_type=StateType(state["type"]),
        state_name=state["name"],
        message=state.get("message") or "",
        url=watched.url,
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
    hint = f"see `flowship logs {result.id}` and {result.url}"
    if result.state_type is StateType.CRASHED:
        log = f"the worker's log {result.worker_log}".rstrip()
        return RunFailedError(
            message,
            code="run-crashed",
            hint=f"the container did not start or crashed: {hint}, and {log}",
            details=result.message,
        )
    if result.state_type is StateType.CANCELLED:
        return RunFailedError(message, code="run-cancelled", hint=hint, details=result.message)
    return RunFailedError(message, hint=hint, details=result.message)


class _ObstacleWatch:
    """Checks from time to time why a run does not start or end, and reports each reason once."""

    def __init__(
        self,
        api: PrefectApi,
        reported: set[str],
        warn: Callable[[str], None],
        lost: Callable[[], str],
    ) -> None:
        self._api = api
        self._reported = reported
        self._warn = warn
        self._lost = lost
        self._seconds = 0.0

    def waited(self, run: FlowRun, seconds: float) -> None:
        """Note that `seconds` passed since the last call; `run` is the run as it was before."""
        self._seconds += seconds
        if self._seconds < CHECK_WAITING_RUN:
            return
        self._seconds = 0.0
        for text in self._reasons(run):
            if text and text not in self._reported:
                self._reported.add(text)
                self._warn(text)

    def _reasons(self, run: FlowRun) -> tuple[str, ...]:
        if run["state"]["type"] in NOT_STARTED:
            return obstacles(self._api, run.get("work_pool_name") or "")
        return (self._lost(),)
