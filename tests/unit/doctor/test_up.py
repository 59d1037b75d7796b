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
OWN = [
    "04:27:50.447 | INFO    | prefect.flow_runs.worker - Worker 'w' submitting flow run '1'",
    "04:27:51.676 | ERROR   | prefect.workers.docker.w - Failed to pull 'taxi:nope'",
]
LOG = f"""\
{OWN[0]}
04:27:52.030 | INFO    | Flow run 'elfish-falcon' - tick 5
04:27:52.031 | INFO    | prefect.engine - the container says this
a line that a flow printed
{OWN[1]}
"""


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, scope.Scope(None), environ={"FLOWSHIP_STATE_DIR": str(tmp_path)})


def test_without_a_record_nothing_is_known(world):
    assert up.process(world, records.server_key(URL)) is None


def test_a_process_hangs_while_it_is_alive_and_has_ended_after_that(world, tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    log = tmp_path / "worker.log"
    log.write_text(LOG)
    identity = processes.identity(child.pid) or ""
    record = records.Record("worker", child.pid, identity, URL, str(log), "pool", "w")
    records.save(tmp_path, record)
    try:
        found = up.process(world, records.worker_key(URL, "pool"))
        assert found is not None
        assert not found.has_ended
        assert f"(process {child.pid}) is alive and hangs" in found.words
        assert found.remedy == "`flowship down`, then `flowship up`"
    finally:
        child.kill()
    child.wait()
    found = up.process(world, records.worker_key(URL, "pool"))
    assert found is not None
    assert found.words == f"the one that `flowship up` started (process {child.pid}) has ended"
    assert found.remedy == "`flowship up`"
    assert found.log_end.splitlines() == [*OWN, f"its log: {log}"]
