"""Reports to a real Prefect server what a worker and its container would report."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from support.deploying import Project, send_until_accepted


class Container:
    """Reports to the server what a worker and its container would report."""

    def __init__(self, project: Project, run_id: str) -> None:
        self.url = project.api.url
        self.run_id = run_id
        self.moment = datetime.now(timezone.utc)

    def post(self, path: str, body: object) -> dict:
        response = send_until_accepted("POST", self.url + path, body)
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


def steps(*actions):
    """A replacement for sleep that performs one action each time, and never sleeps."""
    left = list(actions)

    def sleep(seconds: float) -> None:
        if left:
            left.pop(0)()

    return sleep
