"""What a deploy did and found, as plain values: all that the console and `--json` show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from flowship.deployment.left import Left
from flowship.deployment.parameters import ParameterValue
from flowship.deployment.plan import Kept, Operation


@dataclass(frozen=True)
class Change:
    """One value that was overwritten."""

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
        id: The server's; None for one that does not exist yet.
        outcome: "planned" (in a dry run), "created", "updated", "unchanged", or "kept" (not this
            deploy's to change: given by flag earlier, or added manually).
        source: "configuration", "flag" or "server" (added manually).
        words: ``every day at 05:00 Pacific/Auckland``.
        timezone: IANA name; empty for a schedule that flowship cannot read.
        active: False when this schedule is paused.
        next_runs: The next three, as if not paused; fewer when the schedule ends.
        parameters: What its runs get over the deployment's parameters, secrets masked.
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
    """The Docker Container block.

    Attributes:
        name: The document's name.
        id: The server's; empty in a dry run for one that does not exist yet.
        outcome: "created", "updated" or "unchanged".
        edits: Values on the server that were overwritten, other than flowship's own last image.
        kept: Values that the configuration does not name and that are not defaults.
        url: The block's page.
    """

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
        widened: Whether every field of the block follows it; False for a pool that flowship did
            not create.
        live: The fields that follow the block at each run.
        copied: The fields that were copied with their current values.
        paused: Whether the pool hands out no runs.
        worker_online: Whether a worker sent a heartbeat lately; None where that is not known.
        start_command: What starts one.
        url: The pool's page.
    """

    name: str
    outcome: str
    widened: bool
    live: tuple[str, ...]
    copied: tuple[str, ...]
    paused: bool
    worker_online: bool | None
    start_command: str
    url: str


@dataclass(frozen=True)
class DeploymentReport:
    """One deployment; `changes` are its values that were overwritten."""

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
class AlertReport:
    """One automation of an alert.

    Attributes:
        id: The server's; empty in a dry run for one that does not exist yet.
        name: What the UI shows.
        outcome: "created", "updated" or "unchanged".
        enabled: False for one that a person disabled; it stays so.
        url: Its page.
    """

    id: str
    name: str
    outcome: str
    enabled: bool
    url: str


@dataclass(frozen=True)
class DeployReport:
    """Everything that a deploy, or a dry run of one, has to say.

    Attributes:
        image: What the runs start.
        platform: ``linux/amd64``.
        pushed: Whether a registry has it.
        api_url: The server.
        operations: What was changed; in a dry run, what would be.
        block: The block.
        pool: The work pool.
        deployments: The deployments.
        moved: Other deployments whose next run uses the new image, since they share the block.
        warnings: What deserves a look.
        dry_run: Whether nothing was changed.
        release: The number of the release that recorded it; None if nothing had to be recorded.
        kept: What differs from the configuration and stays.
        left: Deployments that left the configuration and stay.
        alerts: The automations of the alerts.
        origin: What was deployed in place of the configuration; see `DesiredState`.
    """

    image: str
    platform: str
    pushed: bool
    api_url: str
    operations: tuple[Operation, ...]
    block: BlockReport
    pool: PoolReport
    deployments: tuple[DeploymentReport, ...]
    moved: tuple[str, ...]
    warnings: tuple[str, ...]
    dry_run: bool = False
    release: int | None = None
    kept: tuple[Kept, ...] = ()
    left: tuple[Left, ...] = ()
    alerts: tuple[AlertReport, ...] = ()
    origin: str = ""

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values only."""
        operations = [operation.to_json() for operation in self.operations]
        kept, left = [each.to_json() for each in self.kept], [each.to_json() for each in self.left]
        plain = replace(self, operations=(), kept=(), left=())
        document: dict[str, Any] = jsonable(asdict(plain))
        del document["origin"]  # the reasons of the operations say it
        return document | {"operations": operations, "kept": kept, "left": left}


def jsonable(value: Any) -> Any:  # noqa: ANN401 JSON
    """Tuples as lists, all the way down."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value
