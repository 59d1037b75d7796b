"""Runs that end badly, on a real server, worker and engine: what is left, and what ends them.

One stack and one image serve all tests; the runs of the first half are started together.
"""

from __future__ import annotations

import os
import signal
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from parts.ports import free_port

from flowship.blocks import OF_THE_WORKER
from flowship.local import records
from support.commands import Outcome, ask, flowship, until, world
from support.deploying import send_until_accepted
from support.projects import remove_images, write

pytestmark = [pytest.mark.engine, pytest.mark.server]

FLOW = """\
import time

from prefect import flow


@flow(log_prints=True)
def hello(mode: str = "sleep") -> None:
    print(f"this is {mode}")
    rows = []
    while mode == "eat":
        rows.append(bytearray(20_000_000))
    for second in range(600):
        time.sleep(1)
"""
DEPLOYMENTS = """\
work-pool = "POOL"
[[deployments]]
name = "kept"
job-variables = { auto_remove = false }
[[deployments]]
name = "small"
job-variables = { auto_remove = false, mem_limit = "256m", memswap_limit = "256m" }
[[deployments]]
name = "no-command"
job-variables = { auto_remove = false, command = "no-such-program" }
[[deployments]]
name = "no-module"
job-variables = { command = "python -c 'import time; time.sleep(5); import nothing_here'" }
[[deployments]]
name = "no-image"
[[deployments]]
name = "no-memory"
[[deployments]]
name = "removed"
"""
MODES = {
    "kept": "kill",
    "small": "eat",
    "no-command": "",
    "no-module": "",
    "no-image": "",
    "no-memory": "",
    "removed": "sleep",
}


