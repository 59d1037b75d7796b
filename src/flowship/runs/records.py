"""The log records of a run, its child runs and its task runs, each reported once."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flowship.deployment.stored import parse_moment
from flowship.prefect.client import PrefectApi
from flowship.prefect.types import Log

LATE_LOGS_WAIT = 1.0  # seconds between two requests for logs after the run has ended
QUIET_REQUESTS = 3  # requests without new logs after which the logs count as complete
LATE_LOGS_REQUESTS = 15  # requests for late logs, at most
NAME_REQUESTS = 4  # requests for the name of a task run, which may arrive after its logs
OVERLAP = timedelta(seconds=30)  # logs arrive in batches, and an older one may arrive later


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


class RunLogs:
    """The log records of a run, its child runs and their task runs, each reported once."""

    def __init__(
        self, api: PrefectApi, run_id: str, name: str, report: Callable[[LogRecord], None]
    ) -> None:
        self._api = api
        self._report = report
        self._names = {run_id: name}
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
