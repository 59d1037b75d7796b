"""Starting a deployment's run and watching it: logs as they come, and how it ended.

Ctrl-C while watching stops the watching, never the run: `watch` lets KeyboardInterrupt
through, and `Started.hints` says how to look again or to cancel.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flowship.deploy import start_command
from flowship.deployment import docker_block, parameters
from flowship.deployment.desired import image_version
from flowship.deployment.parameters import ParameterValue, RawValue
from flowship.deployment.report import jsonable
from flowship.deployment.stored import parse_moment
from flowship.deployment.summary import paused_pool
from flowship.errors import RunFailedError, UsageError
from flowship.local import records
from flowship.prefect.client import Json, PrefectApi

if TYPE_CHECKING:
    from flowship.config.settings import Settings

FINAL = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
POLL = (0.5, 3.0)  # seconds between looks: while something happens, and at most
LONG = 20.0  # seconds of waiting after which it is asked why
WAITING = {"SCHEDULED", "PENDING"}
SETTLE = 1.0  # seconds between looks for late logs
SETTLE_LOOKS = 3  # looks that find nothing before the logs count as complete
SETTLE_AT_MOST = 15  # looks
OVERLAP = timedelta(seconds=30)  # logs arrive in batches, the older sometimes later


@dataclass(frozen=True)
class LogRecord:
    """One line of a run's log.

    Attributes:
        moment: ISO 8601, UTC.
        level: ``INFO`` and the like.
        run: The name of the run it belongs to: the one watched, or one that it started.
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
        warnings: What will keep it from running, with the command that helps.
        hints: How to look at it and how to cancel it, for whoever stops watching.
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
        seconds: Its running time, without the time it waited.
        worker_log: Where its pool's worker writes, where `flowship up` started one here.
    """

    id: str
    name: str
    deployment: str
    state_type: str
    state_name: str
    message: str
    url: str
    seconds: float
    worker_log: str = ""

    @property
    def completed(self) -> bool:
        """Whether all went well."""
        return self.state_type == "COMPLETED"

    def to_json(self) -> dict[str, Any]:
        """As JSON values only."""
        return {**asdict(self), "completed": self.completed}


def find(
    api: PrefectApi,
    name: str,
    *,
    project: Callable[[], Settings | None] = lambda: None,
) -> Json:
    """The deployment meant by ``flow/deployment`` or by the bare name of a deployment.

    Args:
        api: The server.
        name: As the user gave it, or the project's own.
        project: The project's settings; asked only where several flows have the name, of which
            the project's own is meant.

    Returns:
        The API's deployment, with ``flow_name`` added.

    Raises:
        UsageError: None has this name, or several flows have one; the message lists them.
    """
    flow, slash, bare = name.rpartition("/")
    if slash:
        found = api.deployment_by_name(flow, bare)
        if found is None:
            raise _none(api, name)
        return {**found, "flow_name": flow}
    matching = list(api.deployments(name))
    if not matching:
        raise _none(api, name)
    if len(matching) > 1:
        matching = _own(api, matching, project())
    named = [{**d, "flow_name": api.flow(d["flow_id"])["name"]} for d in matching]
    if len(named) > 1:
        listed = ", ".join(sorted(f"{d['flow_name']}/{name}" for d in named))
        raise UsageError(
            f'{len(named)} flows have a deployment "{name}"', hint=f"one of: {listed}",
            where="DEPLOYMENT",
        )  # fmt: skip
    return named[0]


def _own(api: PrefectApi, found: list[Json], settings: Settings | None) -> list[Json]:
    """Of several the project's: on its block, with its entrypoint, as it was deployed last.

    A flow that was renamed leaves a deployment behind that has all this but the last.
    """
    if settings is None:
        return found
    block = api.block_document(docker_block.SLUG, settings.block_name)
    image = str((block or {}).get("data", {}).get("image") or "")
    rules: tuple[Callable[[Json], bool], ...] = (
        lambda d: docker_block.refers_to(d.get("job_variables"), settings.block_name),
        lambda d: d.get("entrypoint") == settings.entrypoint,
        lambda d: bool(image) and d.get("version") == image_version(image),
    )
    for rule in rules:
        found = [d for d in found if rule(d)] or found
    return found


def _none(api: PrefectApi, wanted: str) -> UsageError:
    return UsageError(
        f'there is no deployment "{wanted}" at {api.url}', hint=_known(api, wanted),
        where="DEPLOYMENT",
    )  # fmt: skip


def _known(api: PrefectApi, wanted: str = "") -> str:
    names = sorted({d["name"]: None for d in api.deployments()})
    if not names:
        return "nothing is deployed there yet: `flowship deploy`"
    close = parameters._unknown_hint(wanted.rpartition("/")[2], dict.fromkeys(names))
    return close.replace("it takes", "deployed there")


def start(
    api: PrefectApi, deployment: Mapping[str, Any], given: Mapping[str, Any] | None = None
) -> Started:
    """Start a run now.

    Args:
        api: The server.
        deployment: From `find`.
        given: Over the deployment's own parameters; text is read as the flow's schema says.

    Raises:
        UsageError: A parameter that the flow does not take, of the wrong type, or missing.
    """
    schema = deployment.get("parameter_openapi_schema") or None
    schema = schema if schema and "properties" in schema else None
    typed = {k: RawValue(v) if isinstance(v, str) else v for k, v in (given or {}).items()}
    chosen = parameters.resolve(schema, typed, where="--param {}".format, error=UsageError)
    everything = {**(deployment.get("parameters") or {}), **chosen}
    absent = parameters.missing(schema, everything)
    if absent:
        raise UsageError(
            f'the flow requires "{absent[0]}", which has no value',
            hint=f"--param {absent[0]}=…", where="--param",
        )  # fmt: skip
    run = api.create_run(deployment["id"], chosen)
    url = api.ui_url(f"runs/flow-run/{run['id']}")
    return Started(
        id=run["id"],
        name=run["name"],
        deployment=f"{deployment['flow_name']}/{deployment['name']}",
        url=url,
        parameters=parameters.table(schema, everything),
        warnings=_obstacles(api, deployment.get("work_pool_name") or ""),
        hints=(f"look: {url}", f"cancel: prefect flow-run cancel {run['id']}"),
    )


def _obstacles(api: PrefectApi, name: str) -> tuple[str, ...]:
    """Why a run of the work pool of this name would stay scheduled."""
    if not name:
        return ()
    told = []
    pool = api.work_pool(name)
    if pool and pool.get("is_paused"):
        told.append(paused_pool(name))
    if not any(w.get("status") == "ONLINE" for w in api.workers(name)):
        command = start_command(api, name)
        if pool and pool["type"] != "docker":
            command = f'prefect worker start --pool "{name}"'
        told.append(f'no worker is online for the work pool "{name}": start one with `{command}`')
    return tuple(told)


def watch(
    api: PrefectApi,
    started: Started,
    report: Callable[[LogRecord], None],
    *,
    on_state: Callable[[str], None] = lambda state: None,
    warn: Callable[[str], None] = lambda text: None,
    sleep: Callable[[float], None] = time.sleep,
) -> RunResult:
    """Follow a run to its end, telling each log record once.

    Args:
        api: The server.
        started: From `start`.
        report: Told every record of the run and of the runs that it started, as they come.
        on_state: Told each new state's name.
        warn: Told what keeps a run from starting that waits for long, each thing once.
        sleep: How to wait.

    Returns:
        How it ended, also when it failed: `ensure_completed` makes an error of that.
    """
    logs = _Logs(api, started, report)
    wait, state = POLL[0], ""
    waited, told = 0.0, set(started.warnings)
    while True:
        run = api.run(started.id)
        news = logs.look()
        if run["state"]["name"] != state:
            state = run["state"]["name"]
            on_state(state)
            news = True
        if run["state"]["type"] in FINAL:
            break
        wait = POLL[0] if news else min(wait * 1.5, POLL[1])
        sleep(wait)
        waited += wait
        if waited >= LONG and run["state"]["type"] in WAITING:
            waited = 0.0
            for text in _obstacles(api, run.get("work_pool_name") or ""):
                if text not in told:
                    told.add(text)
                    warn(text)
    logs.settle(sleep)
    return _result(api, started, api.run(started.id))


def _result(api: PrefectApi, started: Started, run: Json) -> RunResult:
    state = run["state"]
    return RunResult(
        id=run["id"],
        name=run["name"],
        deployment=started.deployment,
        state_type=state["type"],
        state_name=state["name"],
        message=state.get("message") or "",
        url=started.url,
        seconds=round(float(run.get("total_run_time") or 0), 3),
        worker_log=_worker_log(api, run.get("work_pool_name") or ""),
    )


def _worker_log(api: PrefectApi, pool: str) -> str:
    found = records.load(records.state_dir(), records.worker_key(api.url, pool))
    return found.log if found else ""


def ensure_completed(result: RunResult) -> None:
    """Nothing for a run that completed.

    Raises:
        RunFailedError: It ended otherwise (exit code 8).
    """
    if result.completed:
        return
    hint = f"look at it: {result.url}"
    if result.state_type == "CRASHED":
        log = f"the worker's log {result.worker_log}".rstrip()
        hint = f"the container did not start or died; {log} says why, and {result.url}"
    raise RunFailedError(
        f"the run {result.name} of {result.deployment} ended as {result.state_name}",
        hint=hint,
        details=result.message,
    )


class _Logs:
    """The records of a run and of the runs below it, each told once."""

    def __init__(
        self, api: PrefectApi, started: Started, report: Callable[[LogRecord], None]
    ) -> None:
        self.api = api
        self.report = report
        self.names = {started.id: started.name}
        self.told: set[str] = set()
        self.latest: datetime | None = None

    def look(self, *, everything: bool = False) -> bool:
        """Tell what is new.

        Returns:
            Whether anything was.
        """
        self.names |= {r["id"]: r["name"] for r in self.api.child_runs(tuple(self.names))}
        after = None
        if self.latest is not None and not everything:
            after = (self.latest - OVERLAP).isoformat()
        fresh = [r for r in self.api.logs(tuple(self.names), after) if r["id"] not in self.told]
        for record in fresh:
            self.told.add(record["id"])
            moment = parse_moment(record["timestamp"])
            self.latest = max(self.latest or moment, moment)
            self.report(
                LogRecord(
                    record["timestamp"],
                    logging.getLevelName(record["level"]),
                    self.names.get(record.get("flow_run_id") or "", ""),
                    record["message"],
                )
            )
        return bool(fresh)

    def settle(self, sleep: Callable[[float], None]) -> None:
        """Wait for the logs that arrive after the run's end: the container sends its last ones,
        and the worker its own."""
        quiet = 0
        for _ in range(SETTLE_AT_MOST):
            quiet = 0 if self.look(everything=True) else quiet + 1
            if quiet == SETTLE_LOOKS:
                return
            sleep(SETTLE)
