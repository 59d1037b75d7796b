"""The state folder: what flowship knows about the background processes that it started.

Each process has one small record with its pid and the moment it started, so that flowship never
takes a later process with the same pid for its own.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, cast
from urllib.parse import quote, urlsplit

from flowship.errors import ConfigError
from flowship.events import Phase, Report


@dataclass(frozen=True)
class Record:
    """A background process that flowship started.

    Attributes:
        name: Which of the two processes it is.
        pid: The process, which leads a process group of its own.
        identity: From `processes.identity`; a later process with the same pid has another one.
        url: The API's address.
        log: The log file.
        pool: The worker's pool.
        worker: The worker's name.
        schedules: Whether the server's scheduler was seen to work.
        database: The server's database; empty if it is not known.
    """

    name: Literal["server", "worker"]
    pid: int
    identity: str
    url: str
    log: str
    pool: str | None = None
    worker: str = ""
    schedules: bool = False
    database: str = ""


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of records and logs: ``FLOWSHIP_STATE_DIR``, else the XDG state folder."""
    if environ.get("FLOWSHIP_STATE_DIR"):
        return Path(environ["FLOWSHIP_STATE_DIR"]).absolute()
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "flowship"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Translate the errors of writing to the state folder, such as a full disk.

    Raises:
        ConfigError: The block raised an OSError.
    """
    try:
        yield
    except OSError as exc:
        raise ConfigError(
            f"cannot write to the state folder {folder}: {exc}",
            code="state-folder-unwritable",
            hint="free space on its disk, or set FLOWSHIP_STATE_DIR to a folder on another disk"
            if exc.errno in (errno.ENOSPC, errno.EDQUOT)
            else "set FLOWSHIP_STATE_DIR to a writable folder",
            where=str(folder),
        ) from exc


@contextmanager
def lock(environ: Mapping[str, str], report: Report) -> Iterator[None]:
    """Let only one `up` or `down` run at a time; another one waits.

    Raises:
        ConfigError: The state folder cannot be written.
    """
    import fcntl  # Only on POSIX, where `up` and `down` work.

    folder = state_dir(environ)
    with writing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(Phase("waiting for another flowship up or down"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


# --- file names --------------------------------------------------------------------------------

_LARGEST_FILE = 64_000  # bytes; a record has less than one thousand
_LONGEST_KEY = 255 - len(".previous.log")


def port(url: str) -> int:
    """Return the port of an address, or its scheme's default port."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def server_key(url: str) -> str:
    """Return the base name of the files of the server at this address."""
    return f"server-{port(url)}"


def worker_key(url: str, pool: str) -> str:
    """Return the base name of the files of the worker for this API and pool.

    It must fit in a file name; quoting can make nine characters of one.
    """
    host = urlsplit(url).hostname or ""
    key = f"worker-{quote(host, safe='')}-{port(url)}-{quote(pool, safe='')}"
    if len(key) <= _LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return f"{key[: _LONGEST_KEY - len(digest) - 1]}-{digest}"


def previous_log(log: Path | str) -> Path:
    """Return where the log of the process before is kept; it may say why that one died."""
    return Path(log).with_suffix(".previous.log")


def record_path(state: Path, record: Record) -> Path:
    """Return the file of a record."""
    if record.name == "server":
        return state / f"{server_key(record.url)}.json"
    return state / f"{worker_key(record.url, record.pool or '')}.json"


# --- records -----------------------------------------------------------------------------------


def save(state: Path, record: Record) -> None:
    """Write a record.

    Raises:
        ConfigError: The state folder cannot be written.
    """
    path = record_path(state, record)
    new = path.with_suffix(".new")
    with writing(state):
        new.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
        new.replace(path)


def remove(state: Path, record: Record) -> None:
    """Remove a record, if there is one.

    Raises:
        ConfigError: The state folder cannot be written.
    """
    with writing(state):
        record_path(state, record).unlink(missing_ok=True)


def load(state: Path, key: str) -> Record | None:
    """Return the record with this base name; None if it is missing or damaged."""
    return _parse(state / f"{key}.json")


def load_all(state: Path) -> tuple[list[Record], list[Path]]:
    """Return all records, and the files that are damaged or not records of ours."""
    found = {path: _parse(path) for path in sorted(state.glob("*.json"))}
    known = [record for record in found.values() if record is not None]
    return known, [path for path, record in found.items() if record is None]


def read_json(path: Path) -> object:
    """Return the value in a small JSON file; None if it is missing, damaged or not a file."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            return None
        return cast("object", json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return None


def _parse(path: Path) -> Record | None:
    """Return the record in a file, without the fields that only a later flowship has."""
    found = read_json(path)
    if not isinstance(found, dict):
        return None
    values = {field.name: found[field.name] for field in fields(Record) if field.name in found}
    try:
        record = Record(**values)
        own = _is_valid(record) and record_path(path.parent, record) == path
    except (TypeError, ValueError):  # a field is missing, or the address has no valid port
        return None
    return record if own else None


def _is_valid(record: Record) -> bool:
    texts = (record.identity, record.url, record.log, record.pool or "", record.worker,
             record.database)  # fmt: skip
    return (
        record.name in ("server", "worker")
        and type(record.pid) is int
        and 0 < record.pid < 2**31
        and all(isinstance(text, str) and "\0" not in text for text in texts)
        and isinstance(record.schedules, bool)
    )
