"""Starts a run of a deployment and follows it: its logs as they arrive, and how it ends.

Ctrl-C while a run is watched stops the watching, never the run: `watch` does not catch
KeyboardInterrupt, and `Started.hints` says how to look at the run again or how to cancel it.
"""

from __future__ import annotations

import difflib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from flowship.deployment import docker_block, parameters
from flowship.deployment.description import names_image
from flowship.deployment.parameters import ParameterValue
from flowship.deployment.pools import no_worker, worker_command
from flowship.deployment.report import jsonable
from flowship.deployment.stored import parse_moment
from flowship.deployment.summary import paused_pool
from flowship.errors import RunFailedError, UsageError
from flowship.local import records
from flowship.prefect.client import PrefectApi
from flowship.prefect.command import prefect_command
from flowship.prefect.types import Deployment, FlowRun, Log

if TYPE_CHECKING:
    from flowship.config.settings import Settings

SHOWN_NAMES = 10  # of deployments, where the one asked for does not exist
SHORTEST_WAIT = 0.5  # seconds between two requests while the run is active
LONGEST_WAIT = 3.0  # seconds between two requests while nothing happens
CHECK_WAITING_RUN = 20.0  # seconds after which a run that has not started is checked for obstacles
LATE_LOGS_WAIT = 1.0  # seconds between two requests for logs after the run has ended
QUIET_REQUESTS = 3  # requests without new logs after which the logs count as complete
LATE_LOGS_REQUESTS = 15  # requests for late logs, at most
NAME_REQUESTS = 4  # requests for the name of a task run, which may arrive after its logs
OVERLAP = timedelta(seconds=30)  # logs arrive in batches, and an older one may arrive later


class StateType(str, Enum):
    """The types of state that a Prefect flow run can be in."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"


NOT_STARTED = frozenset({StateType.SCHEDULED, StateType.PENDING})
FINAL = frozenset({StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.CRASHED})


class FoundDeployment(Deployment):
    """A deployment with the name of its flow."""

    flow_name: str


@dataclass(frozen=True)
class LogRecord:
    """One line of a run's log.

    Attributes:
        moment: ISO 8601, UTC.
        level: ``INFO`` and the like.
        run: The name of the run that wrote it, as Prefect shows it: the watched run, one of its
            child runs, or a task run.
        message: The text, which may have several lines.
    """

    moment: str
    level: str
    run: str
    message: str


@dataclass(frozen=True)
class Started:
    """A run that was just started.

    Attributes:
        warnings: What keeps it from running, with the command that helps.
        hints: How to look at it and how to cancel it.
    """

    id: str
    name: str
    deployment: str
    url: str
    parameters: tuple[ParameterValue, ...]
    warnings: tuple[str, ...]
    hints: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values only."""
        document: dict[str, Any] = jsonable(asdict(self))
        return document


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


# --- finding a deployment ------------------------------------------------------------------------


def find(
    api: PrefectApi,
    name: str,
    *,
    project: Callable[[], Settings | None] = lambda: None,
) -> FoundDeployment:
    """Find a deployment by ``flow/deployment`` or by its own name.

    Args:
        api: The server.
        name: As the user gave it, or the name of the project's deployment.
        project: Returns the project's settings; called only if several flows have a deployment
            with this name, to choose the project's own.

    Returns:
        The deployment, with the name of its flow.

    Raises:
        UsageError: No deployment has this name, or several do; the hint lists them.
    """
    flow, slash, bare = name.rpartition("/")
    if slash:
        found = api.deployment_by_name(flow, bare)
        matching = [_with_flow(found, flow)] if found else []
    else:
        matching = _with_name(api, name, project)
    if not matching:
        raise UsageError(
            f'"{name}" not found at {api.url}',
            code="deployment-not-found",
            hint=_suggestion(api, bare),
            where="DEPLOYMENT",
        )
    if len(matching) > 1:
        names = ", ".join(sorted(f"{d['flow_name']}/{name}" for d in matching))
        raise UsageError(
            f'{len(matching)} flows have a deployment "{name}"',
            code="deployment-ambiguous",
            hint=f"choose one of: {names}",
            where="DEPLOYMENT",
        )
    return matching[0]


def _with_name(
    api: PrefectApi, name: str, project: Callable[[], Settings | None]
) -> list[FoundDeployment]:
    found = list(api.deployments([name]))
    settings = project() if len(found) > 1 else None
    if settings:
        found = _own(api, name, found, settings)
    flows = {f["id"]: f["name"] for f in api.flows_by_id(sorted({d["flow_id"] for d in found}))}
    return [_with_flow(d, flows[d["flow_id"]]) for d in found if d["flow_id"] in flows]


def _with_flow(deployment: Deployment, flow: str) -> FoundDeployment:
    return {**deployment, "flow_name": flow}


def _own(
    api: PrefectApi, name: str, found: list[Deployment], settings: Settings
) -> list[Deployment]:
    """The project's own deployments: those with its block, its entrypoint and its latest image.

    A flow that was renamed leaves a deployment behind with the same block and entrypoint, but
    with an older image.
    """
    settings = settings.for_deployment(name)
    block = api.block_document(docker_block.SLUG, settings.block_name)
    image = str(block["data"].get("image") or "") if block else ""
    entrypoint = settings.deployed_entrypoints.get(name, settings.entrypoint)
    rules: tuple[Callable[[Deployment], bool], ...] = (
        lambda d: docker_block.refers_to(d.get("job_variables"), settings.block_name),
        lambda d: d.get("entrypoint") == entrypoint,
        lambda d: bool(image) and names_image(d, image),
    )
    for rule in rules:
        found = [d for d in found if rule(d)] or found
    return found


