"""What needs a person: why a run did not happen, or why the next one will not. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from flowship.deployment.pools import no_worker, paused_pool
from flowship.status.record import (
    Attention,
    DeploymentStatus,
    ImageStatus,
    PoolStatus,
    Problem,
)


def of(
    deployments: Collection[DeploymentStatus],
    absent: Sequence[str],
    images: Collection[ImageStatus],
    pools: Collection[PoolStatus],
) -> Iterator[Attention]:
    """What needs a person, the causes first.

    Args:
        deployments: Their status.
        absent: The full names of deployments that the server no longer has.
        images: What their runs start.
        pools: Their work pools.
    """
    for pool in pools:
        yield from _of_pool(pool)
    for name in absent:
        message = f"{name} is no longer on the server: `flowship deploy` creates it again"
        yield Attention(Problem.DEPLOYMENT_MISSING, name, message)
    for deployment in deployments:
        yield from _of_deployment(deployment)
    for image in images:
        if image.released is False:
            message = (
                f"the block {image.block} names another image than the last release:"
                " a deploy did not complete, or it was edited; `flowship plan` shows more"
            )
            yield Attention(Problem.IMAGE_CHANGED, image.block, message)


def _of_pool(pool: PoolStatus) -> Iterator[Attention]:
    if not pool.exists:
        message = f'the work pool "{pool.name}" does not exist: `flowship deploy` creates it'
        yield Attention(Problem.POOL_MISSING, pool.name, message)
        return
    if pool.paused:
        yield Attention(Problem.POOL_PAUSED, pool.name, paused_pool(pool.name))
    if not pool.online:
        message = no_worker(pool.name, pool.start_command)
        yield Attention(Problem.NO_WORKER, pool.name, message)


def _of_deployment(deployment: DeploymentStatus) -> Iterator[Attention]:
    name, late = deployment.name, deployment.late
    if late:
        runs = "run is" if late.count == 1 else "runs are"
        since = late.since.astimezone().strftime("%a %d %b %H:%M")
        message = f"{name}: {late.count} {runs} late, since {since}"
        yield Attention(Problem.LATE_RUNS, name, message)
    for run in deployment.stuck:
        message = f"{name}: {run.name} is probably stuck: {run.reason}"
        yield Attention(Problem.STUCK_RUN, name, message)
    following = deployment.next_run
    if following and not following.planned:
        message = f"{name}: the server has not planned the next run: is its scheduler running?"
        yield Attention(Problem.NOT_PLANNED, name, message)
