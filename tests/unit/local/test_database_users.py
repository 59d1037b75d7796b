"""Which servers have a database open."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowship.local.database_users import DatabaseUser, file_of, servers_with

HOLD = "import sys, time; f = open(sys.argv[1]); print(flush=True); time.sleep(600)"
BY_HAND = ["server", "start", "--host", "127.0.0.1", "--port", "4711"]
IN_BACKGROUND = ["--factory", "prefect.server.api.server:create_app", "--port", "4711"]


@pytest.fixture
def holder(tmp_path):
    """Starts processes that keep the database open, with a command line of their own."""
    database = tmp_path / "prefect.db"
    database.touch()
    running = []

    def start(*arguments):
        command = [sys.executable, "-c", HOLD, str(database), *arguments]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        running[-1].stdout.readline()
        return database, running[-1].pid

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("arguments", [BY_HAND, IN_BACKGROUND], ids=["by hand", "background"])
def test_a_server_is_found_by_its_open_database(holder, tmp_path, arguments):
    database, pid = holder(*arguments)
    assert servers_with(str(database)) == [DatabaseUser(pid, "4711")]
    assert servers_with(f"sqlite+aiosqlite:///{database}?timeout=9") == [DatabaseUser(pid, "4711")]
    (tmp_path / "link.db").symlink_to(database)
    assert servers_with(str(tmp_path / "link.db")) == [DatabaseUser(pid, "4711")]
    (tmp_path / "other.db").touch()
    assert servers_with(str(tmp_path / "other.db")) == []


def test_another_program_that_reads_the_database_is_not_a_server(holder):
    database, _ = holder("browse", "--port", "1")
    assert servers_with(str(database)) == []


def test_a_database_without_a_file_has_no_users(tmp_path):
    for database in ("", str(tmp_path / "missing.db"), "postgresql://db/prefect"):
        assert file_of(database) is None
        assert servers_with(database) == []


def test_a_server_is_shown_with_its_port_if_that_is_known():
    assert str(DatabaseUser(7, "4200")) == "a Prefect server at port 4200 (process 7)"
    assert str(DatabaseUser(7, "")) == "a Prefect server (process 7)"
