"""Replaces the content of a file in one step, so that no one ever sees half of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from flowship.errors import ConfigError


def rewrite(path: Path, text: str, *, hint: str, private: bool = False) -> None:
    """Create a file, or replace all of its content.

    Its mode and owner stay, and so do a byte order mark and a symbolic link to the file. Only the
    owner can read a new file.

    Args:
        path: The file; its folder is created if there is none.
        text: Its content.
        hint: What to do if it cannot be written.
        private: Whether only the owner can read the file, whatever its mode was.

    Raises:
        ConfigError: It cannot be written. It is then as it was.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = target.read_bytes() if target.exists() else b""
        mark = "\ufeff" if before.startswith(b"\xef\xbb\xbf") else ""
        like = target if target.exists() and not private else None
        _replace(target, (mark + text).encode(), like)
    except OSError as exc:
        raise ConfigError(
            f"cannot write the file: {exc.strerror or exc}; nothing was written",
            code="unwritable-file",
            hint=hint,
            where=str(path),
        ) from exc


def _replace(target: Path, data: bytes, like: Path | None) -> None:
    """Write next to the file, then put that in its place, with the mode and owner of `like`."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if like:
            _copy_owner(like, temporary)
            shutil.copymode(like, temporary)
        Path(temporary).replace(target)
    except BaseException:  # an interruption too leaves nothing behind
        Path(temporary).unlink(missing_ok=True)
        raise


def _copy_owner(source: Path, target: str) -> None:
    """Keep the owner of the file where the system allows it, as for root in a user's project."""
    status = source.stat()
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):
            os.chown(target, status.st_uid, status.st_gid)
