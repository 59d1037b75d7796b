"""Replaces the content of a file in one step, so that no one ever sees half of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from flowship.errors import ConfigError


def rewrite(path: Path, text: str) -> None:
    """Replace the content of a file, all of it or nothing; its mode and owner stay.

    A byte order mark stays as well, and a symbolic link still points to the file.
    """
    try:
        target = path.resolve()
        mark = "\ufeff" if target.read_bytes().startswith(b"\xef\xbb\xbf") else ""
        replace(target, (mark + text).encode(), like=target)
    except OSError as exc:
        raise ConfigError(
            f"cannot write the file: {exc.strerror}; no fixes applied",
            code="unwritable-file",
            hint="check the free disk space and the permissions of the folder",
            where=str(path),
        ) from exc


def replace(target: Path, data: bytes, *, like: Path | None = None) -> None:
    """Create a file, or replace all of it.

    Args:
        target: The file; not a link to it.
        data: Its content.
        like: The file whose mode and owner it gets; without one, only its owner can read it, from
            the first moment.

    Raises:
        OSError: It cannot be written. It is then as it was.
    """
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
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _copy_owner(source: Path, target: str) -> None:
    """Keep the owner of the file where the system allows it, as for root in a user's project."""
    status = source.stat()
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):
            os.chown(target, status.st_uid, status.st_gid)
