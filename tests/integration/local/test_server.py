"""Servers that do not come up: nothing of them stays."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import urllib.request

import pytest
from parts.ports import free_port

from flowship.errors import ApiError, ConfigError
from flowship.local import processes
from support.commands import PATIENCE
from support.stack import Machine, processes_with


@pytest.mark.server
def test_a_server_that_exits_shows_its_log_and_leaves_nothing(tmp_path):
    machine = Machine(tmp_path, PREFECT_SERVER_DATABASE_CONNECTION_URL="sqlite+aiosqlite:////no/x")
    with pytest.raises(ApiError, match="exited during startup") as error:
        machine.up()
    assert "unable to open database file" in error.value.details
    assert error.value.where == str(machine.state / f"server-{machine.port}.log")
    assert "PREFECT_HOME" in error.value.message
    assert machine.known() == []
    assert machine.profiles() is None


@pytest.mark.server
def test_the_database_of_a_server_that_was_started_by_hand_is_not_shared(tmp_path):
    machine = Machine(tmp_path, PREFECT_HOME=str(tmp_path / "home"))
    port = str(free_port())
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", port]
    log = tmp_path / "by-hand.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, env=dict(machine.environ), stdout=output, stderr=output
        ) as by_hand,
    ):
        try:
            until_responds(f"http://127.0.0.1:{port}/api/health")
            with pytest.raises(ApiError, match=f"a Prefect server at port {port}") as error:
                machine.up()
        finally:
            by_hand.terminate()
    assert error.value.code == "database-in-use"
    assert f"(process {by_hand.pid})" in error.value.message
    assert machine.known() == []


def until_responds(url):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise AssertionError(f"{url} does not respond")


@pytest.fixture
def spawned(monkeypatch):
    """Notes what is started in the background."""
    started = []
    spawn = processes.spawn

    def noted(*arguments):
        started.append(spawn(*arguments))
        return started[-1]

    monkeypatch.setattr(processes, "spawn", noted)
    return started


def test_a_process_that_cannot_be_recorded_is_stopped(machine, spawned):
    (machine.state / f"server-{machine.port}.new").mkdir(parents=True)  # Writing the record fails.
    with pytest.raises(ConfigError, match="cannot write to the state folder") as error:
        machine.up()
    assert error.value.where == str(machine.state)
    assert "FLOWSHIP_STATE_DIR" in error.value.hint
    assert [process.wait(PATIENCE) is not None for process in spawned] == [True]
    assert processes_with(f"--port {machine.port}") == []
    assert machine.profiles() is None


def test_a_log_that_cannot_be_written_is_an_error_with_the_folder(machine):
    (machine.state / f"server-{machine.port}.log").mkdir(parents=True)
    (machine.state / f"server-{machine.port}.previous.log").write_text("")
    with pytest.raises(ConfigError, match="cannot write to the state folder"):
        machine.up()
