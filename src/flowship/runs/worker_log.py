"""What a container printed, read from the log of the worker that started it.

The worker prints the output of its containers between its own lines, so that the output of runs
at the same time is mixed. It is the only place that keeps the output of a removed container.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flowship.local import records

LARGEST_PART = 8_000_000  # bytes that are read from the end of a log

_RECORD = re.compile(r"\d\d:\d\d:\d\d\.\d{3} \| (?P<level>\w+) *\| (?P<text>.*)")
_OWN = re.compile(r"prefect\.(?:workers\b|flow_runs\.worker\b)")  # the loggers of the worker
_OF_RUN = re.compile(r"Flow run '(?P<name>[^']*)' - ")
_SUBMITTING = re.compile(r"submitting flow run '(?P<id>[^']*)'")


@dataclass(frozen=True)
class WorkerOutput:
    """What a worker's log says about the container of a run.

    Attributes:
        path: The log.
        lines: What the container printed.
        mixed: Whether other runs began in the meantime, so that some lines may be theirs.
    """

    path: str
    lines: tuple[str, ...]
    mixed: bool


def read(api_url: str, pool: str, run_id: str, name: str) -> WorkerOutput | None:
    """What the worker of `flowship up` printed for a run; None if its logs do not have it."""
    record = records.load(records.state_dir(), records.worker_key(api_url, pool))
    if record is None:
        return None
    for path in (Path(record.log), records.previous_log(record.log)):
        found = of_run(_end_of(path).splitlines(), run_id, name)
        if found is not None:
            lines, mixed = found
            return WorkerOutput(str(path), lines, mixed)
    return None


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LARGEST_PART))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def of_run(log: Iterable[str], run_id: str, name: str) -> tuple[tuple[str, ...], bool] | None:
    """The lines of a run's container in a worker's log, and whether others may be among them."""
    log = list(log)
    marks = (f"'{run_id}'", f"'{name}'", f"'{name}-")
    about = [i for i, line in enumerate(log) if any(mark in line for mark in marks)]
    if not about:
        return None
    window = log[about[0] : about[-1] + 1]
    kept: list[str] = []
    traceback = _Traceback(goes_on=False)
    for line in window:
        record = _RECORD.match(line)
        if record:
            own = bool(_OWN.match(record["text"]))
            traceback = _Traceback(goes_on=own and record["level"] in ("ERROR", "CRITICAL"))
            other = _OF_RUN.match(record["text"])
            if own or (other and other["name"] != name):
                continue
        elif traceback.has(line):
            continue
        kept.append(line)
    begun = {found["id"] for line in window if (found := _SUBMITTING.search(line))}
    return tuple(kept), bool(begun - {run_id})


_JOINTS = ("During handling of the above exception", "The above exception was the direct cause")
"""What Python prints between two tracebacks that belong together."""


class _Traceback:
    """The traceback that the worker prints below one of its own errors. What follows its last line
    is a container's again, which may be a traceback too.

    Args:
        goes_on: Whether there may be one.
    """

    def __init__(self, *, goes_on: bool) -> None:
        self._goes_on = goes_on
        self._expects_head, self._expects_end = True, False

    def has(self, line: str) -> bool:
        """Whether the next line is still part of it."""
        if self._goes_on:
            self._goes_on = self._continues(line)
        return self._goes_on

    def _continues(self, line: str) -> bool:
        if line.startswith("Traceback (most recent call last):"):
            continues, self._expects_head, self._expects_end = self._expects_head, False, True
            return continues
        if line.startswith(_JOINTS):
            self._expects_head = True
            return True
        if not line.strip() or line[0].isspace():
            return self._expects_end or not line.strip()
        ends, self._expects_end = self._expects_end, False  # the exception itself
        return ends
