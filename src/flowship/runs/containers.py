"""The container of a run on this machine's engine: found by its label, and how it ended in words.

The docker worker labels each container with the run's ID and gives it the run's name. It removes
the container at the end unless ``auto-remove`` is false, and then only the worker's log has what
the container printed.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from flowship.local import records as local_records
from flowship.runs.states import FINAL, StateType

if TYPE_CHECKING:
    from flowship.engine.client import Engine
    from flowship.engine.inspection import Container
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import FlowRun

RUN_LABEL = "io.prefect.flow-run-id"
NAME_LABEL = "io.prefect.flow-run-name"
FLOW_LABEL = "io.prefect.flow-name"
DEPLOYMENT_LABEL = "io.prefect.deployment-name"
WORKER_LABEL = "io.prefect.worker-name"
KEEP_HINT = (
    "by default, the engine removes the container of a run when it ends: `auto-remove = false` in"
    " [block] keeps those of the next runs, with their output and whether their memory was full"
)
REPORT_SECONDS = 3.0  # that a worker needs to report the end of a container
SIGNALS = 128  # what a shell adds to the number of a signal to make an exit code of it
ABOUT_ZERO = " (of Prefect's own process in it, which went on after the flow's had crashed)"
"""Prefect runs a flow in a process of its own. The first process of the container reports how that
one ended, also if it was killed, and then exits with 0."""

Connect = Callable[[], "Engine"]


@dataclass(frozen=True)
class RunContainer:
    """The container of a run.

    Attributes:
        run: The run's ID.
        run_name: The run's name.
        deployment: ``flow/name``.
        worker: The worker that started it.
        container: As the engine describes it.
    """

    run: str
    run_name: str
    deployment: str
    worker: str
    container: Container

    @property
    def runs(self) -> bool:
        """Whether its processes are alive."""
        return self.container.runs

    @property
    def shell(self) -> str:
        """The command that opens a shell in it."""
        return f"docker exec -it {self.container.name} sh"


def lazy_engine() -> Connect:
    """Connects to this machine's engine when it is first needed, and once."""

    @cache
    def connect() -> Engine:
        from flowship.engine import client

        return client.connect()

    return connect


def of_runs(engine: Engine, *, running: bool = False) -> list[RunContainer]:
    """The containers of all runs on this engine, newest first."""
    from flowship.engine import inspection

    return [_run_container(c) for c in inspection.with_label(engine, RUN_LABEL, running=running)]


def of_run(engine: Engine, run: str) -> RunContainer | None:
    """The newest container of a run, if the engine has one."""
    from flowship.engine import inspection

    found = inspection.with_label(engine, f"{RUN_LABEL}={run}")
    return _run_container(found[0]) if found else None


def _run_container(container: Container) -> RunContainer:
    labels: Mapping[str, str] = container.labels
    names = [labels.get(FLOW_LABEL, ""), labels.get(DEPLOYMENT_LABEL, "")]
    return RunContainer(
        run=labels[RUN_LABEL],
        run_name=labels.get(NAME_LABEL, ""),
        deployment="/".join(name for name in names if name),
        worker=labels.get(WORKER_LABEL, ""),
        container=container,
    )


def in_words(container: Container, *, crashed: bool = False) -> str:
    """What became of a container: ``exited with code 1``.

    Args:
        container: The container.
        crashed: Whether its run has crashed, as Prefect says.
    """
    if container.status == "created":
        return f"did not start: {container.error}" if container.error else "has not started yet"
    if container.runs:
        return "is running" if container.status == "running" else f"is {container.status}"
    if container.out_of_memory:
        limit = memory(container.memory_limit) if container.memory_limit else "its memory limit"
        return f"ran out of memory: a process needed more than {limit} (OOM killed)" + _code(
            container.exit_code, crashed=crashed
        )
    if crashed and container.exit_code == 0:
        return f"exited with code 0{ABOUT_ZERO}"
    return _exit_in_words(container.exit_code)


def _exit_in_words(code: int | None) -> str:
    number = (code or 0) - SIGNALS
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"exited with code {code}"
    if name != "SIGKILL":
        return f"was ended by {name}, exit code {code}"
    return (
        f"was killed by SIGKILL, exit code {code}: not for its memory limit, but by `docker kill`,"
        " a slow stop, or the machine when its own memory was full"
    )


def _code(code: int | None, *, crashed: bool) -> str:
    if code is None:
        return ""
    return f", exit code {code}{ABOUT_ZERO if crashed and code == 0 else ''}"


def memory(size: int) -> str:
    """A number of bytes: ``160 MiB``, ``1.5 GiB``."""
    for unit, length in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= length:
            return f"{size / length:.3g} {unit}"
    return f"{size} B"


# --- runs that will never end --------------------------------------------------------------------


def lost(
    api: PrefectApi,
    run_id: str,
    connect: Connect,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Why a run that counts as going on will never end; empty if nothing is known.

    Prefect relies on the worker, or on the flow itself, to report the end of a container. If both
    are gone, the run is Running for ever.
    """
    reason = _reason(api.run_or_none(run_id), connect)
    if not reason:
        return ""
    sleep(REPORT_SECONDS)
    now = api.run_or_none(run_id)
    if now is None or StateType(now["state"]["type"]) in FINAL:
        return ""
    return (
        f"{now['name']} counts as {now['state']['name']}, but {reason};"
        f" `flowship cancel {run_id}` ends the run"
    )


def _reason(run: FlowRun | None, connect: Connect) -> str:
    from flowship.errors import EngineError

    if run is None or StateType(run["state"]["type"]) in FINAL | {StateType.SCHEDULED}:
        return ""
    try:
        found = of_run(connect(), run["id"])
    except EngineError:
        return ""
    if found is not None:
        dead = not found.runs and found.container.status != "created"
        return f"its container {found.container.name} {in_words(found.container)}" if dead else ""
    worker = worker_of(run)
    if not (run.get("start_time") and is_local(worker)):
        return ""
    return f"its container no longer exists, and its worker {worker} did not report it"


def worker_of(run: FlowRun) -> str:
    """The worker that took a run; empty if none did, or if the server does not say."""
    return str((run.get("labels") or {}).get("prefect.worker.name") or "")


def is_local(worker: str) -> bool:
    """Whether `flowship up` started this worker on this machine."""
    known, _ = local_records.load_all(local_records.state_dir())
    return bool(worker) and worker in {record.worker for record in known}
