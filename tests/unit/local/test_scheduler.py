"""The scheduler's check, with canned answers of a server."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import httpx
import pytest

from flowship.errors import ApiError
from flowship.local import records, scheduler
from flowship.local.records import Record
from flowship.local.services import SchedulerState, Service, State, service
from flowship.local.session import Session, Undo
from flowship.prefect import client
from support.targets import api, api_target


class Server:
    """A server that schedules runs, or does not, and notes what is created and deleted."""

    def __init__(self, *, scheduled_ago: timedelta | None = None, schedules: bool = True) -> None:
        self.scheduled_ago = scheduled_ago
        self.schedules = schedules
        self.names: list[str] = []
        self.deleted: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api")
        body = json.loads(request.content) if request.content else {}
        if request.method == "DELETE":
            self.deleted.append(path)
            return httpx.Response(204)
        if path == "/flow_runs/filter":
            return httpx.Response(200, json=self._runs(body["flow_runs"]))
        if path == "/flows/filter" and "any_" in body["flows"]["name"]:
            return httpx.Response(200, json=[{"id": "flows", "name": self.names[0]}])
        if path == "/flows/filter":
            old = "2020-01-01T00:00:00Z"
            return httpx.Response(200, json=[{"id": "old", "created": old}])
        if path in ("/flows/", "/deployments/"):
            self.names.append(body["name"])
        return httpx.Response(200, json={"id": path.split("/")[1]})

    def _runs(self, wanted: dict[str, object]) -> list[dict[str, object]]:
        if "deployment_id" in wanted:
            return [{"id": "run"}] if self.schedules else []
        if self.scheduled_ago is None:
            return []
        created = datetime.now(timezone.utc) - self.scheduled_ago
        return [{"auto_scheduled": True, "created": created.isoformat()}]


LOCAL = "http://127.0.0.1:4200/api"


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Check the scheduler of a `Server`."""

    def run(server: Server, url: str = LOCAL, found: Service | None = None) -> SchedulerState:
        target = api_target(url)
        monkeypatch.setattr(client, "PrefectApi", lambda _: api(server.answer, target))
        environ = {"FLOWSHIP_STATE_DIR": str(tmp_path)}
        session = Session(target, environ, tmp_path, lambda event: None, Undo())
        found = found or Service("server", State.EXTERNAL, url)
        return scheduler.check_scheduler(session, found)

    return run


def test_a_recent_scheduled_run_is_enough(check):
    server = Server(scheduled_ago=timedelta(minutes=1))
    assert check(server) is SchedulerState.RUNNING
    assert server.names == []


def test_without_a_recent_run_a_deployment_is_created_and_deleted(check):
    server = Server(scheduled_ago=timedelta(hours=1))
    assert check(server) is SchedulerState.RUNNING
    assert [name.startswith(scheduler.CHECK_FLOW) for name in server.names] == [True, True]
    assert server.deleted == ["/flows/old", "/deployments/deployments", "/flow_runs/run",
        "/flow_runs/run", "/flows/flows"]  # fmt: skip


def test_nothing_is_written_to_a_server_on_another_machine(check):
    server = Server()
    assert check(server, "http://prefect.example.com/api") is SchedulerState.NOT_CHECKED
    assert server.names == []


def test_a_scheduler_that_creates_no_runs_is_an_error_and_nothing_stays(check, monkeypatch):
    monkeypatch.setattr(scheduler, "WAIT_SECONDS", 0.0)
    server = Server(schedules=False)
    with pytest.raises(ApiError, match="its scheduler does not create runs") as error:
        check(server)
    assert error.value.code == "scheduler-not-running"
    assert server.deleted[-1] == "/flows/flows"


def test_a_known_failure_in_the_servers_log_ends_the_wait(check, tmp_path):
    log = tmp_path / "server.log"
    log.write_text(f"InvalidRequestError: {scheduler.failures.SCHEDULER_BROKEN}\n")
    record = Record("server", 1, "", LOCAL, str(log))
    with pytest.raises(ApiError) as error:
        check(Server(schedules=False), found=service(record, State.RUNNING))
    assert "sqlalchemy<2.1" in error.value.hint
    assert error.value.where == str(log)


def test_a_server_of_ours_is_checked_once(check, tmp_path):
    record = Record("server", 1, "x", LOCAL, str(tmp_path / "server.log"))
    records.save(tmp_path, record)
    server = Server(scheduled_ago=timedelta(hours=1))
    assert check(server, found=service(record, State.RUNNING)) is SchedulerState.RUNNING
    assert check(server, found=service(record, State.RUNNING)) is SchedulerState.RUNNING
    assert len(server.names) == 2
