"""Finds the run that a command is about: by its ID, by its name, or as the last of a deployment."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any
from uuid import UUID

from flowship.errors import UsageError
from flowship.prefect.client import PrefectApi
from flowship.prefect.types import FlowRun
from flowship.runs.containers import worker_of
from flowship.runs.find import FoundDeployment
from flowship.runs.states import ACTIVE, FINAL, NOT_STARTED, StateType

ARGUMENT = "RUN | DEPLOYMENT"  # as the help shows it: either may be wrong
BEGINNING = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,27}")  # of an ID, as `flowship ps` prints it
CLOCKS = timedelta(minutes=1)  # by which this machine's clock may be behind the server's
NOT_FOUND = ("deployment-not-found", "project-unknown")
SHOWN_RUNS = 5  # of several that a text may mean


class Which(Enum):
    """Which run of a deployment is meant."""

    LATEST = "latest"  # one that is going on, else the last one
    FAILED = "failed"  # the last one that failed or crashed
    GOING_ON = "going on"  # the only one that has not ended


@dataclass(frozen=True)
class ChosenRun:
    """A run with the name of its deployment, as it was when it was found.

    Attributes:
        deployment: ``flow/name``; the flow's name for a run without a deployment.
        message: The message of its state.
        pool: Its work pool; empty if it has none.
        worker: The worker that took it; empty if none did, or if the server does not say.
        started: When it started, in ISO 8601; empty if it has not.
        ended: The same for its end.
        warnings: What keeps it from starting; not asked for yet.
    """

    id: str
    name: str
    deployment: str
    url: str
    state_type: StateType
    state_name: str
    message: str = ""
    pool: str = ""
    worker: str = ""
    started: str = ""
    ended: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether it has ended, as the server says."""
        return self.state_type in FINAL

    def to_json(self) -> dict[str, Any]:
        """As JSON values only."""
        return {
            "id": self.id,
            "name": self.name,
            "deployment": self.deployment,
            "state_type": self.state_type.value,
            "state_name": self.state_name,
            "message": self.message,
            "url": self.url,
        }


def choose(
    api: PrefectApi,
    text: str | None,
    *,
    deployment: Callable[[], FoundDeployment],
    own: Callable[[], Sequence[FoundDeployment]],
    which: Which = Which.LATEST,
) -> ChosenRun:
    """Find the run that a user means.

    Args:
        api: The server.
        text: The ID of a run, the first digits of one, the name of a run, or a deployment, whose
            name comes before that of a run; None for a run of the project.
        deployment: Finds the deployment that `text` names, else the project's only one.
        own: The deployments of the project, whose runs come before those of others.
        which: The run of a deployment.

    Raises:
        UsageError: There is no such run, or there are several.
    """
    if text is None:
        return _of(api, deployment(), which)
    if run_id := _as_id(text):
        run = api.run_or_none(run_id)
        if run is None:
            raise UsageError(f"no run {run_id} at {api.url}", code="run-not-found", where="RUN")
        return described(api, [run])[0]
    try:
        found = deployment()
    except UsageError as exc:
        if "/" in text or exc.code not in NOT_FOUND:
            exc.where = exc.where and ARGUMENT
            raise
        return _named(api, text, own(), exc)
    return _of(api, found, which)


def _as_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def _named(
    api: PrefectApi, text: str, own: Sequence[FoundDeployment], not_found: UsageError
) -> ChosenRun:
    """The newest run with this name, or the run whose ID begins with it."""
    runs = _preferred(api.runs({"name": {"any_": [text]}}), own)[:1]
    if not runs and BEGINNING.fullmatch(text.lower()):
        ours = {"deployment_id": {"any_": [d["id"] for d in own]}} if own else {}
        candidates = [
            *api.runs({**ours, "expected_start_time": {"before_": _now()}}),
            *api.runs({**ours, "state": {"type": {"any_": ["SCHEDULED"]}}},
                      sort="EXPECTED_START_TIME_ASC"),
        ]  # fmt: skip
        runs = [run for run in candidates if run["id"].startswith(text.lower())]
        runs = list({run["id"]: run for run in runs}.values())
    if not runs:
        raise UsageError(
            f'no run and no deployment "{text}" at {api.url}',
            code="run-not-found",
            hint=not_found.hint,
            where=ARGUMENT,
        )
    if len(runs) > 1:
        raise _several(
            described(api, runs), f'{len(runs)} runs have an ID that begins with "{text}"'
        )
    return described(api, runs)[0]


