"""The process that owns something which outlives it, such as a container or a lock."""

from __future__ import annotations

import os
from pathlib import Path


def own() -> str:
    """This process, for `has_ended`."""
    return f"{_machine()} {_process(str(os.getpid()))}"


def has_ended(owner: str) -> bool:
    """Whether a process of this machine is gone; False also where that is not known.

    Args:
        owner: From `own`, of this process or of another one.
    """
    machine, _, process = owner.rpartition(" ")
    pid = process.partition("-")[0]
    here = _machine()
    if not (here and machine == here and pid.isdecimal()):
        return False
    found = _process(pid)
    return found != process if found else not _is_alive(int(pid))


def _machine() -> str:
    """This boot of this machine, and the container in it that sees the same process numbers;
    "" if it is unknown, as on macOS."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _process(pid: str) -> str:
    """The process and when it started, which no later process has; "" if it is not alive, or
    belongs to a user whose processes are hidden."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return f"{pid}-{'' if fields[0] in 'ZX' else fields[19]}"


def _is_alive(pid: int) -> bool:
    """Whether there is such a process, also of a user whose processes are hidden."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
