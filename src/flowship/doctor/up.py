"""The server and the worker that `flowship up` started on this machine, as its records have them.

A process that was killed says nothing to anyone: for up to a minute and a half, the server calls
its worker online.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from flowship.doctor.world import World
from flowship.local import failures, processes, records
from flowship.local.records import Record
from flowship.prefect.command import up_command

LINES = 5  # of a log
_OF_THE_WORKER = re.compile(
    r"\d\d:\d\d:\d\d\.\d{3} \| \w+ *\| prefect\.(?:workers|flow_runs\.worker)\b"
)


@dataclass(frozen=True)
class UpProcess:
    """A process that `flowship up` started.

    Attributes:
        record: What is known about it.
        has_ended: Whether it is no longer alive.
    """

    record: Record
    has_ended: bool

    @property
    def words(self) -> str:
        """What became of it; for a process that does not answer."""
        process = f"the one that `flowship up` started (process {self.record.pid})"
        return f"{process} has ended" if self.has_ended else f"{process} is alive and hangs"

    @property
    def remedy(self) -> str:
        """What makes it work again."""
        start = f"`{up_command()}`"
        return start if self.has_ended else f"`{up_command('down')}`, then {start}"

    @property
    def log_end(self) -> str:
        """The end of its log, and the file; of a worker, only what it wrote itself: the output of
        its containers says nothing about it."""
        lines = failures.end(Path(self.record.log)).splitlines()
        if self.record.name == "worker":
            lines = [line for line in lines if _OF_THE_WORKER.match(line)]
        return "\n".join([*lines[-LINES:], f"its log: {self.record.log}"])


def process(world: World, key: str) -> UpProcess | None:
    """What became of a process of `flowship up`; None if it started none.

    Args:
        world: The examination.
        key: From `records.server_key` or `records.worker_key`.
    """
    record = records.load(records.state_dir(world.environ), key)
    return UpProcess(record, not processes.lives(record)) if record else None
