"""Replaces the content of a file that a person owns."""

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
    temporary = None
    try:
        target = path.resolve()
        mark = "\ufeff" if target.read_bytes().startswith(b"\xef\xbb\xbf") else ""
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write((mark + text).encode())
            stream.flush()
            os.fsync(stream.fileno())
        _copy_owner(target, temporary)
        shutil.copymode(target, temporary)
        Path(temporary).replace(target)
    except OSError as exc:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise ConfigError(
            f"cannot write the file: {exc.strerror}; no fixes applied",
            code="unwritable-file",
            hint="check the free disk space and the permissions of the folder",
            where=str(path),
        ) from exc


def _copy_owner(source: Path, target: str) -> None:
    """Keep the owner of the file where the system allows it, as for root in a user's project."""
    status = source.stat()
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):
            os.chown(target, status.st_uid, status.st_gid)
