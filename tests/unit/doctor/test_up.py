"""What became of a process that `flowship up` started."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flowship import scope
from flowship.doctor import up
from flowship.doctor.world import World
from flowship.local import processes, records

URL = "http://127.0.0.1:4200/api"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, scope.Scope(None), environ={"FLOWSHIP_STATE_DIR": str(tmp_path)})


def test_without_a_record_nothing_is_known(world):
    assert up.process(world, records.server_key(URL)) is None


def test_a_process_hangs_while_it_is_alive_and_has_ended_after_that(world, tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    log = tmp_path / "worker.log"
    log.write_text("first\nlast\n")
    identity = processes.identity(child.pid) or ""
    record = records.Record("worker", child.pid, identity, URL, str(log), "pool", "w")
    records.save(tmp_path, record)
    try:
        found = up.process(world, records.worker_key(URL, "pool"))
        assert found is not None
        assert (found.has_ended, found.worker) == (False, "w")
        assert f"(process {child.pid}) is alive and hangs" in found.words
        assert found.remedy == "`flowship down`, then `flowship up`"
    finally:
        child.kill()
    child.wait()
    found = up.process(world, records.worker_key(URL, "pool"))
    assert found is not None
    assert found.words == f"the one that `flowship up` started (process {child.pid}) has ended"
    assert (found.remedy, found.log_end) == ("`flowship up`", "first\nlast")
