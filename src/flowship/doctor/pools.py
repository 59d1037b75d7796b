"""Checks of work pools and workers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from flowship.deployment.stored import parse_moment
from flowship.doctor import up
from flowship.doctor.result import Finding, error, of_error, ok, skipped, warning
from flowship.doctor.world import World
from flowship.errors import FlowshipError
from flowship.local import records
from flowship.local.online import online as online_workers

if TYPE_CHECKING:
    from flowship.prefect.types import Worker

HEARTBEAT = 30  # seconds between two heartbeats of a worker, unless it says otherwise
MISSED = 2
"""Heartbeats; a worker that missed more of them is suspicious, and offline for the server after
three."""

_NOT_STARTED = "No run starts: scheduled runs wait, and become late."


def work_pool(world: World) -> Finding:
    """Whether the work pools exist, and take what a deployment sends."""
    from flowship.deployment.pools import UP_POOL, pool_of

    outline = world.scope.outline
    configured = {outline.work_pool} if outline else set()
    used = {each["work_pool_name"] for each in world.deployments} - {None}
    names = sorted({str(n) for n in used} | configured) or [UP_POOL]
    world.pools = {name: world.api.work_pool(name) for name in names}
    missing = [name for name, found in world.pools.items() if found is None]
    without = [each["name"] for each in world.deployments if not each["work_pool_name"]]
    if without or set(missing) & used:
        name = missing[0] if missing else names[0]
        return error(
            f'the work pool "{name}" of {", ".join(without) or "a deployment"} does not exist',
            "No run of it starts: nothing looks for them.",
            "`flowship deploy` creates it, then start a worker",
        )
    if len(missing) == len(names):
        return skipped(f'no work pool "{missing[0]}" yet: `flowship deploy` or `up` creates it')
    for name, found in world.pools.items():
        try:
            pool_of(name, found)
        except FlowshipError as exc:
            return of_error(exc, "flowship cannot deploy to it, and no image of it runs there.")
    there = {name: found for name, found in world.pools.items() if found}
    return ok(", ".join(f'"{name}" ({found["type"]})' for name, found in there.items()))


def active(world: World) -> Finding:
    """Whether the work pools are not paused."""
    from flowship.deployment.pools import resume_command

    there = {name: found for name, found in world.pools.items() if found}
    paused = [name for name, found in there.items() if found["is_paused"]]
    if paused:
        return error(
            f'the work pool "{paused[0]}" is paused',
            _NOT_STARTED,
            f"`{resume_command(paused[0])}`, or resume it in the Prefect UI",
        )
    return ok("not paused") if there else skipped("no work pool")


def worker(world: World) -> Finding:
    """Whether a worker of the right type is online in each pool, and was heard lately."""
    there = {name: found for name, found in world.pools.items() if found}
    if not there:
        return skipped("no work pool")
    findings = [_of_pool(world, name, found["type"]) for name, found in there.items()]
    order = ("error", "warning", "ok")
    return min(findings, key=lambda each: order.index(each.severity.value))


def _of_pool(world: World, pool: str, kind: str) -> Finding:
    from flowship.deployment.pools import worker_command

    now = world.api.clock() or datetime.now(timezone.utc)
    workers = world.api.workers(pool)
    own = up.process(world, records.worker_key(world.api.url, pool))
    online = online_workers(workers, world.api.url, pool, world.environ)
    command = worker_command(pool, world.pools[pool], local=world.api.is_local)
    if not online:
        heard = _last_heard(workers, now)
        return error(
            f'no worker is online for the work pool "{pool}"'
            + (f"; the last one was heard {_ago(heard)} ago" if heard else "")
            + (f"; {own.words}" if own else ""),
            _NOT_STARTED,
            own.remedy if own else f"`{command}`",
            own.log_end if own else "",
        )
    fitting = [each for each in online if _type_of(each["name"]) in ("", kind)]
    if not fitting:
        other = _type_of(online[0]["name"])
        return error(
            f'the only worker in the work pool "{pool}" is of type {other}, the pool of {kind}',
            f"It takes the runs, and starts them as {other} does, not from their image.",
            f"stop it, and start one of the right type: `{command}`",
        )
    heard = _last_heard(fitting, now)
    shown = f'{_names(fitting)} in "{pool}"'
    if heard is not None and heard > timedelta(seconds=MISSED * _interval(fitting)):
        return warning(
            f"{shown} was last heard {_ago(heard)} ago",
            "It misses heartbeats: it hangs, is suspended, or cannot reach the server.",
            "look at the worker's log, and restart it if it does not come back",
        )
    return ok(f"{shown}, heard {_ago(heard)} ago" if heard is not None else shown)


def _names(workers: Sequence[Worker]) -> str:
    more = f" and {len(workers) - 1} more" if len(workers) > 1 else ""
    return f"{workers[0]['name']}{more}"


def _interval(workers: Sequence[Worker]) -> int:
    return max(int(each.get("heartbeat_interval_seconds") or HEARTBEAT) for each in workers)


def _last_heard(workers: Sequence[Worker], now: datetime) -> timedelta | None:
    """How long ago the one that was heard last was heard."""
    beats = [parse_moment(b) for each in workers if (b := each["last_heartbeat_time"])]
    return max(timedelta(), now - max(beats)) if beats else None


def _type_of(name: str) -> str:
    """The type of a worker that has Prefect's default name, ``ProcessWorker 1f2e…``; else empty."""
    found = re.fullmatch(r"([A-Z][A-Za-z]+)Worker [0-9a-f-]{36}", name)
    return re.sub(r"(?<!^)(?=[A-Z])", "-", found[1]).lower() if found else ""


def _ago(time: timedelta) -> str:
    seconds = time.total_seconds()
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
