"""Stages that overlap: each runs in threads of its own and hands its results on, in order.

Every queue between two stages is short. A stage that is faster than the next one waits, so
the memory of the whole line is that of a few items, however long the month.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_END = object()


class _Failure:
    """What a stage's thread raised, on its way to the thread that takes its items."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def background(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """Go through `items` in a thread of its own, at most `depth` of them ahead.

    An error in `items` is raised here, after the items before it. Who stops taking items
    early (an error further down the line) ends the thread too.
    """
    ready: queue.Queue[Any] = queue.Queue(depth)
    stopped = threading.Event()

    def work() -> None:
        try:
            for item in items:
                if stopped.is_set():
                    return
                ready.put(item)
            ready.put(_END)
        except BaseException as exc:  # noqa: BLE001  # it is raised again where it matters
            ready.put(_Failure(exc))
        finally:
            close = getattr(items, "close", None)  # a generator's connection or file
            if close is not None:
                close()

    # In the caller's context: what Prefect knows of the run, a log line from there must know too.
    worker = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    worker.start()
    try:
        while (item := ready.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stopped.set()
        while worker.is_alive():  # a put that waits for room gets it, and then sees `stopped`
            _drain(ready)
            worker.join(0.05)


def _drain(ready: queue.Queue[Any]) -> None:
    try:
        while True:
            ready.get_nowait()
    except queue.Empty:
        return


def ordered_map(
    function: Callable[[T], R], items: Iterable[T], workers: int
) -> Generator[R, None, None]:
    """`function` of every item, several at a time, in the items' order.

    At most two items more than there are `workers` are begun before the first is taken.
    """
    begun: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                begun.append(pool.submit(function, item))
                if len(begun) > workers + 1:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
            close = getattr(items, "close", None)
            if close is not None:
                close()
