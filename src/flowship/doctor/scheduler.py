"""Check that the server's scheduler plans runs.

A server can answer every request and never fire a schedule. Nothing is written to it: an active
schedule whose next runs are not planned shows as much as a deployment created for the purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from flowship.deployment.stored import parse_moment, stored_schedule
from flowship.doctor.result import Finding, error, ok, skipped
from flowship.doctor.world import World
from flowship.local import scheduler as local
from flowship.prefect.address import is_loopback
from flowship.prefect.command import up_command

if TYPE_CHECKING:
    from flowship.prefect.types import Deployment, FlowRun, Schedule

ROUND = timedelta(seconds=90)
"""The server looks at all schedules every 60 s."""
HORIZON = timedelta(days=90)  # the server plans up to 100 days ahead
ASKED = 5
"""Deployments to ask about: a scheduler that does not run plans for none of them."""

_MEANING = "The server answers, but no scheduled run starts."


def scheduler(world: World) -> Finding:
    """Whether the scheduler plans the runs of active schedules."""
    broken = local.failure_in_log(world.api.url, world.environ) if world.api.is_local else None
    if broken is not None:
        return error(broken.message, _MEANING, broken.hint, broken.details)
    now = world.api.clock() or datetime.now(timezone.utc)
    active = [each for each in world.deployments if any(_settled(each, now))]
    planned = 0
    for deployment in active[:ASKED]:
        runs = world.api.runs(
            {
                "deployment_id": {"any_": [deployment["id"]]},
                "state": {"type": {"any_": ["SCHEDULED"]}},
                "next_scheduled_start_time": {"after_": now.isoformat()},
            },
            sort="NEXT_SCHEDULED_START_TIME_ASC",
        )
        planned += len(runs)
        for schedule in _settled(deployment, now):
            if not _has_run(schedule, runs):
                return _not_planned(world, f"{deployment['flow_name']}/{deployment['name']}")
    if planned:
        return ok("the runs of active schedules are planned")
    if local.has_scheduled_since(world.api, now - local.RECENT):
        return ok("it planned runs within the last 10 minutes")
    return skipped("no active schedule to observe it by")


def _not_planned(world: World, name: str) -> Finding:
    again = f"`{up_command('down')}`, then `{up_command()}`"
    restart = again if is_loopback(world.api.url) else ""
    return error(
        f"{name} has an active schedule, but no run of it is planned",
        _MEANING,
        f"check the server's log, and restart the server{f': {restart}' if restart else ''}",
    )


def _settled(deployment: Deployment, now: datetime) -> Iterator[Schedule]:
    """The active schedules that have a next run, and that the scheduler had the time to see."""
    if deployment["paused"]:
        return
    for schedule in deployment["schedules"]:
        stored = stored_schedule(schedule) if schedule["active"] else None
        changed = max(parse_moment(each["updated"]) for each in (deployment, schedule))
        if stored is None or now - changed < ROUND:
            continue
        if any(run < now + HORIZON for run in stored.next_runs(now, 1)):
            yield schedule


def _has_run(schedule: Schedule, runs: list[FlowRun]) -> bool:
    """Whether one of these runs is of a schedule; older servers do not say of which."""
    makers = {(run.get("created_by") or {}).get("id") for run in runs}
    return schedule["id"] in makers or bool(runs and makers == {None})
