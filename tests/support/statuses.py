"""The status of a made-up project."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from flowship.status.record import (
    DeploymentStatus,
    ImageStatus,
    NextRun,
    PoolStatus,
    ProjectStatus,
    ReleaseStatus,
    RunStatus,
    ScheduleStatus,
    Source,
    WorkerStatus,
)

NOW = datetime(2026, 11, 26, 5, 0, tzinfo=timezone.utc)
DIGEST = "sha256:" + "ab" * 32


def run(state: str = "COMPLETED", ago: timedelta = timedelta(hours=3)) -> RunStatus:
    """A run that ended some time ago, after two minutes."""
    ended = None if state in ("RUNNING", "PENDING") else NOW - ago
    started = None if state == "PENDING" else NOW - ago - timedelta(minutes=2)
    return RunStatus("id", "amber-fox", state, state.title(), started, started, ended, 120.0)


NIGHTLY = DeploymentStatus(
    name="taxi/nightly",
    url="http://127.0.0.1:4200/deployments/deployment/1",
    paused=False,
    schedules=(ScheduleStatus("daily-0500", "every day at 05:00 Europe/Berlin", True),),
    next_run=NextRun(NOW + timedelta(hours=23)),
    runs=(run(ago=timedelta(days=1)), run()),
    late=None,
    waiting=0,
    stuck=(),
    block="taxi-docker",
    image=f"user/de-repo:4f2a9c1b7d3e@{DIGEST}",
    pool="flowship",
)
IMAGE = ImageStatus(NIGHTLY.image, "taxi-docker", True, Source.SAME)
POOL = PoolStatus(
    "flowship",
    exists=True,
    paused=False,
    workers=(WorkerStatus("worker-1", True, NOW - timedelta(seconds=8)),),
    start_command="flowship up",
)
HEALTHY = ProjectStatus(
    project="taxi",
    environment=None,
    api_url="http://127.0.0.1:4200/api",
    checked=NOW,
    release=ReleaseStatus(12, NOW - timedelta(hours=2), "ada@laptop", "ship"),
    lock=None,
    deployments=(NIGHTLY,),
    images=(IMAGE,),
    pools=(POOL,),
    attention=(),
)


def of(deployment: DeploymentStatus, **values: object) -> ProjectStatus:
    """The same project with another deployment."""
    return replace(HEALTHY, deployments=(deployment,), **values)  # type: ignore[arg-type]
