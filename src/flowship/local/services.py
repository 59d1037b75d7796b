"""The two processes of the local stack as `up` and `down` report them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal

from flowship.local.records import Record
from flowship.redaction import mask_addresses


class State(str, Enum):
    """What `up` or `down` found or did."""

    STARTED = "started"
    RUNNING = "already running"  # Started by an earlier `up`.
    EXTERNAL = "external"  # Running, and not started by flowship.
    STOPPED = "stopped"
    NOT_RUNNING = "not running"


class SchedulerState(str, Enum):
    """What is known about the server's scheduler."""

    RUNNING = "running"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Service:
    """One of the two processes.

    Attributes:
        name: ``server`` or ``worker``.
        state: What was found or done.
        address: The API's address, which for a worker is the one it works for.
        pool: The worker's pool.
        pid: The process, None if flowship did not start it.
        log: Its log file, None if flowship did not start it.
        detail: The server's version, or the worker's name.
    """

    name: Literal["server", "worker"]
    state: State
    address: str
    pool: str | None = None
    pid: int | None = None
    log: Path | None = None
    detail: str = ""


def service(record: Record, state: State, detail: str = "") -> Service:
    """Return the service of a process that flowship started."""
    return Service(
        name=record.name,
        state=state,
        address=mask_addresses(record.url),  # Records of early versions contain the login.
        pool=record.pool,
        pid=record.pid,
        log=Path(record.log),
        detail=detail or record.worker,
    )