def _suggestion(api: PrefectApi, name: str) -> str:
    """A similar name, in a number of requests that does not depend on the server's contents."""
    for part in (name[:2], ""):
        names = sorted({d["name"] for d in api.deployments_like(part)})
        if close := difflib.get_close_matches(name, names, n=1):
            return f'did you mean "{close[0]}"?'
    if not names:
        return "the server has no deployments yet: run `flowship deploy`"
    more = ", …" if len(names) > SHOWN_NAMES else ""
    return f"the server has: {', '.join(names[:SHOWN_NAMES])}{more}"


# --- starting a run ------------------------------------------------------------------------------


def start(
    api: PrefectApi, deployment: FoundDeployment, given: Mapping[str, Any] | None = None
) -> Started:
    """Start a run now.

    Args:
        api: The server.
        deployment: From `find`.
        given: Override the deployment's own parameters; text is read as the flow's schema says.

    Raises:
        UsageError: The flow has no such parameter, a value has the wrong type, or a required
            parameter has no value.
    """
    schema = deployment.get("parameter_openapi_schema") or None
    schema = schema if schema and "properties" in schema else None
    chosen = parameters.of_options(schema, given or {})
    everything = {**(deployment.get("parameters") or {}), **chosen}
    parameters.require_all(schema, everything)
    run = api.create_run(deployment["id"], chosen)
    url = api.ui_url(f"runs/flow-run/{run['id']}")
    return Started(
        id=run["id"],
        name=run["name"],
        deployment=f"{deployment['flow_name']}/{deployment['name']}",
        url=url,
        parameters=parameters.table(schema, everything),
        warnings=_obstacles(api, deployment.get("work_pool_name") or ""),
        hints=(f"view: {url}", f"cancel: {prefect_command('flow-run cancel ' + run['id'])}"),
    )


def _obstacles(api: PrefectApi, pool_name: str) -> tuple[str, ...]:
    """What keeps a run in this work pool from starting, with the command that helps."""
    if not pool_name:
        return ()
    warnings = []
    pool = api.work_pool(pool_name)
    if pool and pool.get("is_paused"):
        warnings.append(paused_pool(pool_name))
    if not any(w.get("status") == "ONLINE" for w in api.workers(pool_name)):
        command = worker_command(pool_name, pool, local=api.is_local)
        warnings.append(no_worker(pool_name, command))
    return tuple(warnings)


# --- watching a run ------------------------------------------------------------------------------


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
    logs = _Logs(api, started, report)
    obstacles = _ObstacleWatch(api, set(started.warnings), warn)
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
        obstacles.waited(run, wait)
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
    found = records.load(records.state_dir(), records.worker_key(api.url, pool))
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
        for text in _obstacles(self._api, run.get("work_pool_name") or ""):
            if text not in self._reported:
                self._reported.add(text)
                self._warn(text)


class _Logs:
    """The log records of a run, its child runs and their task runs, each reported once."""

    def __init__(
        self, api: PrefectApi, started: Started, report: Callable[[LogRecord], None]
    ) -> None:
        self._api = api
        self._report = report
        self._names = {started.id: started.name}
        self._tasks: dict[str, str] = {}
        self._name_requests: Counter[str] = Counter()
        self._reported: set[str] = set()
        self._latest: datetime | None = None

    def fetch(self, *, everything: bool = False) -> bool:
        """Report the records that are new.

        Returns:
            Whether there were any.
        """
        self._names |= {r["id"]: r["name"] for r in self._api.child_runs(tuple(self._names))}
        after = None
        if self._latest is not None and not everything:
            after = (self._latest - OVERLAP).isoformat()
        records = self._api.logs(tuple(self._names), after)
        new = [record for record in records if record["id"] not in self._reported]
        self._fetch_task_names(new)
        for record in new:
            if self._waits_for_name(record):
                break  # The later records wait too, so that their order stays.
            self._reported.add(record["id"])
            moment = parse_moment(record["timestamp"])
            self._latest = max(self._latest or moment, moment)
            self._report(self._record(record))
        return bool(new)

    def _fetch_task_names(self, records: Iterable[Log]) -> None:
        unknown = {r.get("task_run_id") or "" for r in records} - {"", *self._tasks}
        wanted = [task for task in unknown if self._name_requests[task] < NAME_REQUESTS]
        if wanted:
            self._tasks |= {r["id"]: r["name"] for r in self._api.task_runs(wanted)}
            self._name_requests.update(wanted)

    def _waits_for_name(self, record: Log) -> bool:
        task = record.get("task_run_id")
        return bool(task and task not in self._tasks and self._name_requests[task] < NAME_REQUESTS)

    def _record(self, record: Log) -> LogRecord:
        run = self._names.get(record.get("flow_run_id") or "", "")
        return LogRecord(
            record["timestamp"],
            logging.getLevelName(record["level"]),
            self._tasks.get(record.get("task_run_id") or "", run),
            record["message"],
        )

    def fetch_late(self, sleep: Callable[[float], None]) -> None:
        """Wait for the records that the container and the worker send after the run has ended."""
        quiet = 0
        for _ in range(LATE_LOGS_REQUESTS):
            quiet = 0 if self.fetch(everything=True) else quiet + 1
            if quiet == QUIET_REQUESTS:
                return
            sleep(LATE_LOGS_WAIT)
