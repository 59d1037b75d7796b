"""Explains why the probe's container ended without an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from flowship.errors import BuildError

PYTHON_NOT_FOUND = re.compile(r"python\b.*(not found|No such file)")
"""How tini, env and the shells report that there is no python."""

KILLED = 137  # 128 + SIGKILL, which the kernel sends when memory runs out


def entrypoint_ignores_command(entrypoint: Sequence[str], output: str) -> BuildError:
    """The image's own ENTRYPOINT did not run the command that it was given."""
    return BuildError(
        f"the image's ENTRYPOINT {json.dumps(list(entrypoint))} does not run the command it is "
        "given, so every run would crash: the worker starts `prefect flow-run execute` through it",
        code="entrypoint-ignores-command",
        hint='remove ENTRYPOINT from the Dockerfile, or end its script with: exec "$@"',
        details=output,
    )


def crashed(exit_code: int, output: str, *, file: str = "", started: bool = False) -> BuildError:
    """The container ended without an answer.

    Args:
        exit_code: The container's exit code.
        output: What it printed.
        file: The flow file.
        started: Whether the probe's script started: if so, the flow ended the process.
    """
    if exit_code == KILLED:
        return _out_of_memory(output)
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
        return flow_ended_process(exit_code, output, file)
    return BuildError(
        f"the probe could not run in the image (exit code {exit_code})",
        code="probe-failed",
        hint="the lines above come from the container; `flowship build --no-probe` skips the probe",
        details=output,
    )


def _out_of_memory(output: str) -> BuildError:
    return BuildError(
        "the process was killed while loading the flow: the engine ran out of memory",
        code="probe-out-of-memory",
        hint="load large data inside the flow function, not while the file is imported",
        details=output,
    )


def flow_ended_process(exit_code: int, output: str, file: str) -> BuildError:
    """A flow ended the process that loaded it.

    Args:
        exit_code: The exit code, 128 and its number for a signal.
        output: What the process printed.
        file: The flow's file.
    """
    if exit_code == KILLED:
        return _out_of_memory(output)
    how = f"by signal {exit_code - 128}" if exit_code > 128 else f"with exit code {exit_code}"
    return BuildError(
        f"the process ended {how} while loading the flow, and would do so in every run",
        code="flow-ended-process",
        hint="look for os._exit, or for a compiled package that does not match the image, in the"
        " file or in a module that it imports",
        where=file,
        details=output,
    )


def timed_out(seconds: int, output: str) -> BuildError:
    """The flow did not load in time."""
    return BuildError(
        f"the flow did not load within {seconds} s",
        code="probe-timed-out",
        hint="move long work from the top of the file into the flow function, "
        "or raise timeout in [probe]",
        details=output,
    )
