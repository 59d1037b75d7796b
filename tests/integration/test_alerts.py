"""Alerts about containers that died: killed, out of memory, or with the machine of their worker.

One server, one image and one worker serve both tests. Every command is one that a user would type.
"""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from parts.ports import free_port

from flowship.local import records
from support.commands import flowship, until, world
from support.deploying import send_until_accepted
from support.projects import remove_images, write
from support.receiver import Receiver

pytestmark = [pytest.mark.engine, pytest.mark.server]

FLOW = """\
import time
from prefect import flow
from prefect.runtime import flow_run


@flow(log_prints=True)
def hello(memory: bool = False, seconds: int = 600) -> str:
    if flow_run.run_count > 1:
        return "started again"
    held = []
    while memory:
        held.append(bytearray(10_000_000))
    time.sleep(seconds)
    return "first start"
"""
ALERTS = """\
[[alerts]]
on = ["crashed"]
notify = "custom-webhook/ops"
retry-crashed = 1

[[alerts]]
on = ["stuck"]
notify = "custom-webhook/ops"
after = "90s"

[[deployments]]
name = "nightly"

[[deployments]]
name = "small"
job-variables = { mem_limit = "300m", memswap_limit = "300m" }
"""


class Machine:
    """A laptop with a stack, a project that was deployed to it, and a webhook."""

    def __init__(self, home: Path, base_image: str, receiver: Receiver) -> None:
        self.port, self.name = free_port(), f"t{uuid.uuid4().hex[:10]}"
        self.api = f"http://127.0.0.1:{self.port}/api"
        self.env = world(home)
        self.project = home / self.name
        self.project.mkdir()
        write(self.project, base_image, {"flow.py": FLOW}, ALERTS)
        self("up", "--port", str(self.port))
        receiver.create_block(self.api)
        self("build")
        self("deploy", "--local")

    def __call__(self, *arguments: str) -> None:
        flowship(*arguments, cwd=self.project, env=self.env, ok=True)

    def ask(self, path: str, body: object = None) -> Any:
        """One request, again while the database of the server is busy."""
        method = "GET" if body is None else "POST"
        return send_until_accepted(method, self.api + path, body, timeout=150).json()

    def start(self, deployment: str, **parameters: object) -> dict:
        found = self.ask(f"/deployments/name/hello/{deployment}")
        path = f"/deployments/{found['id']}/create_flow_run"
        return self.ask(path, {"parameters": parameters})

    def run(self, run: dict) -> dict:
        return self.ask(f"/flow_runs/{run['id']}")

    def states(self, run: dict) -> list[tuple[str, str]]:
        found = self.ask(f"/flow_run_states/?flow_run_id={run['id']}")
        return [(s["name"], s["message"] or "") for s in found]

    def until_running(self, run: dict) -> None:
        until(lambda: self.run(run)["state"]["name"] == "Running", every=0.5)

    def until_heartbeat(self, run: dict) -> None:
        resource = {"id": [f"prefect.flow-run.{run['id']}"]}
        event = {"name": ["prefect.flow-run.heartbeat"]}
        wanted = {"filter": {"event": event, "resource": resource}}
        until(lambda: self.ask("/events/filter", wanted)["events"], every=0.5)

    def until_completed(self, run: dict) -> None:
        until(lambda: self.run(run)["state"]["name"] == "Completed", every=0.5)
        assert self.run(run)["run_count"] == 2

    def kill_container(self, run: dict) -> None:
        """As a person or the kernel does it."""
        name = self.run(run)["name"]
        subprocess.run(["docker", "kill", "-s", "KILL", name], check=True, capture_output=True)

    def kill_worker(self) -> None:
        """As when its machine loses power."""
        found = records.load_all(Path(self.env["FLOWSHIP_STATE_DIR"]))[0]
        (worker,) = (record for record in found if record.name == "worker")
        os.kill(worker.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def machine(tmp_path_factory, base_image, engine, receiver):
    made = Machine(tmp_path_factory.mktemp("laptop"), base_image, receiver)
    yield made
    made("down")
    remove_images(engine, made.name)


def test_a_killed_container_and_one_without_memory_are_reported_and_start_again(machine, receiver):
    killed, starved = machine.start("nightly"), machine.start("small", memory=True)
    machine.until_running(killed)
    machine.kill_container(killed)
    for run in (killed, starved):
        machine.until_completed(run)
        names = [name for name, _ in machine.states(run)]
        assert names.count("Crashed") == 1
        assert ("Scheduled", "Started again after a crash by flowship (1 of 1).") in machine.states(
            run
        )
        until(lambda run=run: receiver.about(run["name"]))
        assert {*receiver.about(run["name"])} == {"crashed"}


def test_a_run_whose_worker_died_with_its_container_is_ended_and_starts_again(machine, receiver):
    run = machine.start("nightly")
    machine.until_heartbeat(run)
    machine.kill_worker()
    machine.kill_container(run)
    assert machine.run(run)["state"]["name"] == "Running", "Prefect alone never notices"
    until(lambda: "Crashed" in [name for name, _ in machine.states(run)], every=0.5)
    machine("up", "--port", str(machine.port))
    machine.until_completed(run)
    ended = [message for name, message in machine.states(run) if name == "Crashed"]
    assert ended == [
        "No heartbeat for 1 minute 30 seconds: its container has probably died. Ended by flowship."
    ]
    until(lambda: "stuck" in receiver.about(run["name"]))
