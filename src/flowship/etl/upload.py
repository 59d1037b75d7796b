"""Uploads a file while it is still being written.

A month is written row group by row group. The part that is on the disk is sent while the rest
arrives, so that after the last trip only the last piece has to be sent.
"""

from __future__ import annotations

import contextvars
import io
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

PIECE = 8 * 2**20
"""Bytes that are sent at a time and kept in memory; Google requires a multiple of 256 KiB."""

POLL = 0.05  # seconds between two checks whether the file has grown


class AbandonedError(Exception):
    """The file will never be complete, so what was read must not be stored."""


class GrowingFile(io.RawIOBase):
    """A file that is still being written, for a reader that expects a complete one.

    `read` waits for bytes that are not written yet; fewer bytes than requested mean the end, and
    are returned only after `complete`. The length is unknown, so seeking from the end fails.

    Args:
        path: The file, which need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: io.FileIO | None = None
        self._complete = threading.Event()
        self._abandoned = threading.Event()

    def complete(self) -> None:
        """Declare the file complete."""
        self._complete.set()

    def abandon(self) -> None:
        """Declare that the file will never be complete; no effect after `complete`."""
        self._abandoned.set()

    def reaches(self, size: int) -> bool:
        """Wait until the file has `size` bytes; False if it ends before that.

        Raises:
            AbandonedError: The file was abandoned.
        """
        while True:
            ended = self._ended()
            if self._path.exists() and self._path.stat().st_size >= size:
                return True
            if ended:
                return False
            time.sleep(POLL)

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes; fewer only at the end.

        Raises:
            AbandonedError: The file was abandoned.
        """
        if size < 0:
            raise io.UnsupportedOperation("this file can only be read in pieces")
        if self._file is None:
            self._file = io.FileIO(self._path)
        pieces: list[bytes] = []
        while size:
            ended = self._ended()  # checked before reading, so that an empty result is the end
            piece = self._file.read(size)
            if piece:
                pieces.append(piece)
                size -= len(piece)
            elif ended:
                break
            else:
                time.sleep(POLL)
        return b"".join(pieces)

    def _ended(self) -> bool:
        if self._complete.is_set():
            return True
        if self._abandoned.is_set():
            raise AbandonedError(f"{self._path.name} was not finished")
        return False

    def tell(self) -> int:
        """The number of bytes that were read."""
        return self._file.tell() if self._file else 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go back to an earlier position, to send a piece again."""
        if whence != io.SEEK_SET or self._file is None:
            raise io.UnsupportedOperation("the end of a growing file is unknown")
        return self._file.seek(offset)

    def readable(self) -> bool:
        """Always True."""
        return True

    def close(self) -> None:
        """Close the reader; the file itself is not affected."""
        if self._file is not None:
            self._file.close()
        super().close()


class Upload:
    """Sends a file in a separate thread, as soon as it has the size of a piece.

    Use it as a context manager around the code that writes the file. Leaving it without `finish`
    abandons the upload, and the destination does not change.

    Args:
        path: The file that is being written.
        send: Sends a file object up to its end, in pieces of `PIECE` bytes. If it raises an
            exception, nothing was stored.
    """

    def __init__(self, path: Path, send: Callable[[BinaryIO], object]) -> None:
        self._file = GrowingFile(path)
        self._send = send
        self._stored = False
        # In the caller's context, because the block may need the run that Prefect keeps there.
        self._thread = threading.Thread(
            target=contextvars.copy_context().run, args=(self._work,), daemon=True
        )

    def __enter__(self) -> Upload:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.abandon()

    def finish(self) -> bool:
        """Declare the file complete, and wait until it is sent.

        Returns:
            Whether it was stored. If not, the destination has nothing of it: the file was too
            small to start, or sending failed. The complete file can then be sent again.
        """
        self._file.complete()
        self._thread.join()
        return self._stored

    def _work(self) -> None:
        with self._file:
            try:
                if self._file.reaches(PIECE):
                    self._send(cast(BinaryIO, self._file))
                    self._stored = True
            except Exception:  # noqa: BLE001  # sending the complete file again shows the cause
                self._stored = False
