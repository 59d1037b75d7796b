"""The server of `flowship up` at an address of this machine: whether its process lives."""

from __future__ import annotations

import os
from collections.abc import Mapping

from flowship.local import processes, records


def own_server(url: str, environ: Mapping[str, str] = os.environ) -> bool | None:
    """Whether the server of `flowship up` at an address lives, also while it starts and does not
    listen yet; None if `up` started none there. Sends no request.

    Args:
        url: An address of this machine.
        environ: The environment variables.
    """
    record = records.load(records.state_dir(environ), records.server_key(url))
    return None if record is None else processes.lives(record)
