"""Pauses and resumes a deployment, or one of its schedules; a deploy keeps what it finds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from flowship.deployment.stored import next_run, words_of
from flowship.errors import ApiError, UsageError, did_you_mean

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Deployment, Schedule

OWN = "flowship-"
"""How the slugs of flowship's own schedules begin on the server."""


@dataclass(frozen=True)
class PauseChange:
    """What pausing or resuming did.

    Attributes:
        name: ``flow/deployment``.
        schedule: The schedule that was meant; None for the deployment as a whole.
        words: That schedule in English; empty for the deployment.
        paused: Whether it is paused now.
        changed: Whether it was not before.
        deployment_paused: Whether the deployment as a whole is paused now.
        paused_schedules: The schedules of the deployment that are paused on their own.
        next_run: The next run by schedule; None if there is none.
        going_on: The names of runs that have begun and go on.
    """

    name: str
    schedule: str | None
    words: str
    paused: bool
    changed: bool
    deployment_paused: bool
    paused_schedules: tuple[str, ...]
    next_run: datetime | None
    going_on: tuple[str, ...]


def change(
    api: PrefectApi,
    found: Deployment,
    flow: str,
    *,
    paused: bool,
    schedule: str | None = None,
    now: datetime | None = None,
) -> PauseChange:
    """Pause or resume a deployment, or one schedule. Safe to repeat.

    Args:
        api: The server.
        found: The deployment.
        flow: The name of its flow.
        paused: Whether to pause.
        schedule: The slug of the schedule, with or without ``flowship-``; None for the deployment.
        now: The moment from which the next run is counted.

    Raises:
        UsageError: It has no such schedule.
        ApiError: The API does not answer or refuses.
    """
    name = f"{flow}/{found['name']}"
    one = _schedule(found, name, schedule) if schedule is not None else None
    changed = (found["paused"] if one is None else not one["active"]) is not paused
    if changed and one is not None:
        api.set_schedule_active(found["id"], one, active=not paused)
    elif changed or paused:  # also one that is paused: the server then removes runs it has planned
        api.set_deployment_paused(found["id"], paused=paused)
    if changed and not (one is None and paused):
        with suppress(ApiError):  # the server's own rounds come within a minute
            api.schedule_now(found["id"])
    stored = (api.deployment_by_name(flow, found["name"]) or found) if changed else found
    return PauseChange(
        name=name,
        schedule=slug(one) if one else None,
        words=words_of(one) if one else "",
        paused=paused,
        changed=changed,
        deployment_paused=stored["paused"],
        paused_schedules=tuple(slug(s) for s in stored["schedules"] if not s["active"]),
        next_run=next_run(stored, now or datetime.now(timezone.utc)),
        going_on=_going_on(api, found["id"]) if paused else (),
    )


def slug(schedule: Schedule) -> str:
    """What a user calls a schedule: its slug without ``flowship-``, or else its id."""
    return (schedule.get("slug") or schedule["id"]).removeprefix(OWN)


def _schedule(found: Deployment, name: str, wanted: str) -> Schedule:
    known = {slug(each): each for each in found["schedules"]}
    given = known.get(wanted.removeprefix(OWN)) or next(
        (each for each in found["schedules"] if each["id"] == wanted), None
    )
    if given:
        return given
    listed = ", ".join(f"{each} ({words_of(known[each])})" for each in known)
    hint = f"its schedules: {listed}" if known else "it has no schedules"
    raise UsageError(
        f'{name} has no schedule "{wanted}"',
        code="schedule-not-found",
        hint=did_you_mean(wanted, known, hint),
        where="--schedule",
    )


def _going_on(api: PrefectApi, deployment_id: str) -> tuple[str, ...]:
    which: dict[str, Any] = {
        "deployment_id": {"any_": [deployment_id]},
        "state": {"type": {"any_": ["PENDING", "RUNNING"]}},
    }
    return tuple(run["name"] for run in api.runs(which, limit=10))
