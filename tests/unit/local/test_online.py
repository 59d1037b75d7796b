"""Which workers are online, with real processes and records."""

from __future__ import annotations

import subprocess
import sys

from flowship.local import processes, records
from flowship.local.online import ended_worker, online

URL = "http://127.0.0.1:4200/api"
WORKERS = [
    {"name": "flowship-here", "status": "ONLINE"},
    {"name": "elsewhere", "status": "ONLINE"},
    {"name": "gone", "status": "OFFLINE"},
]


def names(environ, pool="pool"):
    return [each["name"] for each in online(WORKERS, URL, pool, environ)]


def test_a_worker_of_up_is_online_only_while_its_process_lives(tmp_path):
    environ = {"FLOWSHIP_STATE_DIR": str(tmp_path)}
    assert names(environ) == ["flowship-here", "elsewhere"]
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        record = records.Record(
            "worker", child.pid, processes.identity(child.pid) or "", URL, "log", "pool",
            "flowship-here",
        )  # fmt: skip
        records.save(tmp_path, record)
        assert names(environ) == ["flowship-here", "elsewhere"]
        assert ended_worker(URL, "pool", environ) == ""
    finally:
        child.kill()
        child.wait()
    assert names(environ) == ["elsewhere"]
    assert ended_worker(URL, "pool", environ) == "flowship-here"
    assert names(environ, "another") == ["flowship-here", "elsewhere"]
