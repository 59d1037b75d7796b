"""The whole cycle on real parts: engine, registry, server, scheduler, workers, containers.

One server and one worker, which `flowship up` starts, serve all tests of this file; the project
is built and shipped once. Every command is one that a user would type.
"""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

import pytest
from parts.ports import free_port

from support.commands import ask, flowship, misfits, until, world
from support.projects import remove_images, write
from support.shapes import SHIP, STACK

pytestmark = [pytest.mark.engine, pytest.mark.server]

EVERY_MINUTE = "* * * * *"
FLOW = '''\
from greeting import words
from prefect import flow


@flow(log_prints=True)
def hello(name: str = "world", fail: bool = False, *others: str, **more: str) -> str:
    """Greet somebody."""
    if fail:
        raise ValueError("there were no rows at all")
    print(f"from {__file__}")
    print(" ".join([words(), name, *others, *more.values()]))
    return name
'''
GREETING = 'def words() -> str:\n    return "first edition: hello"\n'


class Machine:
    """A laptop with a local stack, a registry, and one project."""

    def __init__(self, home: Path, base_image: str, repository: str) -> None:
        self.port = free_port()
        self.api = f"http://127.0.0.1:{self.port}/api"
        self.env = world(home, FLOWSHIP_REPO=repository)
        self.repository = repository
        self.project = home / repository.rpartition("/")[2]
        self.name = self.project.name
        self.deployment = f"{self.name}-every-minute"
        files = {"flow.py": FLOW, "greeting.py": GREETING}
        more = (
            f'[block]\nauto-remove = true\n[[deployments]]\nname = "{self.deployment}"\n'
            'tags = ["tested"]\n'
        )
        write(self.project, base_image, files, more)

    def __call__(self, *arguments: str, ok: bool = True, **env: str):
        return flowship(*arguments, cwd=self.project, env={**self.env, **env}, ok=ok)

    def ask(self, path: str, body: object = None, method: str | None = None):
        return ask(self.api, path, body, method)

    def stored(self, name: str | None = None):
        return self.ask(f"/deployments/name/hello/{name or self.deployment}")

    def block(self):
        path = f"/block_types/slug/docker-container/block_documents/name/{self.name}-docker"
        return self.ask(path)

    def prefect(self, *arguments: str) -> None:
        """A command of Prefect's own, as its documentation has it."""
        command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
        subprocess.run(command, env=self.env, check=True, capture_output=True)


@pytest.fixture(scope="module")
def machine(tmp_path_factory, base_image, engine, registry):
    home = tmp_path_factory.mktemp("laptop")
    name = f"t{uuid.uuid4().hex[:10]}"
    made = Machine(home, base_image, f"{registry.address}/{name}")
    yield made
    made("down", ok=False)
    remove_images(engine, name)


@pytest.fixture(scope="module")
def up(machine):
    """What `flowship up --json` said on a machine where nothing ran and nothing was set."""
    return machine("up", "--port", str(machine.port), "--json").json


@pytest.fixture(scope="module")
def shipped(machine, up):
    """What the first `flowship ship --json` said, with a schedule that is soon due."""
    return machine("ship", "--cron", EVERY_MINUTE, "--json").json


@pytest.fixture(scope="module")
def shipped_again(machine, shipped, registry):
    """The same once more: what it said, and what was there before and after."""

    def state():
        pool = machine.ask(f"/work_pools/{shipped['deploy']['pool']['name']}")
        found = (machine.stored(), machine.block(), pool)
        blobs = {p: p.stat().st_mtime_ns for p in registry.folder.rglob("*") if p.is_file()}
        blobs = {p: t for p, t in blobs.items() if machine.name in str(p) or "blobs" in str(p)}
        return [(part["id"], part["updated"]) for part in found], blobs

    before = state()
    again = machine("ship", "--cron", EVERY_MINUTE, "--json").json
    return again, before, state()


@pytest.fixture(scope="module")
def scheduled_run(machine, shipped_again):
    """The first run that the server's scheduler started, at its end; then no more of them."""
    wanted = {
        "deployments": {"name": {"any_": [machine.deployment]}},
        "sort": "EXPECTED_START_TIME_ASC",
        "limit": 1,
    }

    def ended():
        (run, *_) = machine.ask("/flow_runs/filter", wanted) or [None]
        return run if run and run["end_time"] else None

    run = until(ended, every=1)
    machine("deploy", "--no-schedule")
    return run


def logs_of(machine, run):
    wanted = {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "limit": 200}
    return [record["message"] for record in machine.ask("/logs/filter", wanted)]


# --- ship, and let the scheduler do its part -----------------------------------------------------


def test_up_starts_a_server_and_a_worker_on_a_fresh_machine(machine, up):
    assert misfits(up, STACK) == []
    assert up["api_url"] == machine.api
    assert [(s["name"], s["state"]) for s in up["services"]] == [
        ("server", "started"),
        ("worker", "started"),
    ]
    assert up["scheduler"] == "running"
    assert up["profile"]["switched_from"] == "ephemeral"


def test_ship_builds_pushes_and_deploys_in_one_command(machine, shipped):
    assert misfits(shipped, SHIP) == []
    assert shipped["build"]["probe"]["flow_name"] == "hello"
    pinned = shipped["push"]["reference"]
    assert pinned.startswith(f"{machine.repository}:")
    assert "@sha256:" in pinned
    assert machine.block()["data"]["image"] == pinned
    deploy = shipped["deploy"]
    assert deploy["pool"]["worker_online"] is True
    (deployment,) = deploy["deployments"]
    (schedule,) = deployment["schedules"]
    assert len(schedule["next_runs"]) == 3
    values = {p["name"]: (p["value"], p["source"]) for p in deployment["parameters"]}
    told = {"name": ("world", "default"), "fail": (False, "default"), "more": ({}, "default")}
    assert values == told


