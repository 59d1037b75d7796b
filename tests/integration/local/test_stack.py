"""The local stack with real servers and workers, in homes and on ports of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from flowship.local import stack
from flowship.local.scheduler import CHECK_FLOW
from flowship.local.services import SchedulerState, State
from flowship.output.console import to_json
from flowship.prefect.profiles import resolution
from support.commands import PATIENCE, ask, until
from support.stack import Machine, processes_with


@pytest.mark.server
@pytest.mark.engine
def test_up_starts_what_is_missing_once_and_down_stops_it(machine):
    asked = []
    first = machine.up(ensure_pool=lambda target, pool: asked.append((target.url, pool)))
    server, worker = first.services
    assert (server.state, worker.state) == (State.STARTED, State.STARTED)
    assert first.scheduler is SchedulerState.RUNNING
    assert asked == [(machine.url, "flowship")]
    workers = ask(machine.url, "/work_pools/flowship/workers/filter", {})
    assert [(w["name"], w["status"]) for w in workers] == [(worker.detail, "ONLINE")]

    # Nothing of the scheduler's check is left.
    assert ask(machine.url, "/flows/filter", {}) == []
    assert ask(machine.url, "/deployments/filter", {}) == []
    assert ask(machine.url, "/flow_runs/filter", {}) == []

    # On a new home, the local profile has this server's address, and the report says so.
    assert (first.profile.profile, first.profile.switched_from) == ("local", "ephemeral")
    assert resolution.resolve(machine.root, machine.environ).url == machine.url

    again = machine.up()
    assert [s.state for s in again.services] == [State.RUNNING, State.RUNNING]
    assert [s.pid for s in again.services] == [server.pid, worker.pid]
    assert again.profile is None

    # A dead worker is replaced at once, not when the server notices.
    os.killpg(worker.pid, signal.SIGKILL)
    until(lambda: machine.known() == [("server", True), ("worker", False)])
    third = machine.up()
    assert [s.state for s in third.services] == [State.RUNNING, State.STARTED]
    assert "worker of an earlier `flowship up` is no longer running" in third.warnings[0]

    json.dumps(to_json(third))
    stopped = machine.down()
    assert [(s.name, s.state) for s in stopped.services] == [
        ("worker", State.STOPPED),
        ("server", State.STOPPED),
    ]
    assert machine.down().services == ()
    assert processes_with(str(machine.port)) == []
    assert processes_with(worker.detail) == []


@pytest.mark.server
@pytest.mark.engine
def test_a_server_that_flowship_did_not_start_is_used_and_keeps_running(tmp_path, prefect_server):
    port = int(prefect_server.rpartition(":")[2].partition("/")[0])
    machine = Machine(tmp_path, port)
    try:
        report = machine.up()
        assert [s.state for s in report.services] == [State.EXTERNAL, State.STARTED]
        assert report.services[0].pid is None
        neighbour = Machine(tmp_path / "neighbour", port)
        worker = neighbour.up().services[1]
        assert (worker.state, worker.detail) == (State.EXTERNAL, report.services[1].detail)
        assert neighbour.down().services == ()
        assert machine.known() == [("worker", True)]
    finally:
        assert [s.name for s in machine.down().services] == ["worker"]
    assert ask(prefect_server, "/health") is True


DRIVER = """
import os, sys
from pathlib import Path
from flowship.local import stack
def report(event):
    print(event.text, flush=True)
try:
    stack.up("ctrl-c", port=int(sys.argv[1]), folder=Path(sys.argv[2]), report=report)
except KeyboardInterrupt:
    sys.exit(130)
"""


def interrupted_while(machine, doing):
    """Run `up` in a process of its own, press Ctrl-C as soon as it reports `doing`."""
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(machine.port), str(machine.root)],
        env=machine.environ,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: doing in process.stdout.readline())
    until(lambda: machine.known())  # It has been started.
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    process.stdout.close()
    return process.wait(PATIENCE)


@pytest.mark.server
def test_ctrl_c_while_the_server_starts_leaves_nothing(machine):
    assert interrupted_while(machine, "starting a Prefect server") == 130
    assert processes_with(f"--port {machine.port}") == []
    assert machine.known() == []
    assert machine.profiles() is None


@pytest.mark.server
@pytest.mark.engine
def test_ctrl_c_while_the_worker_starts_restores_the_profile(tmp_path, prefect_server):
    machine = Machine(tmp_path, int(prefect_server.rpartition(":")[2].partition("/")[0]))
    before = '# mine\nactive = "ephemeral"\n'
    (tmp_path / "home" / ".prefect" / "profiles.toml").write_text(before)
    assert interrupted_while(machine, "starting a docker worker") == 130
    assert processes_with("--pool ctrl-c") == []
    assert machine.known() == []
    assert machine.profiles() == before
    assert ask(prefect_server, "/health") is True
    named = {"flows": {"name": {"like_": CHECK_FLOW}}}
    assert ask(prefect_server, "/flows/filter", named) == []


@pytest.mark.server
@pytest.mark.engine
def test_a_password_in_the_address_is_neither_recorded_nor_reported(tmp_path, prefect_server):
    address = prefect_server.replace("http://", "http://ada:hunter2@")
    machine = Machine(tmp_path, PREFECT_API_URL=address)
    try:
        done = stack.up("with-login", folder=tmp_path, environ=machine.environ)
        assert machine.known() == [("worker", True)]
        kept = "".join(path.read_text() for path in machine.state.glob("*.json"))
    finally:
        stopped = machine.down()
    assert [s.state for s in stopped.services] == [State.STOPPED]
    assert "ada:********@127.0.0.1" in str(done)
    assert "hunter2" not in f"{done} {stopped} {kept}"
