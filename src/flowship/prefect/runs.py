"""The requests about flow runs, their task runs and their logs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from flowship.prefect.wire import PAGE, Wire

if TYPE_CHECKING:
    from flowship.prefect.types import FlowRun, Log, TaskRun


class RunRequests(Wire):
    """The endpoints of runs."""

    def scheduled_runs(self) -> list[FlowRun]:
        """The runs that wait for their time, the latest of them first; at most 200."""
        body = {
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
            "sort": "EXPECTED_START_TIME_DESC",
            "limit": PAGE,
        }
        return cast("list[FlowRun]", self._list("POST", "/flow_runs/filter", body))

    def runs_of(self, deployment_id: str) -> list[FlowRun]:
        """The runs of a deployment, at most 200."""
        body = {"flow_runs": {"deployment_id": {"any_": [deployment_id]}}, "limit": PAGE}
        return cast("list[FlowRun]", self._list("POST", "/flow_runs/filter", body))

    def active_runs(self, deployments: Collection[str]) -> list[FlowRun]:
        """The runs of these deployments that the server believes to be at work, at most 200, those
        that started first at the beginning."""
        body = {
            "flow_runs": {
                "deployment_id": {"any_": sorted(deployments)},
                "state": {"type": {"any_": ["RUNNING", "CANCELLING"]}},
            },
            "sort": "START_TIME_ASC",
            "limit": PAGE,
        }
        return cast("list[FlowRun]", self._list("POST", "/flow_runs/filter", body))

    def planned_runs(self, deployment_id: str, after: str) -> list[FlowRun]:
        """The runs of a deployment that are scheduled for later than `after` (ISO 8601), at most
        200."""
        body = {
            "flow_runs": {
                "deployment_id": {"any_": [deployment_id]},
                "state": {"type": {"any_": ["SCHEDULED"]}},
                "next_scheduled_start_time": {"after_": after},
            },
            "sort": "NEXT_SCHEDULED_START_TIME_ASC",
            "limit": PAGE,
        }
        return cast("list[FlowRun]", self._list("POST", "/flow_runs/filter", body))

    def create_run(self, deployment_id: str, parameters: Mapping[str, Any]) -> FlowRun:
        """Start a run of a deployment, to begin at once."""
        path = f"/deployments/{deployment_id}/create_flow_run"
        return cast("FlowRun", self._must("POST", path, {"parameters": parameters}))

    def run(self, run_id: str) -> FlowRun:
        """A flow run with its state."""
        return cast("FlowRun", self._must("GET", f"/flow_runs/{run_id}"))

    def child_runs(self, parents: Sequence[str]) -> list[FlowRun]:
        """The flow runs that these runs started."""
        body = {"flow_runs": {"parent_flow_run_id": {"any_": list(parents)}}}
        return cast("list[FlowRun]", list(self._pages("/flow_runs/filter", body)))

    def task_runs(self, ids: Sequence[str]) -> list[TaskRun]:
        """These task runs, as far as the server has them yet."""
        body = {"task_runs": {"id": {"any_": list(ids)}}}
        return cast("list[TaskRun]", list(self._pages("/task_runs/filter", body)))

    def logs(self, runs: Sequence[str], after: str | None = None) -> list[Log]:
        """The log records of these runs in order of time, from `after` (ISO 8601) on."""
        since = {"timestamp": {"after_": after}} if after else {}
        body = {"logs": {"flow_run_id": {"any_": list(runs)}, **since}, "sort": "TIMESTAMP_ASC"}
        return cast("list[Log]", list(self._pages("/logs/filter", body)))

    def delete_run(self, run_id: str) -> None:
        """Delete a flow run."""
        self._request("DELETE", f"/flow_runs/{run_id}", missing=True)
