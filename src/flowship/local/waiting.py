"""Wait until a server or worker that is starting is ready."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from flowship.errors import ApiError
from flowship.local import failures
from flowship.local.records import Record

START_SECONDS = 180.0  # The first start imports Prefect and creates the database.
PAUSE = 0.2  # seconds between two attempts

Found = TypeVar("Found")


def wait_for_start(
    ready: Callable[[], Found | None],
    record: Record,
    process: subprocess.Popen[bytes] | None,
    *,
    failed: str,
    code: str,
    hint: str,
) -> Found:
    """Call `ready` until it returns something, and return that.

    Args:
        ready: Returns None as long as the process is not ready.
        record: The process.
        process: The same, if this command started it.
        failed: What did not happen, for the error, with `START_SECONDS`.
        code: The error's code.
        hint: What to do if the log shows no known failure.

    Raises:
        ApiError: The process ended, or is not ready after `START_SECONDS`.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        found = ready()
        if found is not None:
            return found
        failures.require_alive(record, process)
        if time.monotonic() > deadline:
            log = Path(record.log)
            reason, known_hint = failures.explain(log, hint)
            raise ApiError(
                failed + reason,
                code=code,
                hint=known_hint,
                where=str(log),
                details=failures.end(log),
            )
        time.sleep(PAUSE)
