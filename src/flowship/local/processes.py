"""Background processes that outlive the command: start, identify, and stop them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from flowship.local.records import Record, previous_log, writing

STOP_SECONDS = 20.0  # Then the process is killed.


def spawn(
    arguments: list[str], log: Path, environ: Mapping[str, str], folder: Path
) -> subprocess.Popen[bytes]:
    """Start a Prefect command in a session of its own, without a terminal or its Ctrl-C.

    Raises:
        ConfigError: The log cannot be written.
    """
    with writing(log.parent):
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


def identity(pid: int) -> str | None:
    """Return a text that no later process with this pid has; None if the process is not alive."""
    with suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)  # A child that ended is not alive.
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{_boot()} {fields[19]}"  # Ticks since boot.
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
    """Whether the process of this record is alive, not a later one with its pid."""
    return bool(record.identity) and identity(record.pid) == record.identity


def stop(record: Record) -> bool:
    """Stop a process and its children: with SIGTERM, then with SIGKILL.

    Returns:
        False if it was not alive; another process with its pid is left alone.
    """
    if not lives(record):
        return False
    signal_group(record.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while lives(record) and time.monotonic() < deadline:
        time.sleep(0.05)
    # The group exists as long as a child of the process does; until then, no other process
    # gets its number.
    for _ in range(40):
        if not signal_group(record.pid, 0):
            return True
        time.sleep(0.05)
    signal_group(record.pid, signal.SIGKILL)
    while lives(record):
        time.sleep(0.05)
    return True


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether there is such a group."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


@contextmanager
def uninterrupted(*, swallow: bool = False) -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM until the end of the block, so that what it starts is recorded.

    Args:
        swallow: Ignore them instead.

    Raises:
        KeyboardInterrupt: One arrived during the block.
    """
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
