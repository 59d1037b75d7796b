"""Runs stages in parallel: each in threads of its own, with results in order.

The queues between the stages are short. A stage that is faster than the next one waits, so only a
few items are in memory, however long the month is.
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
    """An exception of a stage's thread, to be raised in the thread that takes its items."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def background(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """Iterate over `items` in a separate thread, at most `depth` items ahead.

    An exception in `items` is raised here, after the items before it. Closing the generator early
    (for example after an error in a later stage) ends the thread too.
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
        except BaseException as exc:  # noqa: BLE001  # raised again in the thread that takes the items
            ready.put(_Failure(exc))
        finally:
            close = getattr(items, "close", None)  # closes a generator's connection or file
            if close is not None:
                close()

    # In the caller's context, so that Prefect assigns log lines of this thread to the run.
    worker = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    worker.start()
    try:
        while (item := ready.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stopped.set()
        while worker.is_alive():  # a waiting put gets room, and the thread then sees `stopped`
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
    """Apply `function` to each item, several in parallel; yield the results in order.

    At most `workers` + 2 items are started before the first result is taken.
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
