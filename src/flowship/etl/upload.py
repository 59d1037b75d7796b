"""Sending a file on while it is still being written.

A month is written row group by row group; what is on the disk already is sent while the rest
arrives, so that after the last trip only the last piece is left to send.
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
"""Bytes that are sent at a time and held in memory; Google wants a multiple of 256 KiB."""

LOOK = 0.05  # seconds between two looks at whether the file has grown


class AbandonedError(Exception):
    """The file will never be whole: who reads it must not take what is there for all of it."""


class GrowingFile(io.RawIOBase):
    """A file that is being written, for a reader who takes it for a whole one.

    Reading waits for what is not there yet; a short answer means the end, and comes only after
    `complete`. Its length is not known before that: it cannot be sought from the end.

    Args:
        path: The file; it may not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: io.FileIO | None = None
        self._complete = threading.Event()
        self._abandoned = threading.Event()

    def complete(self) -> None:
        """Nothing more is going to be written."""
        self._complete.set()

    def abandon(self) -> None:
        """The file will never be whole; after `complete` this comes too late."""
        self._abandoned.set()

    def reaches(self, size: int) -> bool:
        """Wait until there are `size` bytes; False when the file ends before that.

        Raises:
            AbandonedError: It never ends.
        """
        while True:
            ended = self._ended()
            if self._path.exists() and self._path.stat().st_size >= size:
                return True
            if ended:
                return False
            time.sleep(LOOK)

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes; fewer only at the end.

        Raises:
            AbandonedError: There is no end.
        """
        if size < 0:
            raise io.UnsupportedOperation("this file is read in pieces")
        if self._file is None:
            self._file = io.FileIO(self._path)
        pieces: list[bytes] = []
        while size:
            ended = self._ended()  # asked before reading: then an empty answer is the end
            piece = self._file.read(size)
            if piece:
                pieces.append(piece)
                size -= len(piece)
            elif ended:
                break
            else:
                time.sleep(LOOK)
        return b"".join(pieces)

    def _ended(self) -> bool:
        if self._complete.is_set():
            return True
        if self._abandoned.is_set():
            raise AbandonedError(f"{self._path.name} was not finished")
        return False

    def tell(self) -> int:
        """How much was read."""
        return self._file.tell() if self._file else 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go back to what was read before: a piece that did not arrive is sent again."""
        if whence != io.SEEK_SET or self._file is None:
            raise io.UnsupportedOperation("a file that grows has no end to seek from")
        return self._file.seek(offset)

    def readable(self) -> bool:
        """It can be read."""
        return True

    def close(self) -> None:
        """Close it; the file itself stays."""
        if self._file is not None:
            self._file.close()
        super().close()


class Upload:
    """Sends a file in a thread of its own from the moment it is worth a piece.

    Use it as a context manager around the writing: who leaves it without `finish` abandons the
    upload, and the destination keeps what it had.

    Args:
        path: The file that is being written.
        send: Sends a file object to its end, in pieces of `PIECE` bytes; whatever it raises
            means that nothing arrived.
    """

    def __init__(self, path: Path, send: Callable[[BinaryIO], object]) -> None:
        self._file = GrowingFile(path)
        self._send = send
        self._arrived = False
        # In the caller's context: what Prefect knows of the run, the block may ask for.
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
        """Say that the file is whole, and wait for its end to arrive.

        Returns:
            Whether it is there. If not, nothing is: it was too small to begin, or the sending
            failed; the whole file may be sent again.
        """
        self._file.complete()
        self._thread.join()
        return self._arrived

    def _work(self) -> None:
        with self._file:
            try:
                if self._file.reaches(PIECE):
                    self._send(cast(BinaryIO, self._file))
                    self._arrived = True
            except Exception:  # noqa: BLE001  # the second try, from the whole file, tells why
                self._arrived = False
