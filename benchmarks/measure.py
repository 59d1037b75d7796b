"""Time commands in turns and compare them.

Two commands run in turns (A B A B …), so that other load on the machine affects both. The table
has the ratio of the medians and the median of the ratios of each round. If they differ much,
the machine was busy with other work.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

Run = Callable[[], "Sample"]


class CommandFailed(Exception):
    """A measured command failed; the message is the end of its output."""


@dataclass(frozen=True)
class Sample:
    """A measured run.

    Attributes:
        wall: Seconds from start to end.
        cpu: Seconds of user and system time of the process and its children, without the work
            of the engine or a server.
    """

    wall: float
    cpu: float = 0.0

    def __add__(self, other: Sample) -> Sample:
        """Return the time of two commands, one after the other."""
        return Sample(self.wall + other.wall, self.cpu + other.cpu)


def command(
    arguments: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], log: Path
) -> Sample:
    """Run a command and time it; its output goes to `log`.

    Raises:
        CommandFailed: Its exit code is not 0.
    """
    with log.open("wb") as stream:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(a) for a in arguments],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            _pid, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text(errors="replace")[-3000:]
        words = " ".join(str(a) for a in arguments)
        raise CommandFailed(f"{words} exited with {process.returncode}:\n{tail}")
    return Sample(wall, usage.ru_utime + usage.ru_stime)


def in_turns(runs: Mapping[str, Run], rounds: int, *, warm_up: bool = True) -> Measured:
    """Run each in turn, `rounds` times, after a warm-up round that is not counted."""
    samples: dict[str, list[Sample]] = {name: [] for name in runs}
    for number in range(-1 if warm_up else 0, rounds):
        for name, run in runs.items():
            sample = run()
            if number >= 0:
                samples[name].append(sample)
    return Measured({name: tuple(found) for name, found in samples.items()})


@dataclass(frozen=True)
class Measured:
    """The samples of each command, by name, in the order of the rounds."""

    samples: Mapping[str, tuple[Sample, ...]]

    def walls(self, name: str) -> list[float]:
        """Return the seconds of each round."""
        return [sample.wall for sample in self.samples[name]]

    def cpu(self, name: str) -> float:
        """Return the median seconds of CPU time."""
        return median(sample.cpu for sample in self.samples[name])

    def compare(self, ours: str, theirs: str) -> Ratio:
        """Return the ratio of `ours` to `theirs`."""
        a, b = self.walls(ours), self.walls(theirs)
        return Ratio(
            of_medians=median(a) / median(b),
            of_pairs=median(x / y for x, y in zip(a, b, strict=True)),
        )


@dataclass(frozen=True)
class Ratio:
    """The ratio of our seconds to theirs; below 1, ours is faster.

    Attributes:
        of_medians: The median of ours divided by the median of theirs.
        of_pairs: The median of the ratios within each round.
    """

    of_medians: float
    of_pairs: float
