"""Which Prefect servers have a SQLite database open, also those that were started by hand.

Linux shows the open files of the user's processes in ``/proc``. Elsewhere, none are found.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
# `prefect server start`, and what it starts with --background.
_SERVER = re.compile(r"\bserver start\b|\bprefect\.server\.api\.server:create_app\b")


class DatabaseUser(NamedTuple):
    """A Prefect server that has a database open; `port` is "" if its command does not name it."""

    pid: int
    port: str

    def __str__(self) -> str:
        port = f" at port {self.port}" if self.port else ""
        return f"a Prefect server{port} (process {self.pid})"


def file_of(database: str) -> Path | None:
    """The file of a database, given as a path or as a SQLite address; None if it does not exist."""
    text = re.sub(r"\Asqlite[^:]*:///", "", database).partition("?")[0]
    path = Path(os.path.realpath(text))
    return path if text and path.is_file() else None


def servers_with(database: str) -> list[DatabaseUser]:
    """The Prefect servers of this user that have `database` open."""
    path = file_of(database)
    return [] if path is None else list(_servers(str(path)))


def _servers(path: str) -> Iterator[DatabaseUser]:
    for process in sorted(_PROC.glob("[0-9]*")):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            command = " ".join(words)
            if _SERVER.search(command) and _has_open(process, path):
                port = re.search(r"--port[= ](\d+)", command)
                yield DatabaseUser(int(process.name), port[1] if port else "")
        except OSError:  # it has ended, or belongs to another user
            continue


def _has_open(process: Path, path: str) -> bool:
    return any(str(opened.readlink()) == path for opened in (process / "fd").iterdir())
