"""What a deploy did and found, as plain values: the console and `--json` draw from these alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from flowship.deployment.parameters import ParameterValue, all_masked
from flowship.deployment.schedules import ScheduleSpec, parse
from flowship.errors import FlowshipError

NEXT_RUNS = 3


@dataclass(frozen=True)
class Change:
    """One value that was written over."""

    field: str
    was: Any
    now: Any


@dataclass(frozen=True)
class NextRun:
    """A moment as ISO 8601, in the schedule's timezone and in UTC."""

    local: str
    utc: str


@dataclass(frozen=True)
class ScheduleReport:
    """One schedule of a deployment.

    Attributes:
        id: The server's; None in a dry run.
        outcome: "planned", "created", "updated", "unchanged", or "kept" (not this deploy's to
            change: given by flag earlier, or added by a person).
        source: "configuration", "flag" or "server" (added by a person).
        words: ``every day at 05:00 Pacific/Auckland``.
        timezone: IANA name.
        active: False when this schedule is paused.
        next_runs: The next three, as if not paused; fewer when the schedule ends.
        parameters: What its runs get over the deployment's parameters.
    """

    id: str | None
    outcome: str
    source: str
    words: str
    timezone: str
    active: bool
    next_runs: tuple[NextRun, ...]
    parameters: dict[str, Any]


@dataclass(frozen=True)
class BlockReport:
    """The Docker Container block. `edits` are values on the server that were written over,
    other than flowship's own last image; `kept` are values there that the configuration does
    not name and that are no defaults; `outcome` is created, updated or unchanged."""

    name: str
    id: str
    outcome: str
    edits: tuple[Change, ...]
    kept: dict[str, Any]
    url: str


@dataclass(frozen=True)
class PoolReport:
    """The work pool and its workers.

    Attributes:
        name: The pool's name.
        outcome: "created" or "found".
        widened: Whether every field of the block follows it; False for a pool of somebody else.
        live: The fields that follow the block at each run.
        copied: The fields taken over as they are now.
        paused: Whether the pool hands out no runs.
        worker_online: Whether a worker has just been heard of.
        start_command: What starts one.
        url: The pool's page.
    """

    name: str
    outcome: str
    widened: bool
    live: tuple[str, ...]
    copied: tuple[str, ...]
    paused: bool
    worker_online: bool
    start_command: str
    url: str


@dataclass(frozen=True)
class DeploymentReport:
    """One deployment; `changes` are its values that were written over."""

    id: str
    name: str
    flow_name: str
    outcome: str
    paused: bool
    schedules: tuple[ScheduleReport, ...]
    removed_schedules: tuple[str, ...]
    parameters: tuple[ParameterValue, ...]
    changes: tuple[Change, ...]
    url: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class DeployReport:
    """Everything that a deploy tells. `moved` names other deployments whose next run uses the
    new image because they share the block."""

    image: str
    platform: str
    pushed: bool
    api_url: str
    block: BlockReport
    pool: PoolReport
    deployments: tuple[DeploymentReport, ...]
    moved: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values only."""
        document: dict[str, Any] = jsonable(asdict(self))
        return document


def jsonable(value: Any) -> Any:  # noqa: ANN401 JSON
    """Tuples as lists, all the way down."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value


def schedule_report(
    schedule: ScheduleSpec,
    now: datetime,
    *,
    outcome: str,
    source: str,
    stored: Mapping[str, Any] | None = None,
    schema: Mapping[str, Any] | None = None,
) -> ScheduleReport:
    """Tell a schedule; `stored` is how the server has it, once it has, and `schema` the flow's
    parameters', which says what must not be shown."""
    stored = stored or {}
    anchor = (stored.get("schedule") or {}).get("anchor_date")
    if anchor:
        moments = schedule.next_runs(now, NEXT_RUNS, anchor=parse_moment(anchor))
    else:  # an interval begins with its deployment: at this very moment nothing runs yet
        moments = schedule.next_runs(now + timedelta(seconds=1), NEXT_RUNS, anchor=now)
    return ScheduleReport(
        id=stored.get("id"),
        outcome=outcome,
        source=source,
        words=schedule.words,
        timezone=schedule.timezone,
        active=bool(stored.get("active", True)),
        next_runs=tuple(
            NextRun(
                m.isoformat(timespec="seconds"),
                m.astimezone(timezone.utc).isoformat(timespec="seconds"),
            )
            for m in moments
        ),
        parameters=all_masked(schedule.parameters, schema),
    )


def parse_moment(text: str) -> datetime:
    """An ISO 8601 moment of the API."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def stored_schedule(stored: Mapping[str, Any]) -> ScheduleSpec | None:
    """A schedule of the server as ours; None for one that we could not have written."""
    body = stored.get("schedule") or {}
    try:
        return parse(
            cron=body.get("cron"),
            interval=body.get("interval"),
            rrule=body.get("rrule"),
            timezone=body.get("timezone") or None,
            day_or=body.get("day_or", True),
            parameters=stored.get("parameters"),
        )
    except FlowshipError:
        return None
