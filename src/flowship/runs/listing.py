"""The runs that are going on and their containers on this machine's engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flowship.prefect.client import PrefectApi
from flowship.runs.chosen import ChosenRun, described, going_on
from flowship.runs.containers import Connect, RunContainer, in_words, is_local
from flowship.runs.find import FoundDeployment
from flowship.runs.states import NOT_STARTED, StateType

if TYPE_CHECKING:
    from flowship.engine.inspection import Usage

PROJECT_LABEL = "io.flowship.project"  # of an image that flowship built, and of its containers


@dataclass(frozen=True)
class RunRow:
    """A run, its container on this engine, or both.

    Attributes:
        run: The run; None if the server does not know it, or does not answer.
        container: Its container, if this engine has one.
        usage: What the container uses while it runs.
        place: Where its container is, if it is not here: in words.
    """

    run: ChosenRun | None
    container: RunContainer | None = None
    usage: Usage | None = None
    place: str = ""

    @property
    def id(self) -> str:
        """The run's ID."""
        return self.run.id if self.run else self.container.run if self.container else ""

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run.name if self.run else self.container.run_name if self.container else ""

    @property
    def deployment(self) -> str:
        """``flow/name`` of its deployment."""
        if self.run:
            return self.run.deployment
        return self.container.deployment if self.container else ""

    @property
    def message(self) -> str:
        """What became of the container; empty if this engine has none."""
        if self.container is None:
            return ""
        crashed = self.run is not None and self.run.state_type is StateType.CRASHED
        return in_words(self.container.container, crashed=crashed)

    def to_json(self) -> dict[str, Any]:
        """As JSON values only."""
        state = self.run.state_name if self.run else ""
        head = {"id": self.id, "name": self.name, "deployment": self.deployment, "state": state}
        started = self.run.started if self.run else ""
        return {**head, "started": started, "place": self.place, "container": self._container()}

    def _container(self) -> dict[str, Any] | None:
        if self.container is None:
            return None
        found = self.container.container
        return {
            "id": found.id,
            "name": found.name,
            "image": found.image,
            "status": found.status,
            "message": self.message,
            "started": found.started,
            "exit_code": found.exit_code,
            "out_of_memory": found.out_of_memory,
            "cpu_percent": self.usage.cpu if self.usage else None,
            "memory": self.usage.memory if self.usage else None,
            "memory_limit": found.memory_limit or None,
            "shell": self.container.shell if found.runs else "",
        }


def rows(
    api: PrefectApi,
    own: Sequence[FoundDeployment] | None,
    containers: Sequence[RunContainer] | None,
) -> list[RunRow]:
    """The runs that are going on, and the containers of this engine.

    Args:
        api: The server.
        own: Only the runs of these deployments; None for all runs, at most 200.
        containers: Those of runs, of any project; None if the engine does not answer.
    """
    here = containers or ()
    ids = [d["id"] for d in own or ()]
    which = {} if own is None else {"deployment_id": {"any_": ids}}
    active = going_on(api, which)
    others = sorted({c.run for c in here} - {run["id"] for run in active})
    known = api.runs({**which, "id": {"any_": others}}) if others else []
    by_run: dict[str, list[RunContainer]] = {}
    for each in here:
        by_run.setdefault(each.run, []).append(each)
    found = [
        row
        for run in described(api, [*active, *known])
        for row in _rows(run, by_run.pop(run.id, []), known_engine=containers is not None)
    ]
    unknown = [each for group in by_run.values() for each in group]
    return found + ([RunRow(None, each) for each in unknown] if own is None else [])


def _rows(
    run: ChosenRun, containers: Sequence[RunContainer], *, known_engine: bool
) -> list[RunRow]:
    if not containers:
        return [RunRow(run, place=_place(run) if known_engine else "unknown")]
    return [RunRow(run, each) for each in containers]


def _place(run: ChosenRun) -> str:
    """Where the container of a run is that this engine does not have."""
    if not run.worker:
        return "none yet: no worker took the run"
    if is_local(run.worker) and run.state_type not in NOT_STARTED:
        return f"gone; `flowship cancel {run.id}` ends the run"
    if is_local(run.worker):
        return f"none yet; the worker {run.worker} took the run"
    return f"none on this engine: the worker {run.worker} of the work pool {run.pool} took the run"


def without_server(containers: Sequence[RunContainer], project: str | None) -> list[RunRow]:
    """The containers alone, where the server does not answer.

    Args:
        containers: From `here`.
        project: Only those of images of this project.
    """
    wanted = (c for c in containers if project in (None, c.container.labels.get(PROJECT_LABEL)))
    return [RunRow(None, each) for each in wanted]


def with_usage(rows: Iterable[RunRow], connect: Connect) -> list[RunRow]:
    """The same rows, with what the running containers use."""
    from flowship.engine import inspection

    rows = list(rows)
    ids = [row.container.container.id for row in rows if row.container and row.container.runs]
    used = inspection.usage(connect(), ids) if ids else {}
    return [
        replace(row, usage=used.get(row.container.container.id)) if row.container else row
        for row in rows
    ]
