"""What happens in the guide "The 05:00 run did not happen", on a real server, worker and engine."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx

from support.commands import PATIENCE, Outcome, flowship, one_object

FLOW = """\
import time

from prefect import flow


@flow(log_prints=True)
def trips(month: int = 1):
    if month == 4:
        raise ValueError("the file of April is damaged")
    if month == 5:
        time.sleep(600)
    print(f"month {month}: loaded")
"""
CONFIG = """\
name = "trips"
entrypoint = "trips.py:trips"

[[deployments]]
name = "nightly"
cron = "0 5 * * *"
timezone = "Europe/Berlin"
"""


class Night:
    """A project that runs, and what happens to it."""

    def __init__(self, folder: Path, env: dict[str, str], registry: str, port: int) -> None:
        self.folder, self.env, self.url = folder, env, f"http://127.0.0.1:{port}/api"
        (folder / "trips.py").write_text(f"{FLOW}# {folder}\n")
        (folder / "flowship.toml").write_text(CONFIG)
        self.run("up", "--port", str(port))
        self.run("ship", "--repo", f"{registry}/trips")

    def run(self, *words: str, ok: bool = True) -> Outcome:
        return flowship(*words, cwd=self.folder, env=self.env, ok=ok)

    def ask(self, method: str, path: str, body: object = None) -> object:
        response = httpx.request(method, self.url + path, json=body, timeout=60)
        response.raise_for_status()
        return response.json() if response.content else None

    @property
    def deployment(self) -> str:
        found = self.ask("GET", "/deployments/name/trips/nightly")
        assert isinstance(found, dict)
        return str(found["id"])

    def status(self) -> dict:
        [found] = one_object(self.run("status", "--json").stdout)["deployments"]
        return dict(found)

    def until(self, is_there: Callable[[dict], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_there(self.status()):
            assert time.monotonic() < deadline
            time.sleep(1)

    def has_no_run_that_goes_on(self) -> bool:
        going_on = {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}
        due = {"state": {"type": {"any_": ["SCHEDULED"]}}}
        due["expected_start_time"] = {"before_": datetime.now(timezone.utc).isoformat()}
        return not any(
            self.ask("POST", "/flow_runs/filter", {"flow_runs": which}) for which in (going_on, due)
        )

    # What happens before each command of the guide that needs it.

    def a_person_pauses_it(self) -> None:
        self.run("pause")

    def the_pool_is_paused_and_a_run_is_due(self) -> None:
        self.ask("PATCH", "/work_pools/flowship", {"is_paused": True})
        at = (datetime.now(timezone.utc) - timedelta(minutes=5)).isoformat()
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}
        self.ask("POST", f"/deployments/{self.deployment}/create_flow_run", {"state": state})

    def the_pool_is_resumed(self) -> None:
        command = [sys.executable, "-m", "prefect", "work-pool", "resume", "flowship"]
        subprocess.run(command, env={**self.env, "PREFECT_API_URL": self.url}, check=True)
        self.until(lambda found: bool(found["runs"]) and bool(found["runs"][-1]["ended"]))

    def a_run_fails(self) -> None:
        self.run("run", "nightly", "--param", "month=4", "--watch", ok=False)

    def a_run_does_not_end(self) -> None:
        self.until(lambda _: self.has_no_run_that_goes_on())
        started = one_object(self.run("run", "nightly", "--param", "month=5", "--json").stdout)
        self.until(
            lambda _: self.ask("GET", f"/flow_runs/{started['id']}")["state_type"] == "RUNNING"
        )


BEFORE = (
    Night.a_person_pauses_it,
    None,
    Night.the_pool_is_paused_and_a_run_is_due,
    None,
    Night.the_pool_is_resumed,
    Night.a_run_fails,
    None,
    None,
    Night.a_run_does_not_end,
    None,
    None,
)
"""What happens before each command of the guide; None for nothing."""
