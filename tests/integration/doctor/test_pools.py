"""Work pools that are paused, missing or of another type; workers that hang or are gone."""

from __future__ import annotations

import os
import signal
import uuid

import pytest

from support.commands import one_object, until

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("doctor")]


def test_a_paused_pool(healthy):
    path = f"/work_pools/{healthy.name}"
    healthy.send("PATCH", path, {"is_paused": True})
    try:
        assert healthy.problems() == {"work-pool-active": "error"}
    finally:
        healthy.send("PATCH", path, {"is_paused": False})
    assert f"work-pool resume {healthy.name}`" in healthy.says("work-pool-active")


def test_a_pool_of_the_wrong_type(healthy):
    pool = f"process-{uuid.uuid4().hex[:8]}"
    healthy.send("POST", "/work_pools/", {"name": pool, "type": "process"})
    try:
        assert healthy.problems(FLOWSHIP_WORK_POOL=pool) == {"work-pool": "error"}
    finally:
        healthy.send("DELETE", f"/work_pools/{pool}")
    assert "is of type process" in healthy.says("work-pool")


def test_a_worker_that_hangs(healthy):
    os.killpg(healthy.worker.pid, signal.SIGSTOP)
    try:
        until(lambda: set(healthy.workers().values()) == {"OFFLINE"})
        assert healthy.problems() == {"worker": "error"}
    finally:
        os.killpg(healthy.worker.pid, signal.SIGCONT)
    assert "the last one was heard" in healthy.says("worker")
    until(lambda: "ONLINE" in healthy.workers().values())
    assert healthy.problems() == {}


def test_no_worker_and_one_of_the_wrong_type(healthy):
    healthy.stop_worker(healthy.worker)
    try:
        assert healthy.problems() == {"worker": "error"}
        assert "no worker is online" in healthy.says("worker")
        command = f'worker start --pool "{healthy.name}" --type docker'
        assert command in healthy.says("worker")
        wrong = healthy.start_worker("process")
        try:
            assert healthy.problems() == {"worker": "error"}
            assert "of type process" in healthy.says("worker")
        finally:
            healthy.stop_worker(wrong)
    finally:
        healthy.worker = healthy.start_worker()


def test_a_killed_worker_of_up_is_not_online_although_the_server_still_says_so(healthy, sleeper):
    healthy.stop_worker(healthy.worker)
    beat = {"name": "flowship-here", "heartbeat_interval_seconds": 30}
    healthy.send("POST", f"/work_pools/{healthy.name}/workers/heartbeat", beat)
    try:
        with healthy.started_by_up("worker", sleeper, pool=healthy.name, worker="flowship-here"):
            assert healthy.workers() == {"flowship-here": "ONLINE"}
            assert healthy.problems() == {}
            sleeper.kill()
            assert healthy.problems() == {"worker": "error"}
            words = f"the one that `flowship up` started (process {sleeper.pid}) has ended"
            assert words in healthy.says("worker")
            assert healthy.says("worker").endswith("`flowship up`")
            # The other commands know it too, without a request.
            (pool,) = one_object(healthy.run("status", "--json").stdout)["pools"]
            assert [each["online"] for each in pool["workers"]] == [False]
            assert "no worker is online" in healthy.run("status").stdout
            deployed = healthy.run("deploy", API_TOKEN="").stderr
            assert "no worker is online" in deployed
            started = healthy.run("run", "nightly")
            assert "no worker is online" in started.stderr
            healthy.send("DELETE", f"/flow_runs/{started.stdout.strip()}")
    finally:
        healthy.forget_workers()
        healthy.worker = healthy.start_worker()


def test_a_pool_that_does_not_exist(healthy):
    healthy.stop_worker(healthy.worker)
    healthy.send("DELETE", f"/work_pools/{healthy.name}")
    try:
        assert healthy.problems() == {"work-pool": "error"}
        assert "does not exist" in healthy.says("work-pool")
        assert "flowship deploy" in healthy.says("work-pool")
        assert healthy.run("deploy").code == 0  # what the remedy says
    finally:
        healthy.worker = healthy.start_worker()
    assert healthy.problems() == {}
