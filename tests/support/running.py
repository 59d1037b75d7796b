"""A run on a real Prefect server, whose worker and container the test plays."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from flowship.runs.chosen import ChosenRun, described
from flowship.runs.find import find
from flowship.runs.start import start
from support.deploying import Project, send_until_accepted


class StartedRun:
    """Reports to the server what a worker and its container would report of a run."""

    def __init__(self, project: Project, run_id: str) -> None:
        self.project, self.api = project, project.api
        self.run_id = run_id
        self.moment = datetime.now(timezone.utc)

    def chosen(self) -> ChosenRun:
        """The run as it is now."""
        return described(self.api, [self.api.run(self.run_id)])[0]

    def taken_by(self, worker: str) -> None:
        """Have a worker take it."""
        labels = {"prefect.worker.name": worker}
        self.project.raw("PATCH", f"/flow_runs/{self.run_id}/labels", labels)

    def post(self, path: str, body: object) -> dict:
        response = send_until_accepted("POST", self.api.url + path, body)
        return response.json() if response.content else {}

    def state(self, kind: str, message: str = "") -> None:
        body = {"state": {"type": kind, "name": kind.capitalize(), "message": message},
                "force": True}  # fmt: skip
        self.post(f"/flow_runs/{self.run_id}/set_state", body)

    def log(
        self, message: str, *, seconds: float = 1.0, level: int = 20, run=None, task=None
    ) -> None:
        self.moment += timedelta(seconds=seconds)
        record = {
            "name": "prefect.flow_runs",
            "level": level,
            "message": message,
            "timestamp": self.moment.isoformat(),
            "flow_run_id": run or self.run_id,
            "task_run_id": task,
        }
        self.post("/logs/", [record])


@pytest.fixture
def started_run(prefect_server: str) -> StartedRun:
    """A run of a deployment of its own, which waits for a worker that does not exist."""
    project = Project(prefect_server)
    project.deploy()
    run = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
    return StartedRun(project, run.id)


def steps(*actions):
    """A replacement for sleep that performs one action each time, and never sleeps."""
    left = list(actions)

    def sleep(seconds: float) -> None:
        if left:
            left.pop(0)()

    return sleep
