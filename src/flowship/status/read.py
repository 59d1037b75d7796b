"""Reads the status of a project from the server, in a number of requests that depends only on the
project's own deployments."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from flowship.deployment import diff_alerts, docker_block, lock, pausing
from flowship.deployment.pools import worker_command
from flowship.deployment.stored import in_order, next_run, words_of
from flowship.local.online import online
from flowship.status import attention, observed, stuck
from flowship.status.record import (
    AlertStatus,
    Compared,
    DeploymentStatus,
    ImageStatus,
    LockStatus,
    NextRun,
    PoolStatus,
    ProjectStatus,
    ReleaseStatus,
    RunStatus,
    ScheduleStatus,
    Source,
    StuckRun,
    WorkerStatus,
)

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Automation, FlowRun, Worker
    from flowship.releases.record import Release
    from flowship.runs.find import FoundDeployment

MOST_HEARTBEATS = 20  # runs whose signs of life are asked for, each with a request
SCHEDULER_TAKES = timedelta(minutes=2)
"""The scheduler of the server looks at its deployments once a minute, and takes some time."""


@dataclass(frozen=True)
class Subject:
    """What the status is of.

    Attributes:
        project: Its name; None where only a deployment is named.
        environment: Of the configuration; None without one.
        deployments: The deployments.
        absent: The full names of those that the last release made and the server no longer has.
        release: The last one.
        block: The block whose name the deploy lock has; empty if it is not known.
        compared: The project's files, compared with the release's; by the name of the image.
        alerts: The owners of the project's alerts, one for each image that has some.
    """

    project: str | None
    environment: str | None
    deployments: Sequence[FoundDeployment]
    absent: Sequence[str] = ()
    release: Release | None = None
    block: str = ""
    compared: Mapping[str, Compared] | None = None
    alerts: Collection[str] = ()


def read(api: PrefectApi, subject: Subject, now: datetime | None = None) -> ProjectStatus:
    """How the deployments of a project do.

    Args:
        api: The server.
        subject: Whose status it is.
        now: The moment of the question.

    Raises:
        ApiError: The API does not answer or refuses.
    """
    now = now or datetime.now(timezone.utc)
    runs = observed.runs(api, [d["id"] for d in subject.deployments], now)
    blocks = _images_of_blocks(api, subject.deployments)
    alerts = [each for owner in subject.alerts for each in api.automations_of(owner)]
    deployments = [
        _deployment(api, each, runs[each["id"]], blocks, alerts, now)
        for each in subject.deployments
    ]
    pools = tuple(_pool(api, name) for name in dict.fromkeys(d.pool for d in deployments if d.pool))
    images = tuple(_images(deployments, subject))
    return ProjectStatus(
        project=subject.project,
        environment=subject.environment,
        api_url=api.url,
        checked=now,
        release=_release(subject.release),
        lock=_lock(api, subject.block),
        deployments=tuple(deployments),
        images=images,
        pools=pools,
        attention=tuple(attention.of(deployments, subject.absent, images, pools)),
    )


# --- deployments ---------------------------------------------------------------------------------


def _deployment(
    api: PrefectApi,
    found: FoundDeployment,
    runs: observed.Runs,
    blocks: Mapping[str, str],
    alerts: Sequence[Automation],
    now: datetime,
) -> DeploymentStatus:
    last = tuple(_run(run, now) for run in reversed(runs.last))
    block = docker_block.block_of(found["job_variables"])
    return DeploymentStatus(
        name=f"{found['flow_name']}/{found['name']}",
        url=api.ui_url(f"deployments/deployment/{found['id']}"),
        paused=found["paused"],
        schedules=tuple(_schedules(found)),
        next_run=_next_run(found, runs.following, now),
        runs=last,
        late=stuck.late(runs.due),
        waiting=stuck.waiting(runs.due),
        stuck=tuple(_stuck(api, runs.active, last, now)),
        block=block,
        image=blocks.get(block, "") if block else str(found["job_variables"].get("image") or ""),
        pool=found["work_pool_name"] or "",
        alerts=tuple(_alerts(found, alerts)),
    )


def _alerts(found: FoundDeployment, alerts: Sequence[Automation]) -> Iterator[AlertStatus]:
    for each in sorted(alerts, key=lambda automation: automation["name"]):
        if found["id"] in diff_alerts.stored_deployments(each):
            yield AlertStatus(each["name"], each["enabled"])


def _schedules(found: FoundDeployment) -> Iterator[ScheduleStatus]:
    for each in in_order(found["schedules"]):
        yield ScheduleStatus(pausing.slug(each), words_of(each), each["active"])


def _run(run: FlowRun, now: datetime) -> RunStatus:
    started, ended = stuck.moment(run["start_time"]), stuck.moment(run["end_time"])
    seconds = float(run.get("total_run_time") or 0)
    if started and not ended:  # the server adds up the time when a run leaves a state
        seconds = max(seconds, (now - started).total_seconds())
    return RunStatus(
        id=run["id"],
        name=run["name"],
        state_type=run["state"]["type"],
        state_name=run["state"]["name"],
        expected=stuck.moment(run["expected_start_time"]),
        started=started,
        ended=ended,
        seconds=round(seconds, 3),
    )


def _next_run(
    found: FoundDeployment, following: Sequence[FlowRun], now: datetime
) -> NextRun | None:
    """The next run that the server has, else the one that a schedule says."""
    for run in following:
        if at := stuck.moment(run["expected_start_time"]):
            return NextRun(at, planned=True, by_schedule=run["auto_scheduled"])
    at = next_run(found, now)
    return NextRun(at, planned=_changed_lately(found, now)) if at else None


def _changed_lately(found: FoundDeployment, now: datetime) -> bool:
    """Whether a schedule is so new that the server's scheduler has not come by since."""
    changed = filter(None, (stuck.moment(each["updated"]) for each in found["schedules"]))
    return any(now - at < SCHEDULER_TAKES for at in changed)


