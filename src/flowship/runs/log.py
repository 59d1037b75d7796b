"""The log of a run: Prefect's records, and what its container printed where these are missing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flowship.errors import RunFailedError
from flowship.prefect.client import PrefectApi
from flowship.runs import container_log, records
from flowship.runs.chosen import ChosenRun
from flowship.runs.container_log import ContainerLog
from flowship.runs.containers import Connect, lost
from flowship.runs.records import LogRecord, Selection
from flowship.runs.states import StateType
from flowship.runs.watch import RunResult, failure, watch

CRASH_LINES = 50  # of a container's output, unless --tail says how many


@dataclass(frozen=True)
class Listener:
    """Receives a log while it is read.

    Attributes:
        record: Receives each of Prefect's records.
        container: Receives which container the lines that follow are from.
        line: Receives each line that the container printed.
        warn: Receives why the run does not start or end.
        state: Receives each new state of a run that is followed.
    """

    record: Callable[[LogRecord], None]
    container: Callable[[ContainerLog], None]
    line: Callable[[str], None]
    warn: Callable[[str], None]
    state: Callable[[str], None] = lambda name: None


@dataclass(frozen=True)
class RunLog:
    """What was read.

    Attributes:
        run: The run, in the state that it had at the end.
        records: How many of Prefect's records there were.
        container: What its container printed, if that was read.
        result: How it ended, if it was followed.
    """

    run: ChosenRun
    records: int = 0
    container: ContainerLog | None = None
    result: RunResult | None = None

    @property
    def error(self) -> RunFailedError | None:
        """The failure of a run that was followed."""
        return failure(self.result) if self.result else None

    def to_json(self) -> dict[str, Any]:
        """As JSON values only, without the records."""
        container = self.container.to_json() if self.container else None
        return {"run": self.run.to_json(), "container": container}


def read(
    api: PrefectApi, run: ChosenRun, selection: Selection, connect: Connect, listener: Listener
) -> RunLog:
    """Read what there is now.

    Args:
        api: The server.
        run: The run.
        selection: Which records.
        connect: Connects to this machine's engine; called only if the run crashed, or if it
            counts as going on.
        listener: Receives everything.
    """
    count = 0
    for record in records.read(api, run.id, run.name, selection):
        count += 1
        listener.record(record)
    reason = "" if run.is_final else lost(api, run.id, connect)
    if reason:
        listener.warn(reason)
    nothing = run.is_final and not count and selection == Selection(tail=selection.tail)
    if reason or nothing or run.state_type is StateType.CRASHED:
        return RunLog(run, count, _crash(api, run, selection, connect, listener))
    return RunLog(run, count)


def follow(
    api: PrefectApi,
    run: ChosenRun,
    selection: Selection,
    connect: Connect,
    listener: Listener,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> RunLog:
    """Read what there is now, and go on until the run ends. Arguments as for `read`."""
    count = 0

    def report(record: LogRecord) -> None:
        nonlocal count
        count += 1
        listener.record(record)

    result = watch(
        api,
        run,
        report,
        selection=selection,
        lost=lambda: lost(api, run.id, connect),
        on_state=listener.state,
        warn=listener.warn,
        sleep=sleep,
    )
    ended = replace(
        run,
        state_type=result.state_type,
        state_name=result.state_name,
        message=result.message,
        ended=api.run(run.id).get("end_time") or "",
    )
    crashed = ended.state_type is StateType.CRASHED
    said = _crash(api, ended, selection, connect, listener) if crashed else None
    return RunLog(ended, count, said, result)


def read_container(
    api: PrefectApi, run: ChosenRun, selection: Selection, connect: Connect, listener: Listener
) -> RunLog:
    """Read what the container printed, whatever Prefect has. Arguments as for `read`."""
    said = container_log.read(api, run, connect, selection)
    _report(said, listener)
    return RunLog(run, 0, said)


def _crash(
    api: PrefectApi, run: ChosenRun, selection: Selection, connect: Connect, listener: Listener
) -> ContainerLog:
    """The last lines of a container; all that Prefect's records may have lost."""
    tail = CRASH_LINES if selection.tail is None else selection.tail
    said = container_log.read(api, run, connect, replace(selection, tail=tail, since=None))
    _report(said, listener)
    return said


def _report(said: ContainerLog, listener: Listener) -> None:
    listener.container(said)
    for line in said.read():
        listener.line(line)
