"""Which workers of a pool are online: as the server says, and as this machine knows better.

A process that was killed says nothing to anyone: for up to a minute and a half, the server calls
its worker online. The record of `flowship up` says which of its workers have ended.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flowship.local import processes, records

if TYPE_CHECKING:
    from flowship.prefect.types import Worker

ONLINE = "ONLINE"
"""Prefect's status of a worker with recent heartbeats."""


def online(
    workers: Sequence[Worker], api_url: str, pool: str, environ: Mapping[str, str] = os.environ
) -> list[Worker]:
    """The workers that are online; sends no request.

    Args:
        workers: Those of the pool, as the server has them.
        api_url: The server.
        pool: The work pool.
        environ: The environment variables.
    """
    ended = ended_worker(api_url, pool, environ)
    return [each for each in workers if each.get("status") == ONLINE and each["name"] != ended]


def ended_worker(api_url: str, pool: str, environ: Mapping[str, str] = os.environ) -> str:
    """The name of the worker that `flowship up` started here for a pool, if its process has ended;
    empty if it lives, or if `up` started none."""
    record = records.load(records.state_dir(environ), records.worker_key(api_url, pool))
    return record.worker if record and not processes.lives(record) else ""
