"""stdout and stderr that do not stop the work when they can no longer be written."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, TextIO, cast

from flowship.errors import UsageError


class ResilientStream:
    """stdout or stderr; ignores writes after the reader has left or the disk is full.

    Attributes:
        lost: Why the stream can no longer be written; None while it can.
    """

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream: IO[str] = stream or io.StringIO()
        self._closed = stream is None  # by the shell: `>&-`
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write `text`, or ignore it if that is no longer possible."""
        if self._closed:
            self.lost = OSError(errno.EBADF, "it is closed")
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Write what is buffered."""
        self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        if self.lost:
            return
        try:
            act()
        except OSError as exc:
            self.lost = exc
            # Python flushes the stream's buffer again at exit, which must not fail then.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of the stream
        return getattr(self._stream, name)


@contextmanager
def resilient_streams() -> Iterator[None]:
    """Make sure that no command stops because a stream is lost.

    Raises:
        UsageError: At the end, if the result was not written to stdout. It is not an error if
            the reader has left, as `head` does.
    """
    stdout = ResilientStream(sys.stdout)
    sys.stdout = cast("TextIO", stdout)
    sys.stderr = cast("TextIO", ResilientStream(sys.stderr))
    yield
    stdout.flush()
    if stdout.lost and not isinstance(stdout.lost, BrokenPipeError):
        raise UsageError(
            f"cannot write the result to stdout: {stdout.lost.strerror}",
            code="stdout-failed",
            hint="the command finished; only its result could not be printed",
            where="stdout",
        )