def _stuck(
    api: PrefectApi, active: Sequence[FlowRun], last: Sequence[RunStatus], now: datetime
) -> Iterator[StuckRun]:
    for number, run in enumerate(active):
        asked = run["state"]["type"] == "RUNNING" and number < MOST_HEARTBEATS
        beats = observed.heartbeats(api, run) if asked else []
        if found := stuck.stuck(run, beats, last, now):
            yield found


# --- images --------------------------------------------------------------------------------------


def _images_of_blocks(api: PrefectApi, found: Sequence[FoundDeployment]) -> dict[str, str]:
    """The image that each block names, by the block's name."""
    names = {docker_block.block_of(d["job_variables"]) for d in found} - {""}
    documents = api.block_documents(docker_block.SLUG, sorted(names)) if names else []
    return {each["name"]: str(each["data"].get("image") or "") for each in documents}


def _images(deployments: Collection[DeploymentStatus], subject: Subject) -> Iterator[ImageStatus]:
    released = {i.block: i for i in subject.release.images} if subject.release else {}
    for block, reference in dict.fromkeys((d.block, d.image) for d in deployments if d.image):
        image = released.get(block) if block else None
        compared = (subject.compared or {}).get(image.label) if image else None
        same = docker_block.is_same_image(image.reference, reference) if image else None
        found = compared if compared and same else Compared(Source.UNKNOWN)
        yield ImageStatus(reference, block, same, found.source, found.changed)


# --- everything else -----------------------------------------------------------------------------


def _pool(api: PrefectApi, name: str) -> PoolStatus:
    found = api.work_pool(name)
    seen = api.workers(name) if found else []
    up = {each["name"] for each in online(seen, api.url, name)}
    workers = [_worker(each, online=each["name"] in up) for each in seen]
    workers.sort(key=_last_heard, reverse=True)
    return PoolStatus(
        name=name,
        exists=found is not None,
        paused=bool(found and found["is_paused"]),
        workers=tuple(workers),
        start_command=worker_command(name, found, local=api.is_local),
    )


def _worker(found: Worker, *, online: bool) -> WorkerStatus:
    heard = stuck.moment(found.get("last_heartbeat_time"))
    return WorkerStatus(found["name"], online, heard)


def _last_heard(worker: WorkerStatus) -> datetime:
    return worker.heard or datetime.min.replace(tzinfo=timezone.utc)


def _release(found: Release | None) -> ReleaseStatus | None:
    if found is None:
        return None
    return ReleaseStatus(found.number, found.created, found.who, found.made_by)


def _lock(api: PrefectApi, block: str) -> LockStatus | None:
    found = lock.current(api, block) if block else None
    if found is None:
        return None
    return LockStatus(found.holder.who, found.holder.since, not found.at_work)
