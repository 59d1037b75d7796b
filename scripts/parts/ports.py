"""Free TCP ports for servers that start a few seconds later."""

from __future__ import annotations

import random
import socket

# Below the range of ports that Linux gives to outgoing connections (32768 and above). A port of
# that range could go to some client before the server binds it, most often when tests run in
# parallel.
FIRST, LAST = 20_000, 32_000

ATTEMPTS = 200


def free_port(host: str = "127.0.0.1") -> int:
    """Return a random TCP port of `host` that is free now."""
    for _ in range(ATTEMPTS):
        port = random.SystemRandom().randint(FIRST, LAST)
        if is_free(port, host):
            return port
    raise RuntimeError(f"no free port between {FIRST} and {LAST} on {host}")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could bind `port` of `host` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
