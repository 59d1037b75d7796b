"""The status of a project, as plain values: all that `flowship status` and its `--json` show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Source(str, Enum):
    """How the project's files compare with the image that runs start."""

    SAME = "same"
    EDITED = "edited"
    UNKNOWN = "unknown"
    """There is no valid project here, or no release recorded the files."""


class Problem(str, Enum):
    """Why a run did not happen, or will not."""

    DEPLOYMENT_MISSING = "deployment-missing"
    LATE_RUNS = "late-runs"
    STUCK_RUN = "stuck-run"
    POOL_MISSING = "work-pool-missing"
    POOL_PAUSED = "work-pool-paused"
    NO_WORKER = "no-worker"
    IMAGE_CHANGED = "image-changed"
    NOT_PLANNED = "run-not-planned"


@dataclass(frozen=True)
class Attention:
    """Something that needs a person.

    Attributes:
        problem: Which kind.
        about: The deployment, work pool or image.
        message: In words.
    """

    problem: Problem
    about: str
    message: str


@dataclass(frozen=True)
class ScheduleStatus:
    """One schedule of a deployment; one that is not active is paused.

    Attributes:
        slug: What `--schedule` calls it.
        words: ``every day at 05:00 Europe/Berlin``.
        active: Whether it is not paused.
    """

    slug: str
    words: str
    active: bool


@dataclass(frozen=True)
class AlertStatus:
    """One automation of an alert that is about a deployment.

    Attributes:
        name: What the UI shows.
        enabled: Whether no person has disabled it.
    """

    name: str
    enabled: bool


@dataclass(frozen=True)
class NextRun:
    """The next run of a deployment.

    Attributes:
        at: When it is expected.
        planned: Whether the server has the run, or still has time to plan it since a schedule was
            changed; else only the schedule says so.
        by_schedule: Whether a schedule planned it, not a person.
    """

    at: datetime
    planned: bool = True
    by_schedule: bool = True


@dataclass(frozen=True)
class RunStatus:
    """One run.

    Attributes:
        state_type: Prefect's type, such as "COMPLETED".
        state_name: Prefect's name, such as "Completed" or "TimedOut".
        expected: When it was to start.
        started: When it started; None if it has not.
        ended: When it ended; None if it has not.
        seconds: Its running time, without the time that it waited.
    """

    id: str
    name: str
    state_type: str
    state_name: str
    expected: datetime | None
    started: datetime | None
    ended: datetime | None
    seconds: float


@dataclass(frozen=True)
class StuckRun:
    """A run that does not get on, and why that is likely."""

    id: str
    name: str
    state_name: str
    since: datetime | None
    reason: str


@dataclass(frozen=True)
class LateRuns:
    """Runs whose time has passed and that no worker has taken.

    Attributes:
        count: How many; at most 50 are counted.
        since: When the first of them was to start.
    """

    count: int
    since: datetime


@dataclass(frozen=True)
class DeploymentStatus:
    """One deployment.

    Attributes:
        name: ``flow/deployment``.
        url: Its page.
        paused: Whether it is paused as a whole.
        schedules: All of them, a person's too.
        next_run: None if none is planned.
        runs: The last ten, the newest last.
        late: None if none is late.
        waiting: How many runs wait for others to end, since their number is limited.
        stuck: Runs that do not get on.
        block: The block that names the image; empty if the deployment names it itself.
        image: What its runs start; empty if that is not known.
        pool: The work pool; empty if it has none.
        alerts: The automations that are about it.
    """

    name: str
    url: str
    paused: bool
    schedules: tuple[ScheduleStatus, ...]
    next_run: NextRun | None
    runs: tuple[RunStatus, ...]
    late: LateRuns | None
    waiting: int
    stuck: tuple[StuckRun, ...]
    block: str
    image: str
    pool: str
    alerts: tuple[AlertStatus, ...] = ()


@dataclass(frozen=True)
class Compared:
    """The files of an image, compared with those of a release.

    Attributes:
        source: Whether they are the same.
        changed: Those that differ, were added, or are gone.
    """

    source: Source
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageStatus:
    """An image that runs start.

    Attributes:
        reference: ``user/de-repo:tag@sha256:…``.
        block: The block that names it; empty if deployments name it themselves.
        released: Whether it is the image of the last release; None if that is not known.
        source: How the project's files compare with it.
        changed: The files that differ.
    """

    reference: str
    block: str
    released: bool | None
    source: Source
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class WorkerStatus:
    """A worker of a pool, and when the server last heard of it."""

    name: str
    online: bool
    heard: datetime | None


@dataclass(frozen=True)
class PoolStatus:
    """A work pool.

    Attributes:
        name: Its name.
        exists: Whether the server has it.
        paused: Whether it hands out no runs.
        workers: Those that the server has seen, the one that it heard last first.
        start_command: What starts a worker.
    """

    name: str
    exists: bool
    paused: bool
    workers: tuple[WorkerStatus, ...]
    start_command: str

    @property
    def online(self) -> bool:
        """Whether a worker is online."""
        return any(worker.online for worker in self.workers)


@dataclass(frozen=True)
class ReleaseStatus:
    """The last release; its number is 0 if an earlier version of flowship recorded it."""

    number: int
    created: datetime | None
    who: str
    made_by: str


@dataclass(frozen=True)
class LockStatus:
    """A deploy in progress: who holds the lock, and since when."""

    who: str
    since: str
    expired: bool


@dataclass(frozen=True)
class ProjectStatus:
    """How a project does.

    Attributes:
        project: Its name; None where only a deployment is named.
        environment: Of the configuration; None without one.
        api_url: The server.
        checked: When this was read.
        release: The last one; None if there is none.
        lock: None if no deploy is in progress.
        deployments: In the order of their names.
        images: What their runs start.
        pools: Their work pools.
        attention: What needs a person.
    """

    project: str | None
    environment: str | None
    api_url: str
    checked: datetime
    release: ReleaseStatus | None
    lock: LockStatus | None
    deployments: tuple[DeploymentStatus, ...]
    images: tuple[ImageStatus, ...]
    pools: tuple[PoolStatus, ...]
    attention: tuple[Attention, ...]
