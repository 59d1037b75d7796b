"""A scheduler that plans runs, and one that does not: its server answers every request."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta

import pytest
from uv import find_uv_bin

from flowship import scope
from flowship.doctor import scheduler
from flowship.doctor.result import Finding, Severity
from flowship.doctor.world import World
from flowship.prefect.client import PrefectApi
from support.deploying import Target, send_until_accepted
from support.server import start_server, stop

pytestmark = pytest.mark.server

DAILY = {"cron": "0 5 * * *", "timezone": "UTC"}
OVER = {"rrule": "FREQ=DAILY;UNTIL=20200101T000000", "timezone": "UTC"}


@pytest.fixture
def short_round(monkeypatch) -> None:
    """The server's own rounds for deployments that changed come every 5 s."""
    monkeypatch.setattr(scheduler, "ROUND", timedelta(seconds=12))


def deployed(url: str, name: str, schedule: dict, **more: object) -> dict:
    flow = send_until_accepted("POST", f"{url}/flows/", {"name": name}).json()
    schedules = [{"schedule": schedule, "active": True}]
    body = {"name": name, "flow_id": flow["id"], "schedules": schedules, **more}
    made = send_until_accepted("POST", f"{url}/deployments/", body).json()
    return {**made, "flow_name": name}


def examined(url: str, tmp_path, *deployments: dict) -> Finding:
    world = World(tmp_path, scope.Scope("trips"), environ={"HOME": str(tmp_path)})
    world.deployments = deployments
    world.connected_api = PrefectApi(Target(url))
    return scheduler.scheduler(world)


def test_planned_runs_of_an_active_schedule_are_ok(prefect_server, tmp_path, short_round):
    made = deployed(prefect_server, f"d-{tmp_path.name}", DAILY)
    time.sleep(14)
    finding = examined(prefect_server, tmp_path, made)
    assert (finding.severity, finding.found) == (
        Severity.OK, "the runs of active schedules are planned",
    )  # fmt: skip


def test_schedules_that_are_over_or_paused_have_no_runs_and_that_is_ok(
    prefect_server, tmp_path, short_round
):
    over = deployed(prefect_server, f"over-{tmp_path.name}", OVER)
    paused = deployed(prefect_server, f"paused-{tmp_path.name}", DAILY, paused=True)
    time.sleep(14)
    assert examined(prefect_server, tmp_path, over, paused).severity is not Severity.ERROR


def test_the_package_versions_with_which_no_schedule_fires(tmp_path, short_round):
    overlay = tmp_path / "overlay"
    install = [find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable, "--no-deps"]
    wanted = ["--target", str(overlay), "sqlalchemy>=2.1.0b1,<2.2"]
    subprocess.run([*install, *wanted], check=True, timeout=300)
    server, url = start_server(tmp_path / "home", PYTHONPATH=str(overlay))
    try:
        made = deployed(url, "trips", DAILY)
        early = examined(url, tmp_path, made)
        assert early.severity is Severity.SKIPPED  # the scheduler may still see it
        time.sleep(14)
        finding = examined(url, tmp_path, made)
    finally:
        stop(server)
    assert finding.severity is Severity.ERROR
    assert "trips/trips has an active schedule, but no run of it is planned" in finding.found
    assert finding.meaning == "The server answers, but no scheduled run starts."
    assert "check the server's log" in finding.remedy
