"""Explain why a server or worker does not start, from the end of its log."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from flowship.errors import ApiError
from flowship.local import installation, processes
from flowship.local.records import Record, previous_log


class KnownFailure(NamedTuple):
    """A reason for a failed start, recognized by a pattern in the log.

    Attributes:
        pattern: What the log contains.
        reason: Why the start failed.
        hint: What to do; empty if it is to install `needs`.
        needs: The requirement that is not met.
    """

    pattern: str
    reason: str
    hint: str = ""
    needs: str = ""


SCHEDULER_BROKEN = "Can't evaluate bulk DML statement"
"""What the server logs if its scheduler cannot work with the installed sqlalchemy."""

KNOWN_FAILURES = (
    KnownFailure(
        r"(?i)No space left on device|database or disk is full|Disk quota exceeded",
        "the disk is full",
        "free space on the disk of PREFECT_HOME (default ~/.prefect) and of the log, then repeat",
    ),
    KnownFailure(  # What SQLite reports if it cannot extend its shared memory file.
        r"(?i)disk I/O error",
        "the disk with the database is full or broken",
        "free space on the disk of PREFECT_HOME (default ~/.prefect), then repeat",
    ),
    KnownFailure(
        r"unexpected keyword argument 'min_items'",
        "this version of Prefect does not work with the installed fastapi (0.155 or later)",
        needs="fastapi<0.151",
    ),
    KnownFailure(
        re.escape(SCHEDULER_BROKEN),
        "the scheduler of this version of Prefect does not work with the installed sqlalchemy "
        "(2.1 or later)",
        needs="sqlalchemy<2.1",
    ),
    KnownFailure(
        r"(?i)address already in use|port \d+ is already in use",
        "the port is in use",
        "run `flowship up --port PORT`",
    ),
    KnownFailure(
        r"(?i)database is locked|Can't locate revision",
        "another server uses the database, or a later version of Prefect created it",
        "stop the other server, or set PREFECT_HOME to another folder",
    ),
    KnownFailure(
        r"unable to open database file|attempt to write a readonly database",
        "the folder PREFECT_HOME (default ~/.prefect) does not exist or is not writable",
        "create the folder, or set PREFECT_HOME to another one",
    ),
    KnownFailure(
        r"(?i)Error while fetching server API version|Cannot connect to the Docker daemon",
        "the worker cannot connect to a container engine",
        "start Docker, and check DOCKER_HOST",
    ),
)


def require_alive(record: Record, process: subprocess.Popen[bytes] | None) -> None:
    """Raise if a process that is starting has ended.

    Args:
        record: The process.
        process: The same, if this command started it.

    Raises:
        ApiError: It has ended; the error shows the end of its log.
    """
    if process.poll() is None if process is not None else processes.lives(record):
        return
    code = f" (exit code {process.returncode})" if process is not None else ""
    message = f"the Prefect {record.name} exited during startup{code}"
    log = Path(record.log)
    reason, hint = explain(log, "the log shows the reason")
    if record.name == "server":
        raise ApiError(
            message + reason,
            code="server-start-failed",
            hint=hint,
            where=str(log),
            details=end(log),
        )
    raise ApiError(
        message + reason, code="worker-start-failed", hint=hint, where=str(log), details=end(log)
    )


def explain(log: Path, hint: str) -> tuple[str, str]:
    """Look for a known failure in a log.

    Args:
        log: The log file.
        hint: What to do if the log shows no known failure.

    Returns:
        The reason as the end of a message, empty if it is not known, and the hint.
    """
    text = tail(log)
    for known in KNOWN_FAILURES:
        if re.search(known.pattern, text):
            return f": {known.reason}", known.hint or _install(known.needs)
    if "ModuleNotFoundError" in text:
        return _missing_module(text)
    if _is_full(log.parent):  # A log on a full disk cannot say so.
        return f": {KNOWN_FAILURES[0].reason}", KNOWN_FAILURES[0].hint
    return "", hint


def _install(requirement: str) -> str:
    return f"run `{installation.install_command(requirement)}`"


def _missing_module(text: str) -> tuple[str, str]:
    """The reason and the hint for a module that a server or worker could not import."""
    again = "install flowship again in a new environment"
    found = re.search(r"ModuleNotFoundError: No module named '([\w.]+)'", text)
    if found is None:
        return ": a package that Prefect needs is missing or broken", again
    needs = installation.requirement_of(found[1])
    reason = f": the module {found[1]}, which Prefect needs, is missing"
    return reason, f"{_install(needs)}, or {again}" if needs else again


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < 100_000
    except OSError:
        return False


def tail(log: Path) -> str:
    """Return the last 20 kB of a log; empty if it cannot be read."""
    try:
        return log.read_bytes()[-20_000:].decode("utf-8", errors="replace")
    except OSError:
        return ""


def end(log: Path) -> str:
    """Return the last 25 lines of a log, for an error's details."""
    return "\n".join(tail(log).splitlines()[-25:])


def died_warning(record: Record) -> str:
    """Return the warning for a process of an earlier `up` that is no longer alive."""
    return (
        f"the {record.name} of an earlier `flowship up` is no longer running; "
        f"its log is {previous_log(record.log)}"
    )
