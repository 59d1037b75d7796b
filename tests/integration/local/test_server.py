"""Servers that do not come up: nothing of them stays."""

from __future__ import annotations

import pytest

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
