"""A real Prefect server for the tests, on SQLite, with its own home folder and port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts.ports import free_port

START_TIMEOUT = 120  # seconds; the first import of the server is slow on a busy machine
STOP_TIMEOUT = 20


def server_environment(home: Path, **extra: str) -> dict[str, str]:
    """Return an environment without this machine's own Prefect settings."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    return clean | {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        **extra,
    }


def answers(url: str) -> bool:
    """Return whether the response of `url` is 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def start_server(home: Path, **settings: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server and wait until it is ready; its log is ``server.log`` in `home`.

    Returns:
        The process, which the caller must `stop`, and the API's address.
    """
    port = free_port()
    home.mkdir(parents=True, exist_ok=True)
    log = (home / "server.log").open("wb")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "prefect", "server", "start"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        env=server_environment(home, **settings),
        cwd=home,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}/api"
    deadline = time.monotonic() + START_TIMEOUT
    while not answers(f"{url}/health"):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process)
            tail = (home / "server.log").read_text(errors="replace")[-3000:]
            raise RuntimeError(f"the Prefect server did not start:\n{tail}")
        time.sleep(0.2)
    return process, url


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a process that `start_server` started, and its children."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_TIMEOUT)


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API address of a real Prefect server that runs for the whole session.

    Each test worker has its own: SQLite rejects some of the writes when several workers write at
    the same time, and the server then responds with 503.
    """
    process, url = start_server(tmp_path_factory.mktemp("prefect-home"))
    yield url
    stop(process)
