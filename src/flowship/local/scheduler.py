"""Check that a Prefect server's scheduler creates runs.

A server can respond to every request and still create no scheduled run.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from flowship.errors import ApiError
from flowship.events import Phase
from flowship.local import failures, processes, records
from flowship.local.services import SchedulerState, Service
from flowship.local.session import Session
from flowship.prefect.address import is_loopback

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Flow

WAIT_SECONDS = 90.0  # The scheduler looks for changed deployments every 5 s, at all every 60 s.
CHECK_FLOW = "flowship-scheduler-check"
"""The start of the name of the flow and deployment that the check creates and deletes."""

RECENT = timedelta(minutes=10)


def check_scheduler(session: Session, server: Service) -> SchedulerState:
    """Wait until the scheduler creates a run, if it did not create one recently.

    If there is no recent run, create a deployment that is scheduled for tomorrow, wait for its
    runs, and delete it all. Nothing is written to a server on another machine.

    Raises:
        ApiError: The scheduler creates no run.
    """
    from flowship.prefect.client import PrefectApi  # Imports httpx, which `down` does not need.

    record = records.load(session.state, records.server_key(session.url)) if server.pid else None
    if record is not None and record.schedules:
        return SchedulerState.RUNNING
    session.report(Phase("checking the scheduler"))
    now = datetime.now(timezone.utc)
    with PrefectApi(session.target) as api:
        seen = has_scheduled_since(api, now - RECENT)
        if not seen and not is_loopback(session.url):
            return SchedulerState.NOT_CHECKED
        if not seen and not _schedules_a_deployment(api, now, server.log):
            raise _not_scheduling(server.log)
    if record is not None:
        records.save(session.state, replace(record, schedules=True))
    return SchedulerState.RUNNING


def _not_scheduling(log: Path | None) -> ApiError:
    message = "the Prefect server responds, but its scheduler does not create runs"
    hint = "check the server's log, and install the package versions that flowship requires"
    if log is None:
        return ApiError(message, code="scheduler-not-running", hint=hint)
    reason, hint = failures.explain(log, hint)
    return ApiError(
        message + reason,
        code="scheduler-not-running",
        hint=hint,
        where=str(log),
        details=failures.end(log),
    )


def failure_in_log(url: str, environ: Mapping[str, str]) -> ApiError | None:
    """What the log of the server that `up` started here says about its scheduler; None if it
    says nothing, or if `up` did not start the server at this address."""
    state = records.state_dir(environ)
    record = records.load(state, records.server_key(url))
    if record is None or not processes.lives(record):
        return None
    log = Path(record.log)
    return _not_scheduling(log) if failures.SCHEDULER_BROKEN in failures.tail(log) else None


def has_scheduled_since(api: PrefectApi, since: datetime) -> bool:
    """Whether the scheduler created a run after `since`."""
    runs = api.scheduled_runs()
    return any(r.get("auto_scheduled") and _time(r.get("created")) > since for r in runs)


def _time(text: object) -> datetime:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return datetime.min.replace(tzinfo=timezone.utc)


def _schedules_a_deployment(api: PrefectApi, now: datetime, log: Path | None) -> bool:
    """Whether a deployment created for this check gets runs; it is deleted in any case."""
    for old in leftovers(api, now):
        api.delete_flow(old["id"])
    name = f"{CHECK_FLOW}-{uuid4().hex[:8]}"
    try:
        flow = api.create_flow(name)
        tomorrow = (now + timedelta(days=1)).isoformat()
        schedule = {"interval": 86_400, "anchor_date": tomorrow, "timezone": "UTC"}
        deployment = api.create_deployment(
            {"name": name, "flow_id": flow["id"], "schedules": [{"schedule": schedule}]}
        )
        return _gets_runs(api, deployment["id"], log)
    finally:
        with processes.uninterrupted():
            remove(api, name)


def _gets_runs(api: PrefectApi, deployment_id: str, log: Path | None) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if api.runs_of(deployment_id):
            return True
        if log is not None and failures.SCHEDULER_BROKEN in failures.tail(log):
            return False
        time.sleep(0.5)
    return False


def leftovers(api: PrefectApi, now: datetime) -> list[Flow]:
    """The flows of checks that were killed before they could delete them."""
    found = api.flows_like(CHECK_FLOW)
    return [each for each in found if _time(each.get("created")) < now - RECENT]


def remove(api: PrefectApi, name: str) -> None:
    """Delete a check's flow, deployment, and runs."""
    flow = next(iter(api.flows_named([name])), None)
    if flow is None:
        return
    deployment = api.deployment_by_name(name, name)
    if deployment is not None:
        runs = api.runs_of(deployment["id"])
        api.delete_deployment(deployment["id"])
        # The scheduler may have created runs until the deployment was gone.
        for run in [*runs, *api.runs_of(deployment["id"])]:
            api.delete_run(run["id"])
    api.delete_flow(flow["id"])