@dataclass
class Machine:
    """A laptop with a local stack and one project."""

    project: Path
    env: dict[str, str]
    api: str
    engine: Any

    def __call__(self, *arguments: str, ok: bool = True) -> Outcome:
        return flowship(*arguments, cwd=self.project, env=self.env, ok=ok)

    def start(self, deployment: str, mode: str) -> str:
        """Start a run; its ID."""
        more = ("-p", f"mode={mode}") if mode else ()
        return self("run", deployment, *more).stdout.strip()

    def edit(self, deployment: str, **variables: str) -> None:
        """Set job variables as a person does in the UI."""
        found = ask(self.api, f"/deployments/name/hello/{deployment}")
        body = {"job_variables": {**found["job_variables"], **variables}}
        send_until_accepted("PATCH", f"{self.api}/deployments/{found['id']}", body)

    def state(self, run: str) -> dict:
        return ask(self.api, f"/flow_runs/{run}")["state"]

    def containers(self, run: str) -> list:
        label = f"io.prefect.flow-run-id={run}"
        return self.engine.containers.list(all=True, ignore_removed=True, filters={"label": label})

    def until_it_sleeps(self, run: str) -> None:
        """Wait until the flow itself runs, and the server has a record of it."""
        wanted = {"logs": {"flow_run_id": {"any_": [run]}}}

        def printed() -> bool:
            assert self.state(run)["type"] not in ("FAILED", "CRASHED"), self.state(run)
            found = ask(self.api, "/logs/filter", wanted)
            return any("this is" in record["message"] for record in found)

        until(printed, every=1)

    def until_state(self, run: str, state: str) -> None:
        until(lambda: self.state(run)["type"] == state, every=1)

    def kill_worker(self) -> None:
        """Kill the worker that `flowship up` started, as if the machine had lost it."""
        found, _ = records.load_all(Path(self.env["FLOWSHIP_STATE_DIR"]))
        (worker,) = [record for record in found if record.name == "worker"]
        os.killpg(worker.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def machine(tmp_path_factory, base_image, engine):
    home = tmp_path_factory.mktemp("laptop")
    name, port = f"t{uuid.uuid4().hex[:10]}", free_port()
    project = home / name
    project.mkdir()
    write(project, base_image, {"flow.py": FLOW}, DEPLOYMENTS.replace("POOL", name))
    paths = {
        "PREFECT_PROFILES_PATH": str(home / ".prefect" / "profiles.toml"),
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(home / "storage"),
        "PREFECT_LOGGING_CONFIG_PATH": str(home / "logging.yml"),
        "PREFECT_SERVER_MEMO_STORE_PATH": str(home / "memo.toml"),
    }
    env = world(home, PREFECT_LOGGING_LEVEL="INFO", **paths)
    made = Machine(project, env, f"http://127.0.0.1:{port}/api", engine)
    made("up", "--port", str(port))
    made("build")
    made("deploy", "--local")
    made.edit("no-image", image="127.0.0.1:9/no-such:image")
    made.edit("no-memory", mem_limit="one")
    yield made
    made("down", ok=False)
    for each in engine.containers.list(
        all=True, ignore_removed=True, filters={"label": f"io.flowship.project={name}"}
    ):
        each.remove(force=True)
    remove_images(engine, name)


@pytest.fixture(scope="module")
def runs(machine):
    """One run of each deployment, by its name: the first four at their end, the last asleep."""
    started = {name: machine.start(name, mode) for name, mode in MODES.items()}
    for name in ("kept", "removed"):
        machine.until_it_sleeps(started[name])
    (killed,) = machine.containers(started["kept"])
    killed.kill("SIGKILL")
    for name in ("kept", "small", "no-command", "no-module"):
        machine.until_state(started[name], "CRASHED")
    return started


def test_a_killed_container_is_not_blamed_on_its_memory_and_its_output_is_shown(machine, runs):
    done = machine("logs", runs["kept"])
    (container,) = machine.containers(runs["kept"])
    assert f"container {container.name} was killed by SIGKILL, exit code 137" in done.stderr
    assert "out-of-memory" in machine.state(runs["kept"])["message"]  # as Prefect guesses
    assert "this is kill" in done.stdout
    assert "Crashed" in done.stderr


def test_a_container_gets_the_workers_settings_without_the_paths_of_its_machine(machine, runs):
    (container,) = machine.containers(runs["kept"])
    names = {entry.partition("=")[0] for entry in container.attrs["Config"]["Env"]}
    assert {"PREFECT_API_URL", "PREFECT_LOGGING_LEVEL"} <= names
    assert len(machine.env.keys() & {*OF_THE_WORKER}) == 5
    assert names & {*OF_THE_WORKER} == set()


def test_a_run_out_of_memory_says_so_with_the_lines_that_prefect_lost(machine, runs):
    until(lambda: all(c.status == "exited" for c in machine.containers(runs["small"])), every=1)
    found = machine("logs", "small", "--failed", "--json").json
    container = found["container"]
    assert found["run"]["id"] == runs["small"]
    assert container["out_of_memory"] is True
    assert (
        "ran out of memory: a process needed more than 256 MiB (OOM killed)"
        in (container["message"])
    )
    assert "exit code 0 (of Prefect's own process in it, which went on" in container["message"]
    assert any("this is eat" in line for line in container["lines"])


def test_a_command_that_does_not_exist_is_the_engines_message(machine, runs):
    done = machine("logs", runs["no-command"])
    assert "did not start: " in done.stderr
    assert '"no-such-program": executable file not found' in done.stderr


@pytest.mark.parametrize(
    ("name", "why"),
    [("no-image", "No such image: 127.0.0.1:9/no"), ("no-memory", "one")],
)
def test_a_run_that_got_no_container_says_why_and_what_examines_it(machine, runs, name, why):
    machine.until_state(runs[name], "CRASHED")
    said = machine("logs", runs[name]).stderr
    assert "no container was started: " in said
    assert why in said
    assert "was removed" not in said
    assert "→ `flowship doctor` examines the image" in said


def test_what_a_removed_container_printed_is_in_the_log_of_the_worker(machine, runs):
    done = machine("logs", runs["no-module"])
    assert machine.containers(runs["no-module"]) == []
    assert "from the worker's log " in done.stderr
    assert "auto-remove = false" in done.stderr
    assert "ModuleNotFoundError: No module named 'nothing_here'" in done.stdout


def test_ps_shows_the_run_that_is_going_on_and_with_all_the_dead_ones(machine, runs):
    (row,) = machine("ps", "--json").json["runs"]
    (container,) = machine.containers(runs["removed"])
    assert (row["id"], row["state"]) == (runs["removed"], "Running")
    assert row["container"]["shell"] == f"docker exec -it {container.name} sh"
    assert row["container"]["memory"] > 20 * 2**20
    code, output = container.exec_run(["sh", "-c", "echo inside"])
    assert (code, output) == (0, b"inside\n")
    everything = machine("ps", "--all", "--json").json["runs"]
    removed_or_never_made = {"no-module", "no-image", "no-memory"}
    assert {r["id"] for r in everything} == {
        run for name, run in runs.items() if name not in removed_or_never_made
    }


def test_a_run_that_is_going_on_is_canceled_and_its_container_is_gone(machine, runs):
    done = machine("cancel", "removed")
    assert done.stdout == "CANCELLED\n"
    until(lambda: machine.containers(runs["removed"]) == [], every=1)
    again = machine("cancel", runs["removed"])
    assert "has already ended: Cancelled; nothing was canceled" in again.stderr


def test_a_run_whose_container_and_worker_died_is_recognized_and_ended(machine, runs):
    run = machine.start("removed", "sleep")
    machine.until_it_sleeps(run)
    machine.kill_worker()
    (container,) = machine.containers(run)
    container.kill("SIGKILL")
    until(lambda: machine.containers(run) == [], every=1)
    assert machine.state(run)["type"] == "RUNNING"  # for ever, as far as Prefect is concerned
    done = machine("logs", run)
    assert "its container no longer exists, and its worker flowship-" in done.stderr
    assert "this is sleep" in done.stdout
    (row,) = machine("ps", "--json").json["runs"]
    assert row["place"] == f"gone; `flowship cancel {run}` ends the run"
    assert machine("cancel", run).stdout == "CANCELLED\n"
    assert "no longer exists" in machine.state(run)["message"]
