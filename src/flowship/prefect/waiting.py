"""Says which server a command is waiting for, once it has waited for a while.

A server that accepts connections and never answers looks like a command that hangs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer

SECONDS = 2.0  # that an answer may take before the address is shown

Announce = Callable[[str], None]

_lock = Lock()
_announce: list[Announce] = []
"""What receives the address, until it has received one. Requests are sent from several threads."""


@contextmanager
def announcing(announce: Announce) -> Iterator[None]:
    """During the block, report the first server that takes long to answer.

    Args:
        announce: Receives its address, from another thread, and only once.
    """
    _announce.append(announce)
    try:
        yield
    finally:
        _announce.clear()


@contextmanager
def answer(url: str) -> Iterator[None]:
    """The block waits for an answer of this server.

    Args:
        url: Its address, without a login.
    """
    if not _announce:
        yield
        return
    timer = Timer(SECONDS, _say, [url])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _say(url: str) -> None:
    with _lock:
        announce = _announce.pop() if _announce else None
    if announce:
        announce(url)
