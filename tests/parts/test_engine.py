"""`python -m parts.engine`: an engine that runs as long as a command, and is always stopped.

The engines of these tests have their own folders and network namespaces.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short name, since the path of a socket is limited to 108 bytes."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("starting an engine requires root and dockerd")
    with tempfile.TemporaryDirectory(prefix="fe-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "parts.engine", *arguments],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def soon(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"timeout: {what}"
        time.sleep(0.1)


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return False


def started(place: Path) -> tuple[subprocess.Popen[str], int]:
    """Start a command with its own engine; return it and the engine's process id."""
    marker = place / "running"
    process = start("--home", str(place), "--", "sh", "-c", f"touch {marker}; exec sleep 600")
    soon(lambda: marker.exists() or process.poll() is not None, "the command runs")
    return process, int((place / "docker.pid").read_text())


@pytest.mark.engine
def test_the_command_can_use_the_engine_and_the_engine_stops_after_it(place):
    command = f'cat {place}/docker.pid; test -S "${{DOCKER_HOST#unix://}}" && exit 7'
    process = start("--home", str(place), "--", "sh", "-c", command)
    stdout, stderr = process.communicate()
    assert process.returncode == 7, stderr
    assert "starting dockerd" in stderr
    assert not alive(int(stdout))


@pytest.mark.engine
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_the_command_and_the_engine(place, number, code):
    process, dockerd = started(place)
    os.killpg(process.pid, number)
    process.communicate()
    assert process.returncode == code
    assert not alive(dockerd)


@pytest.mark.engine
def test_the_engine_stops_when_its_parent_is_killed(place):
    process, dockerd = started(place)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    soon(lambda: not alive(dockerd), "the kernel has stopped dockerd")


@pytest.mark.engine
def test_an_engine_that_cannot_start_is_reported_and_the_command_runs_without_it(place):
    (place / "data").write_text("a file instead of a folder")
    process = start("--home", str(place), "--", "echo", "ran")
    stdout, stderr = process.communicate()
    assert process.returncode == 0
    assert stdout == "ran\n"
    assert "!!! dockerd exited immediately" in stderr
    assert "canonical path points to a file" in stderr  # from dockerd's log
    assert "!!! continuing WITHOUT a container engine" in stderr


def test_an_engine_address_from_the_environment_is_not_replaced(tmp_path):
    process = start("--", "echo", "ran", DOCKER_HOST=f"unix://{tmp_path}/missing.sock")
    stdout, stderr = process.communicate()
    assert stdout == "ran\n"
    assert f"no engine responds at DOCKER_HOST=unix://{tmp_path}/missing.sock" in stderr
    assert "starting dockerd" not in stderr
