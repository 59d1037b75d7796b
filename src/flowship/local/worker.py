"""Find a docker worker for a work pool, or start one on this machine."""

from __future__ import annotations

import hashlib
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from flowship.events import Phase
from flowship.local import failures, processes, records
from flowship.local.online import ONLINE
from flowship.local.services import Service, State, service
from flowship.local.session import Session
from flowship.local.waiting import START_SECONDS, wait_for_start

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Worker


def ensure_worker(session: Session, pool: str) -> Service:
    """Find a worker that is online in `pool`, or start a docker worker.

    Raises:
        ApiError: The worker does not come online.
    """
    from importlib import metadata

    from flowship.prefect import versions
    from flowship.prefect.client import PrefectApi

    session.report(Phase(f'checking for a worker in the work pool "{pool}"'))
    own = worker_name(session.state)
    record = records.load(session.state, records.worker_key(session.url, pool))
    with PrefectApi(session.target) as api:
        known = _workers(api, pool)
        if record is not None and processes.lives(record):
            _wait_until_online(api, record, None, None)
            return service(record, State.RUNNING)
        # A worker with our name is one of ours that has just ended.
        for name, worker in known.items():
            if worker["status"] == ONLINE and name != own:
                return Service("worker", State.EXTERNAL, session.shown, pool, detail=name)
        if record is not None:
            session.warnings.append(failures.died_warning(record))
        warning = versions.worker_warning(metadata.version("prefect"), api.check())
        session.warnings += [warning] if warning else []
        last_heartbeat = known[own]["last_heartbeat_time"] if own in known else None
        record, process = _start(session, pool, own)
        _wait_until_online(api, record, last_heartbeat, process)
    return service(record, State.STARTED)


def worker_name(state: Path) -> str:
    """Return the name of this user's worker here.

    It is always the same, so that the pool's list of workers does not grow.
    """
    digest = hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:6]
    return f"flowship-{socket.gethostname()}-{digest}"


def _start(
    session: Session, pool: str, name: str
) -> tuple[records.Record, subprocess.Popen[bytes]]:
    session.report(Phase(f'starting a docker worker for the work pool "{pool}"'))
    log = session.state / f"{records.worker_key(session.url, pool)}.log"
    arguments = ["worker", "start", "--type", "docker", "--pool", pool, "--name", name]
    return session.start(
        records.Record("worker", 0, "", session.shown, str(log), pool, name),
        [*arguments, "--install-policy", "never"],
    )


def _workers(api: PrefectApi, pool: str) -> dict[str, Worker]:
    if api.work_pool(pool) is None:
        return {}
    return {str(worker["name"]): worker for worker in api.workers(pool)}


def _wait_until_online(
    api: PrefectApi,
    record: records.Record,
    last_heartbeat: str | None,
    process: subprocess.Popen[bytes] | None,
) -> None:
    """Wait until the worker is online, with a heartbeat newer than the last one."""

    def ready() -> Worker | None:
        worker = _workers(api, record.pool or "").get(record.worker)
        online = worker if worker and worker["status"] == ONLINE else None
        return online if online and online["last_heartbeat_time"] != last_heartbeat else None

    wait_for_start(
        ready,
        record,
        process,
        failed=f"the worker did not come online in the work pool {record.pool} within "
        f"{START_SECONDS:.0f} s",
        code="worker-start-timeout",
        hint="the log shows the reason",
    )
