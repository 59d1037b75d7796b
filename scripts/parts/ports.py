"""Free TCP ports for servers that start a few seconds later."""

from __future__ import annotations

import random
import socket

# Below the range that Linux takes the ports of outgoing connections from (from 32768 on), and
# free of the usual servers. A port of that range may become some client's before the server
# that it was meant for binds it, the more so when tests run in parallel.
FIRST, LAST = 20_000, 32_000

ATTEMPTS = 200


def free_port(host: str = "127.0.0.1") -> int:
    """Return a random TCP port of `host` that nobody listens on at this moment."""
    for _ in range(ATTEMPTS):
        port = random.SystemRandom().randint(FIRST, LAST)
        if is_free(port, host):
            return port
    raise RuntimeError(f"no free port between {FIRST} and {LAST} on {host}")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could bind `port` of `host` at this moment."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
