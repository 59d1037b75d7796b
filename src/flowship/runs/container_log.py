"""What the container of a run printed, where Prefect has no records of it.

A container that dies before Prefect starts in it, or together with it, leaves no records: its own
output is all there is. The engine has it as long as the container exists; after that, only the
log of the worker has it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from flowship.errors import EngineError
from flowship.prefect.client import PrefectApi
from flowship.runs import worker_log
from flowship.runs.chosen import ChosenRun
from flowship.runs.containers import KEEP_HINT, Connect, RunContainer, in_words, of_run
from flowship.runs.records import Selection
from flowship.runs.states import StateType
from flowship.runs.worker_log import WorkerOutput

NOT_SUBMITTED = (
    "Failed to submit flow run to infrastructure: ",
    "Flow run could not be submitted to infrastructure:",
)
"""How the message of a crashed run begins that got no container; of Prefect 3, and of its first
versions."""
DOCKER = "docker"  # the type of the work pools whose workers start containers on an engine


class Origin(Enum):
    """Where the output of a container was found."""

    ENGINE = "engine"
    WORKER_LOG = "worker log"
    NOWHERE = "nowhere"


@dataclass(frozen=True)
class ContainerLog:
    """The output of a container.

    Attributes:
        title: Which container, and what became of it; why there is none.
        origin: Where the lines are from.
        lines: What it printed, as far as it was asked for; read while they are used.
        container: The container, if the engine still has it.
        path: The worker's log, if the lines are from there.
        hint: What helps to know more next time.
    """

    title: str
    origin: Origin
    lines: Iterable[str] = ()
    container: RunContainer | None = None
    path: str = ""
    hint: str = ""
    collected: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As JSON values only; with the lines that were read by now."""
        found = self.container.container if self.container else None
        return {
            "name": found.name if found else "",
            "image": found.image if found else "",
            "status": found.status if found else "",
            "exit_code": found.exit_code if found else None,
            "out_of_memory": found.out_of_memory if found else None,
            "message": self.title,
            "hint": self.hint,
            "origin": self.origin.value,
            "worker_log": self.path,
            "lines": self.collected,
        }

    def read(self) -> Iterator[str]:
        """The lines, which `to_json` then has."""
        for line in self.lines:
            self.collected.append(line)
            yield line


def read(api: PrefectApi, run: ChosenRun, connect: Connect, selection: Selection) -> ContainerLog:
    """What the container of a run printed, from the engine or else from the worker's log.

    Args:
        api: The server.
        run: The run.
        connect: Connects to this machine's engine.
        selection: Which lines; containers have no levels.
    """
    problem = ""
    try:
        found = of_run(connect(), run.id)
    except EngineError as exc:
        found, problem = None, exc.message
    if found is not None:
        lines = _from_engine(connect, found, selection)
        crashed = run.state_type is StateType.CRASHED
        title = f"container {found.container.name} {in_words(found.container, crashed=crashed)}"
        return ContainerLog(title, Origin.ENGINE, lines, found)
    if why := _not_submitted(run):
        return ContainerLog(
            f"no container was started: {why}",
            Origin.NOWHERE,
            hint="`flowship doctor` examines the image, the block and the engine, and says what to"
            " do",
        )
    if (logged := worker_log.read(api.url, run.pool, run.id, run.name)) is not None:
        return _from_worker(logged, selection)
    return _nowhere(api, run, problem)


def _not_submitted(run: ChosenRun) -> str:
    """Why the worker could not start a container, in one line; empty if that is not known."""
    for beginning in NOT_SUBMITTED:
        if run.state_type is StateType.CRASHED and run.message.startswith(beginning):
            lines = run.message[len(beginning) :].strip().splitlines()
            return lines[0] if lines else ""
    return ""


def _from_worker(logged: WorkerOutput, selection: Selection) -> ContainerLog:
    if not logged.lines:
        title = (
            "its container was removed before the worker read what it printed: nothing of it is"
            f" in {logged.path}"
        )
        return ContainerLog(title, Origin.NOWHERE, path=logged.path, hint=KEEP_HINT)
    title = f"its container was removed; what it printed is from the worker's log {logged.path}"
    if logged.mixed:
        title += ", where the output of runs at the same time is mixed"
    lines = _matching(logged.lines, selection)
    return ContainerLog(title, Origin.WORKER_LOG, lines, path=logged.path, hint=KEEP_HINT)


def _from_engine(connect: Connect, found: RunContainer, selection: Selection) -> Iterator[str]:
    from flowship.engine import inspection

    tail = None if selection.pattern else selection.tail
    lines = inspection.output(connect(), found.container.id, tail=tail, since=selection.since)
    return _matching(lines, selection)


def _matching(lines: Iterable[str], selection: Selection) -> Iterator[str]:
    matching = (line for line in lines if selection.matches(line))
    return matching if selection.tail is None else iter(deque(matching, maxlen=selection.tail))


def _nowhere(api: PrefectApi, run: ChosenRun, problem: str) -> ContainerLog:
    """Why there is nothing of a container."""
    pool = api.work_pool(run.pool) if run.pool else None
    if pool and pool["type"] != DOCKER:
        title = f'it ran in the work pool "{run.pool}", of type {pool["type"]}'
        hint = "what it printed is in the logs of that platform"
    elif not run.worker:
        title, hint = "no worker took it, so there is no container", ""
    elif problem:
        title = f"its container, which the worker {run.worker} started, is unknown: {problem}"
        hint = "run this command on the machine of the worker"
    else:
        title = (
            f"its container is not on this machine's engine: it was removed, or its worker"
            f" {run.worker} is on another machine"
        )
        hint = KEEP_HINT
    return ContainerLog(title, Origin.NOWHERE, hint=hint)