def _preferred(runs: Sequence[FlowRun], own: Sequence[FoundDeployment]) -> list[FlowRun]:
    """The runs of the project, if there are any, else all."""
    ids = {d["id"] for d in own}
    return [run for run in runs if run.get("deployment_id") in ids] or list(runs)


def _of(api: PrefectApi, deployment: FoundDeployment, which: Which) -> ChosenRun:
    name = f"{deployment['flow_name']}/{deployment['name']}"
    mine = {"deployment_id": {"any_": [deployment["id"]]}}
    if which is Which.FAILED:
        state = {"type": {"any_": [StateType.FAILED.value, StateType.CRASHED.value]}}
        runs = api.runs({**mine, "state": state}, sort="END_TIME_DESC", limit=1)
        problem = f"no run of {name} has failed"
    else:
        runs = going_on(api, mine)
        problem = f"no run of {name} is going on"
    if which is Which.LATEST and not runs:
        state = {"type": {"any_": sorted(state.value for state in FINAL)}}
        runs = api.runs({**mine, "state": state}, sort="END_TIME_DESC", limit=1)
        problem = f"{name} has not run yet"
    if not runs:
        hint = f"`flowship run {name}` starts one" if which is Which.LATEST else ""
        raise UsageError(problem, code="run-not-found", hint=hint, where="RUN")
    if which is Which.GOING_ON and len(runs) > 1:
        raise _several(described(api, runs), f"{len(runs)} runs of {name} are going on")
    return described(api, runs[:1])[0]


def _several(runs: Sequence[ChosenRun], message: str) -> UsageError:
    names = ", ".join(f"{run.id} ({run.name}, {run.state_name})" for run in runs[:SHOWN_RUNS])
    more = ", …" if len(runs) > SHOWN_RUNS else ""
    return UsageError(
        message, code="run-ambiguous", hint=f"choose one of: {names}{more}", where="RUN"
    )


def going_on(api: PrefectApi, which: dict[str, Any]) -> list[FlowRun]:
    """The runs that have not ended and whose time has come, newest first; at most 200.

    Args:
        api: The server.
        which: Part of Prefect's ``flow_runs`` filter.
    """
    state = {"type": {"any_": sorted(s.value for s in ACTIVE | NOT_STARTED)}}
    return api.runs({**which, "state": state, "expected_start_time": {"before_": _now()}})


def _now() -> str:
    return (datetime.now(timezone.utc) + CLOCKS).isoformat()


def described(api: PrefectApi, runs: Sequence[FlowRun]) -> list[ChosenRun]:
    """Runs with the names of their deployments."""
    ids = {run.get("deployment_id") or "" for run in runs} - {""}
    deployments = {d["id"]: d["name"] for d in api.deployments_by_id(sorted(ids))}
    flows = {f["id"]: f["name"] for f in api.flows_by_id(sorted({r["flow_id"] for r in runs}))}
    found = []
    for run in runs:
        flow = flows.get(run["flow_id"], "")
        name = deployments.get(run.get("deployment_id") or "")
        found.append(_chosen(api, run, f"{flow}/{name}" if name else flow))
    return found


def _chosen(api: PrefectApi, run: FlowRun, deployment: str) -> ChosenRun:
    state = run["state"]
    return ChosenRun(
        id=run["id"],
        name=run["name"],
        deployment=deployment,
        url=api.ui_url(f"runs/flow-run/{run['id']}"),
        state_type=StateType(state["type"]),
        state_name=state["name"],
        message=state.get("message") or "",
        pool=run.get("work_pool_name") or "",
        worker=worker_of(run),
        started=run.get("start_time") or "",
        ended=run.get("end_time") or "",
    )
