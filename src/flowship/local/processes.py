"""Background processes that outlive the command: started, told apart, stopped, and remembered.

What runs is known by one small record per process in the user's state folder: its pid together
with the moment it started, so that a recycled pid is never taken for ours.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

from flowship.errors import ConfigError
from flowship.events import Phase, Report

STOP_SECONDS = 20.0  # then the process is killed


@dataclass(frozen=True)
class Record:
    """A background process that flowship started, as the state folder remembers it.

    Attributes:
        name: Which of the two.
        pid: Its process, which leads a group of its own.
        identity: From `identity`: tells it from a later process with the same pid.
        url: The API's address.
        log: Where it writes.
        pool: The worker's pool.
        worker: The worker's name.
        schedules: Whether the server was seen to schedule.
    """

    name: Literal["server", "worker"]
    pid: int
    identity: str
    url: str
    log: str
    pool: str | None = None
    worker: str = ""
    schedules: bool = False


def spawn(
    arguments: list[str], log: Path, environ: Mapping[str, str], folder: Path
) -> subprocess.Popen[bytes]:
    """A Prefect command in a session of its own: no terminal, no Ctrl-C reaches it.

    Raises:
        ConfigError: The log cannot be written.
    """
    with _writing(log.parent):
        if log.exists():
            log.replace(previous_log(log))
        output = log.open("wb")
    with output:
        return subprocess.Popen(
            [sys.executable, "-m", "prefect", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environ),
            start_new_session=True,
        )


def previous_log(log: Path | str) -> Path:
    """Where the log of the process before goes: it may say why that one died."""
    return Path(log).with_suffix(".previous.log")


def identity(pid: int) -> str | None:
    """What tells this process from a later one with the same pid; None when it is not alive."""
    with suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)  # a child of ours that ended is not alive
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{_boot()} {fields[19]}"  # ticks since boot
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    ).stdout.split(maxsplit=1)
    return None if len(shown) != 2 or shown[0].startswith("Z") else shown[1].strip()


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def lives(record: Record) -> bool:
    """Whether this very process is alive, and not a later one with its pid."""
    return bool(record.identity) and identity(record.pid) == record.identity


def stop(record: Record) -> bool:
    """End a process and all it started, gently first.

    Returns:
        False when it was not alive; another process with its pid is left alone.
    """
    if not lives(record):
        return False
    signal_group(record.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while lives(record) and time.monotonic() < deadline:
        time.sleep(0.05)
    # The group outlives its leader as long as a child does, and its number is not reused before.
    for _ in range(40):
        if not signal_group(record.pid, 0):
            return True
        time.sleep(0.05)
    signal_group(record.pid, signal.SIGKILL)
    while lives(record):
        time.sleep(0.05)
    return True


def signal_group(group: int, number: int) -> bool:
    """Signal a process and all it started; whether there was any."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


@contextmanager
def uninterrupted(*, swallow: bool = False) -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back until the block is done, so that nothing is started and not
    recorded."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[int] = []
    held = (signal.SIGINT, signal.SIGTERM)
    before = {n: signal.signal(n, lambda number, _: pending.append(number)) for n in held}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    if pending and not swallow:
        raise KeyboardInterrupt


# --- the state folder --------------------------------------------------------------------------


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where records and logs are kept: ``FLOWSHIP_STATE_DIR``, else the XDG state folder."""
    if environ.get("FLOWSHIP_STATE_DIR"):
        return Path(environ["FLOWSHIP_STATE_DIR"]).absolute()
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "flowship"


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Tell what keeps the state folder from being written: its rights, or a full disk."""
    try:
        yield
    except OSError as exc:
        raise ConfigError(
            f"the state folder {folder} cannot be written: {exc}",
            hint="set FLOWSHIP_STATE_DIR to a folder that can",
            where=str(folder),
        ) from exc


@contextmanager
def lock(environ: Mapping[str, str], report: Report) -> Iterator[None]:
    """Let one `up` or `down` work at a time; a second one waits for the first.

    Raises:
        ConfigError: The state folder cannot be written.
    """
    import fcntl  # POSIX only, like this module's work

    folder = state_dir(environ)
    with _writing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(Phase("waiting for another flowship up or down"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def port(url: str) -> int:
    """The port of an address, its scheme's own where it names none."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


_LONGEST_KEY = 255 - len(".previous.log")


def server_key(url: str) -> str:
    """The name that the server at this address is remembered by."""
    return f"server-{port(url)}"


def worker_key(url: str, pool: str) -> str:
    """The name that the worker of this API and pool is remembered by.

    It begins file names, and may not be longer than these; a letter may take nine characters.
    """
    host = urlsplit(url).hostname or ""
    key = f"worker-{quote(host, safe='')}-{port(url)}-{quote(pool, safe='')}"
    if len(key) <= _LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return f"{key[: _LONGEST_KEY - len(digest) - 1]}-{digest}"


def record_path(state: Path, record: Record) -> Path:
    """Where a record is kept."""
    if record.name == "server":
        return state / f"{server_key(record.url)}.json"
    return state / f"{worker_key(record.url, record.pool or '')}.json"


def save(state: Path, record: Record) -> None:
    """Remember a process.

    Raises:
        ConfigError: The state folder cannot be written.
    """
    path = record_path(state, record)
    new = path.with_suffix(".new")
    with _writing(state):
        new.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
        new.replace(path)


def forget(state: Path, record: Record) -> None:
    """Remember a process no longer.

    Raises:
        ConfigError: The state folder cannot be written.
    """
    with _writing(state):
        record_path(state, record).unlink(missing_ok=True)


def load(state: Path, key: str) -> Record | None:
    """What is remembered under this name, if anything that can be relied upon."""
    return _parse(state / f"{key}.json")


def _parse(path: Path) -> Record | None:
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # no record, or none of ours


def records(state: Path) -> tuple[list[Record], list[Path]]:
    """All that is remembered; and the files of which nothing can be told any more."""
    found = {path: _parse(path) for path in sorted(state.glob("*.json"))}
    known = [record for record in found.values() if record is not None]
    return known, [path for path, record in found.items() if record is None]
