"""The log records of a run, its child runs and its task runs, each reported once."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from flowship.deployment.stored import parse_moment
from flowship.prefect.client import PrefectApi
from flowship.prefect.types import Log
from flowship.prefect.wire import PAGE

LATE_LOGS_WAIT = 1.0  # seconds between two requests for logs after the run has ended
QUIET_REQUESTS = 3  # requests without new logs after which the logs count as complete
LATE_LOGS_REQUESTS = 15  # requests for late logs, at most
NAME_REQUESTS = 4  # requests for the name of a task run, which may arrive after its logs
OVERLAP = timedelta(seconds=30)  # logs arrive in batches, and an older one may arrive later
LATE_OVERLAP = timedelta(minutes=5)  # the same, after the run has ended


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
class Selection:
    """Which records are wanted.

    Attributes:
        level: The lowest level, as Python's number.
        since: The first moment.
        tail: Only this number of records, the newest ones.
        pattern: What their message contains.
    """

    level: int = 0
    since: datetime | None = None
    tail: int | None = None
    pattern: re.Pattern[str] | None = None

    def matches(self, text: str) -> bool:
        """Whether a message contains the pattern."""
        return self.pattern is None or bool(self.pattern.search(text))


EVERYTHING = Selection()


class _Family:
    """A run, its child runs and their task runs, by ID."""

    def __init__(self, api: PrefectApi, run_id: str, name: str) -> None:
        self._api = api
        self.names = {run_id: name}
        self.tasks: dict[str, str] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """The run and its child runs."""
        return tuple(self.names)

    def find_children(self) -> bool:
        """Look for child runs of the known runs; returns whether there are new ones."""
        known = len(self.names)
        self.names |= {r["id"]: r["name"] for r in self._api.child_runs(self.ids)}
        return len(self.names) > known

    def find_all_children(self) -> None:
        """Look for child runs, their child runs, and so on."""
        while self.find_children():
            pass

    def find_tasks(self, ids: Iterable[str]) -> None:
        """Look for the names of task runs."""
        self.tasks |= {r["id"]: r["name"] for r in self._api.task_runs(list(ids))}

    def record(self, log: Log) -> LogRecord:
        """A record with the name of the run that wrote it."""
        run = self.names.get(log.get("flow_run_id") or "", "")
        return LogRecord(
            log["timestamp"],
            logging.getLevelName(log["level"]),
            self.tasks.get(log.get("task_run_id") or "", run),
            log["message"],
        )


def read(
    api: PrefectApi, run_id: str, name: str, selection: Selection = EVERYTHING
) -> Iterator[LogRecord]:
    """The records that the server has of a run, in order of time.

    They are read page by page; with a tail, only as many as it needs.
    """
    family = _Family(api, run_id, name)
    family.find_all_children()
    if selection.tail is not None:
        logs = iter(_newest(api, family.ids, selection, selection.tail))
    else:
        logs = _selected(api.logs(family.ids, _after(selection), level=selection.level), selection)
    while page := list(islice(logs, PAGE)):
        unknown = {log.get("task_run_id") or "" for log in page} - {"", *family.tasks}
        if unknown:
            family.find_tasks(unknown)
        yield from map(family.record, page)


def _newest(api: PrefectApi, runs: tuple[str, ...], selection: Selection, tail: int) -> list[Log]:
    """The last records, in order of time."""
    page = PAGE if selection.pattern else min(max(tail, 1), PAGE)
    logs = api.logs(runs, _after(selection), level=selection.level, newest_first=True, page=page)
    # Records that arrive in the meantime move the others, so that a page may repeat some.
    found: dict[str, Log] = {}
    for log in _selected(logs, selection) if tail else ():
        found[log["id"]] = log
        if len(found) == tail:
            break
    return list(reversed(found.values()))


def _selected(logs: Iterable[Log], selection: Selection) -> Iterator[Log]:
    return (log for log in logs if selection.matches(log["message"]))


def _after(selection: Selection) -> str | None:
    return selection.since.isoformat() if selection.since else None


class RunLogs:
    """The log records of a run, its child runs and their task runs, each reported once.

    Args:
        api: The server.
        run_id: The run.
        name: Its name.
        report: Receives each record.
        selection: Which records are reported. With a tail, the first `fetch` reports that many.
    """

    def __init__(
        self,
        api: PrefectApi,
        run_id: str,
        name: str,
        report: Callable[[LogRecord], None],
        selection: Selection = EVERYTHING,
    ) -> None:
        self._api = api
        self._report = report
        self._selection = selection
        self._family = _Family(api, run_id, name)
        self._name_requests: Counter[str] = Counter()
        self._reported: set[str] = set()
        self._first = selection.since
        self._latest: datetime | None = None
        self._began = False

    def fetch(self, overlap: timedelta = OVERLAP) -> bool:
        """Report the records that are new.

        Args:
            overlap: How much older than the newest known record a new one may be.

        Returns:
            Whether there were any.
        """
        if self._began:
            self._family.find_children()
            records = self._since(self._latest, overlap)
        else:
            self._began = True
            self._family.find_all_children()
            records = self._beginning()
        new = [record for record in records if record["id"] not in self._reported]
        self._fetch_task_names(new)
        for record in new:
            if self._waits_for_name(record):
                break  # The later records wait too, so that their order stays.
            self._reported.add(record["id"])
            moment = parse_moment(record["timestamp"])
            self._latest = max(self._latest or moment, moment)
            if self._selection.matches(record["message"]):
                self._report(self._family.record(record))
        return bool(new)

    def _beginning(self) -> list[Log]:
        tail = self._selection.tail
        if tail is None:
            return self._since(None, OVERLAP)
        records = _newest(self._api, self._family.ids, self._selection, max(tail, 1))
        if records:  # What is older stays unreported.
            self._first = parse_moment(records[0]["timestamp"])
        if tail:
            return records
        self._reported |= {record["id"] for record in records}
        return []

    def _since(self, latest: datetime | None, overlap: timedelta) -> list[Log]:
        moments = [self._first, latest - overlap if latest else None]
        after = max((moment for moment in moments if moment), default=None)
        text = after.isoformat() if after else None
        return list(self._api.logs(self._family.ids, text, level=self._selection.level))

    def _fetch_task_names(self, records: Iterable[Log]) -> None:
        unknown = {r.get("task_run_id") or "" for r in records} - {"", *self._family.tasks}
        wanted = [task for task in unknown if self._name_requests[task] < NAME_REQUESTS]
        if wanted:
            self._family.find_tasks(wanted)
            self._name_requests.update(wanted)

    def _waits_for_name(self, record: Log) -> bool:
        task = record.get("task_run_id")
        unnamed = task and task not in self._family.tasks
        return bool(unnamed and self._name_requests[task or ""] < NAME_REQUESTS)

    def fetch_late(self, sleep: Callable[[float], None]) -> None:
        """Wait for the records that the container and the worker send after the run has ended."""
        quiet = 0
        for _ in range(LATE_LOGS_REQUESTS):
            quiet = 0 if self.fetch(LATE_OVERLAP) else quiet + 1
            if quiet == QUIET_REQUESTS:
                return
            sleep(LATE_LOGS_WAIT)
