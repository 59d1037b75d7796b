"""The server of `flowship up` at an address of this machine: whether its process lives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum

from flowship.local import processes, records


class OwnServer(Enum):
    """What became of it."""

    NONE = "none"  # `up` started none at this address
    ALIVE = "alive"  # also while it starts, and does not listen yet
    ENDED = "ended"


def own_server(url: str, environ: Mapping[str, str] = os.environ) -> OwnServer:
    """What became of the server of `flowship up` at an address; sends no request.

    Args:
        url: An address of this machine.
        environ: The environment variables.
    """
    record = records.load(records.state_dir(environ), records.server_key(url))
    if record is None:
        return OwnServer.NONE
    return OwnServer.ALIVE if processes.lives(record) else OwnServer.ENDED
