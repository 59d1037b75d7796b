"""`python -m parts.engine`: an engine for as long as a command runs, and nothing left behind.

The engines here live in folders and network namespaces of their own.
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
    """A folder with a short name: the path of a socket has to fit into 108 bytes."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("only root, and only where dockerd is installed, can start an engine")
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
        assert time.monotonic() < deadline, f"not within a minute: {what}"
        time.sleep(0.1)


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return False


def started(place: Path) -> tuple[subprocess.Popen[str], int]:
    """The command, once it runs beside an engine of its own, and that engine's process id."""
    marker = place / "running"
    process = start("--home", str(place), "--", "sh", "-c", f"touch {marker}; exec sleep 600")
    soon(lambda: marker.exists() or process.poll() is not None, "the command runs")
    return process, int((place / "docker.pid").read_text())


@pytest.mark.engine
def test_the_command_finds_the_engine_which_ends_with_it(place):
    ask = f'cat {place}/docker.pid; test -S "${{DOCKER_HOST#unix://}}" && exit 7'
    process = start("--home", str(place), "--", "sh", "-c", ask)
    stdout, stderr = process.communicate()
    assert process.returncode == 7, stderr
    assert "starting dockerd" in stderr
    assert not alive(int(stdout))


@pytest.mark.engine
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_request_to_end_ends_the_command_and_the_engine(place, number, code):
    process, dockerd = started(place)
    os.killpg(process.pid, number)
    process.communicate()
    assert process.returncode == code
    assert not alive(dockerd)


@pytest.mark.engine
def test_the_engine_ends_even_if_its_parent_was_killed(place):
    process, dockerd = started(place)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    soon(lambda: not alive(dockerd), "the kernel has stopped dockerd")


@pytest.mark.engine
def test_an_engine_that_cannot_start_says_why_and_the_command_runs_without(place):
    (place / "data").write_text("a file where a folder is wanted")
    process = start("--home", str(place), "--", "echo", "ran")
    stdout, stderr = process.communicate()
    assert process.returncode == 0
    assert stdout == "ran\n"
    assert "!!! dockerd ended at once" in stderr
    assert "canonical path points to a file" in stderr  # the end of dockerd's own log
    assert "!!! going on WITHOUT a container engine" in stderr


def test_an_address_that_the_user_gave_is_not_replaced(tmp_path):
    process = start("--", "echo", "ran", DOCKER_HOST=f"unix://{tmp_path}/nobody.sock")
    stdout, stderr = process.communicate()
    assert stdout == "ran\n"
    assert f"no engine answers at DOCKER_HOST=unix://{tmp_path}/nobody.sock" in stderr
    assert "starting dockerd" not in stderr