def test_shipping_again_builds_pushes_and_writes_nothing(shipped, shipped_again):
    again, before, after = shipped_again
    assert again["build"]["unchanged"] is True
    assert again["push"]["already"] is True
    assert again["push"]["reference"] == shipped["push"]["reference"]
    deploy = again["deploy"]
    assert deploy["block"]["outcome"] == "unchanged"
    assert [d["outcome"] for d in deploy["deployments"]] == ["unchanged"]
    schedules = [
        d["schedules"] for d in (shipped["deploy"]["deployments"][0], *deploy["deployments"])
    ]
    assert schedules[0][0]["id"] == schedules[1][0]["id"]
    assert len(schedules[1]) == 1
    assert after == before


def test_the_scheduler_starts_a_run_and_it_finishes_in_a_container(machine, scheduled_run):
    assert scheduled_run["auto_scheduled"] is True
    assert scheduled_run["state"]["type"] == "COMPLETED", scheduled_run["state"]
    assert scheduled_run["infrastructure_pid"], "the container's, as the worker wrote it"
    until(lambda: "first edition: hello world" in logs_of(machine, scheduled_run))
    assert "from /opt/prefect/flows/flow.py" in logs_of(machine, scheduled_run)
    logs = Path(machine.env["FLOWSHIP_STATE_DIR"]).glob("worker-*.log")
    assert any(scheduled_run["id"] in log.read_text() for log in logs)


def test_a_schedule_that_was_removed_starts_nothing_more(machine, scheduled_run):
    assert machine.stored()["schedules"] == []


# --- runs ----------------------------------------------------------------------------------------


def test_a_run_is_watched_to_its_end_with_its_logs(machine, scheduled_run):
    code, stdout, stderr = machine("run", "--watch", "-p", "name=Ada", "-p", 'more={"who": "Bo"}')
    assert (code, stdout) == (0, "COMPLETED\n")
    assert stderr.count("first edition: hello Ada Bo") == 1


def test_a_run_that_fails_is_exit_code_8_with_its_reason(machine, scheduled_run):
    code, stdout, stderr = machine("run", "--watch", "--param", "fail=true", ok=False)
    assert (code, stdout) == (8, "FAILED\n")
    assert "ValueError: there were no rows at all" in stderr
    assert re.search(r"see `flowship logs \S+` and http", stderr)


# --- another image -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def second_edition(machine, scheduled_run):
    """An image of edited files that was built and never pushed; the files stay edited."""
    (machine.project / "greeting.py").write_text(GREETING.replace("first", "second"))
    return machine("build", "--json").json


def test_an_image_edited_into_the_block_is_what_the_next_run_uses(machine, second_edition):
    block = machine.block()
    data = {**block["data"], "image": second_edition["image"], "image_pull_policy": "Never"}
    body = {"data": data, "merge_existing_data": False}
    machine.ask(f"/block_documents/{block['id']}", body, "PATCH")
    code, _, stderr = machine("run", "--watch", "--param", "name=Eve")
    assert code == 0
    assert "second edition: hello Eve" in stderr


def test_an_image_that_was_never_pushed_runs_on_this_engine_and_the_report_says_so(
    machine, second_edition
):
    done = machine("deploy", "--local", "--json")
    assert done.json["pushed"] is False
    assert done.json["image"] == second_edition["image"]
    assert "only on this engine" in done.stderr
    assert machine.block()["data"]["image_pull_policy"] == "Never"
    code, _, stderr = machine("run", "--watch", "--param", "name=Bob")
    assert code == 0
    assert "second edition: hello Bob" in stderr


def test_a_default_pool_of_prefects_own_making_works(machine, second_edition):
    machine.prefect("work-pool", "create", "made-by-hand", "--type", "docker")
    template = machine.ask("/work_pools/made-by-hand")["base_job_template"]
    env = {"FLOWSHIP_WORK_POOL": "made-by-hand"}
    done = machine("up", "--port", str(machine.port), "--json", **env).json
    assert [(s["name"], s["state"]) for s in done["services"]] == [
        ("server", "already running"),
        ("worker", "started"),
    ]
    pool = machine("deploy", "--local", "--json", **env).json["pool"]
    assert (pool["outcome"], pool["widened"]) == ("found", False)
    assert "image" in pool["live"]
    assert pool["copied"]
    assert machine.ask("/work_pools/made-by-hand")["base_job_template"] == template
    code, _, stderr = machine("run", "--watch", "--param", "name=Zoe", **env)
    assert code == 0
    assert "second edition: hello Zoe" in stderr


# --- the end -------------------------------------------------------------------------------------


def test_down_stops_all_that_up_started(machine, engine, second_edition):
    report = machine("down", "--json").json
    assert misfits(report, STACK) == []
    assert {(s["name"], s["state"]) for s in report["services"]} == {
        ("server", "stopped"),
        ("worker", "stopped"),
    }
    assert command_lines_with(f"--port {machine.port}") == []
    assert command_lines_with(f":{machine.port}/") == []
    assert [s for s in report["services"] if Path(f"/proc/{s['pid']}").exists()] == []
    ours = {"label": "io.prefect.flow-name=hello"}
    names = [
        c.attrs["Config"]["Image"]
        for c in engine.containers.list(all=True, ignore_removed=True, filters=ours)
    ]
    assert [name for name in names if machine.name in name] == []
    again = machine("down", "--json").json
    assert again["services"] == []


def command_lines_with(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found


def test_the_clock_of_the_schedule_is_the_servers(scheduled_run):
    expected = datetime.fromisoformat(scheduled_run["expected_start_time"].replace("Z", "+00:00"))
    assert expected.second == 0
    assert expected <= datetime.now(timezone.utc)
