"""Reads the runs of deployments in few requests, whatever else the server has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flowship.deployment.stored import parse_moment
from flowship.prefect.wire import PAGE
from flowship.runs.states import StateType

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import FlowRun

SHOWN_RUNS = 10  # the last runs of a deployment
COUNTED_LATE = 50
LOOKED_AT = 20  # runs of a deployment that have not ended, the oldest first
LATE_AFTER = timedelta(seconds=30)
"""Prefect's own service marks a run as late after 15 s, in rounds of 5 s."""

PLANNED = ["Scheduled", "Late", "AwaitingConcurrencySlot"]
"""Names of the state of a run that has not started; one that is retried has another one."""
ACTIVE = [s.value for s in (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)]
BEGUN = {
    "operator": "or_",
    "type": {"any_": [state.value for state in StateType if state is not StateType.SCHEDULED]},
    "name": {"any_": ["AwaitingRetry"]},
}


@dataclass(frozen=True)
class Runs:
    """The runs of one deployment.

    Attributes:
        last: Those that have begun or ended, the newest first.
        due: Those whose time has passed and that have not begun, the oldest first.
        following: The next one.
        active: Those that have begun and not ended, the oldest first.
    """

    last: Sequence[FlowRun] = ()
    due: Sequence[FlowRun] = ()
    following: Sequence[FlowRun] = ()
    active: Sequence[FlowRun] = ()


def runs(api: PrefectApi, deployments: Sequence[str], now: datetime) -> dict[str, Runs]:
    """The runs of deployments, by the deployment's id.

    Args:
        api: The server.
        deployments: The ids of the deployments.
        now: The moment that divides what is due from what follows.
    """
    due = (now - LATE_AFTER).isoformat()
    waits = {"type": {"any_": [StateType.SCHEDULED.value]}, "name": {"any_": PLANNED}}
    last = of_each(api, deployments, {"state": BEGUN}, SHOWN_RUNS, newest=True)
    late = {"state": waits, "expected_start_time": {"before_": due}}
    next_one = {"state": waits, "expected_start_time": {"after_": due}}
    overdue = of_each(api, deployments, late, COUNTED_LATE)
    following = of_each(api, deployments, next_one, 1)
    active = of_each(api, deployments, {"state": {"type": {"any_": ACTIVE}}}, LOOKED_AT)
    return {
        each: Runs(last[each], overdue[each], following[each], active[each]) for each in deployments
    }


def of_each(
    api: PrefectApi,
    deployments: Sequence[str],
    which: Mapping[str, Any],
    each: int,
    *,
    newest: bool = False,
) -> dict[str, list[FlowRun]]:
    """The first runs of each deployment that a filter matches.

    One request for all; if its page is full, a deployment that runs every minute may have taken
    the places of others, and those are asked for one by one.

    Args:
        api: The server.
        deployments: The ids of the deployments.
        which: Prefect's ``flow_runs`` filter, without the deployments.
        each: How many runs of each.
        newest: The newest first; else the oldest.
    """
    order = f"EXPECTED_START_TIME_{'DESC' if newest else 'ASC'}"
    if not deployments:
        return {}
    page = api.runs({**which, "deployment_id": {"any_": list(deployments)}}, sort=order)
    found: dict[str, list[FlowRun]] = {deployment: [] for deployment in deployments}
    for run in page:
        found[run["deployment_id"] or ""].append(run)
    for deployment, own in found.items():
        if len(page) == PAGE and len(own) < each:
            only = {**which, "deployment_id": {"any_": [deployment]}}
            found[deployment] = api.runs(only, sort=order, limit=each)
    return {deployment: own[:each] for deployment, own in found.items()}


def heartbeats(api: PrefectApi, run: FlowRun) -> list[datetime]:
    """The last two signs of life of a run, the newest first; none if its Prefect sends none."""
    since = run["start_time"] or run["created"]
    return [parse_moment(event["occurred"]) for event in api.heartbeats(run["id"], since, limit=2)]
