"""Explains why the probe's container ended without an answer."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from flowship.config.settings import FLOWS_DIR
from flowship.errors import BuildError
from flowship.probe.explanations import distribution, package_of

PYTHON_NOT_FOUND = re.compile(r"python\b.*(not found|No such file)")
"""How tini, env and the shells report that there is no python."""

KILLED = 137  # 128 + SIGKILL, which the kernel sends when memory runs out
ILLEGAL_INSTRUCTION = 132  # 128 + SIGILL, which the processor causes


def entrypoint_ignores_command(entrypoint: Sequence[str], output: str) -> BuildError:
    """The image's own ENTRYPOINT did not run the command that it was given."""
    return BuildError(
        f"the image's ENTRYPOINT {json.dumps(list(entrypoint))} does not run the command it is "
        "given, so every run would crash: the worker starts `prefect flow-run execute` through it",
        code="entrypoint-ignores-command",
        hint='remove ENTRYPOINT from the Dockerfile, or end its script with: exec "$@"',
        details=output,
    )


def crashed(
    exit_code: int,
    output: str,
    *,
    file: str = "",
    started: bool = False,
    out_of_memory: bool = False,
) -> BuildError:
    """The container ended without an answer.

    Args:
        exit_code: The container's exit code.
        output: What it printed.
        file: The flow file.
        started: Whether the probe's script started: if so, the flow ended the process.
        out_of_memory: Whether the engine says that the memory ran out.
    """
    if exit_code == KILLED:
        return _killed(output, file, out_of_memory=out_of_memory)
    if "executable file not found" in output or (
        exit_code == 127 and PYTHON_NOT_FOUND.search(output)
    ):
        return BuildError(
            "the image has no `python` on its PATH, so Prefect cannot run there",
            code="python-missing",
            hint="start FROM a Prefect image, or install Python and Prefect in yours",
            details=output,
        )
    if started:
        return flow_ended_process(exit_code, output, file, out_of_memory=out_of_memory)
    return BuildError(
        f"the probe could not run in the image (exit code {exit_code})",
        code="probe-failed",
        hint="the lines above come from the container; `flowship build --no-probe` skips the probe",
        details=output,
    )


def _killed(output: str, file: str, *, out_of_memory: bool) -> BuildError:
    load = "load large data inside the flow function, not while the file is imported"
    if not out_of_memory:
        return BuildError(
            "the process was killed by SIGKILL while loading the flow",
            code="flow-ended-process",
            hint="if the file, or a module that it imports, does not do it itself, the memory of"
            f" the engine's machine ran out, most likely: {load}",
            where=file,
            details=output,
        )
    return BuildError(
        "the process was killed while loading the flow: the engine ran out of memory",
        code="probe-out-of-memory",
        hint=load,
        where=file,
        details=output,
    )


def flow_ended_process(
    exit_code: int, output: str, file: str, *, out_of_memory: bool = False
) -> BuildError:
    """A flow ended the process that loaded it.

    Args:
        exit_code: The exit code, 128 and its number for a signal.
        output: What the process printed.
        file: The flow's file.
        out_of_memory: Whether the engine says that the memory ran out.
    """
    if exit_code == KILLED:
        return _killed(output, file, out_of_memory=out_of_memory)
    dump = _Dump.of(output)
    package = distribution(dump.package) if dump.package else "a compiled package"
    if exit_code == ILLEGAL_INSTRUCTION:
        return BuildError(
            f"{package} uses an instruction that this machine's processor does not have, and the"
            f" process ended (exit code {exit_code}, SIGILL)",
            code="processor-unsupported",
            hint="use a version of the package for older processors (polars has polars-lts-cpu);"
            " or, if the engine emulates the image's platform, set platform to that of the machine",
            where=dump.place or file,
            details=dump.text,
        )
    how = (
        f"by {_signal_name(exit_code - 128)}" if exit_code > 128 else f"with exit code {exit_code}"
    )
    crash = f"{package} crashed: use another version of it"
    return BuildError(
        f"the process ended {how} while loading the flow, and would do so in every run",
        code="flow-ended-process",
        hint=crash
        if dump.package
        else "look for os._exit, or for a compiled package that does not match the image, in the"
        " file or in a module that it imports",
        where=dump.place or file,
        details=dump.text,
    )


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


@dataclass(frozen=True)
class _Dump:
    """What Python's faulthandler wrote when a signal ended the process.

    Attributes:
        place: The deepest line of the project, as ``file:line``.
        package: The installed package that was executed, by its import name.
        text: What the process printed, without the frames of other threads and of the loader.
    """

    place: str
    package: str
    text: str

    @classmethod
    def of(cls, output: str) -> _Dump:
        printed, fatal, dump = output.partition("Fatal Python error: ")
        current = re.search(r"^Current thread [^\n]*\n((?:  File [^\n]*\n?)*)", dump, re.MULTILINE)
        if not current:
            return cls("", "", output)
        frames = re.findall(r'  File "([^"]*)", line (\d+)', current[1])
        lines = current[1].splitlines()
        own = [i for i, (file, _) in enumerate(frames) if _is_project_file(file)]
        if own:
            file, line = frames[own[0]]
            place = f"{PurePosixPath(file).relative_to(FLOWS_DIR)}:{line}"
            lines = lines[: own[-1] + 1]
        packages = (package_of(file) for file, _ in frames[: own[0] if own else 1])
        head = dump.splitlines()[0]
        text = "\n".join([*printed.splitlines(), f"{fatal}{head} (most recent call first)", *lines])
        return cls(place if own else "", next(filter(None, packages), ""), text)


def _is_project_file(file: str) -> bool:
    return PurePosixPath(file).is_relative_to(FLOWS_DIR) and not package_of(file)


def timed_out(seconds: int, output: str) -> BuildError:
    """The flow did not load in time."""
    return BuildError(
        f"the flow did not load within {seconds} s",
        code="probe-timed-out",
        hint="move long work from the top of the file into the flow function, "
        "or raise timeout in [probe]",
        details=output,
    )
