"""The requests about flow runs, their task runs and their logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from flowship.prefect.wire import PAGE, Wire

if TYPE_CHECKING:
    from flowship.prefect.types import Event, FlowRun, Log, StateChange, TaskRun


class RunRequests(Wire):
    """The endpoints of runs."""

    def scheduled_runs(self) -> list[FlowRun]:
        """The runs that wait for their time, the latest of them first; at most 200."""
        which = {"state": {"type": {"any_": ["SCHEDULED"]}}}
        return self.runs(which, sort="EXPECTED_START_TIME_DESC")

    def runs_of(self, deployment_id: str) -> list[FlowRun]:
        """The runs of a deployment, at most 200."""
        body = {"flow_runs": {"deployment_id": {"any_": [deployment_id]}}, "limit": PAGE}
        return cast("list[FlowRun]", self._list("POST", "/flow_runs/filter", body))

    def runs(
        self,
        which: Mapping[str, Any],
        *,
        sort: str = "START_TIME_DESC",
        limit: int = PAGE,
    ) -> list[FlowRun]:
        """The first runs that a filter of Prefect matches, in one request.

        Args:
            which: Prefect's ``flow_runs`` filter.
            sort: Prefect's name of the order. START_TIME_DESC takes the expected time of a run
                that has not started.
            limit: How many, at most 200.
        """
        body = {"flow_runs": which, "sort": sort, "limit": limit}
        return cast("list[FlowRun]", self._list("POST", "/flow_runs/filter", body))

    def create_run(self, deployment_id: str, parameters: Mapping[str, Any]) -> FlowRun:
        """Start a run of a deployment, to begin at once."""
        path = f"/deployments/{deployment_id}/create_flow_run"
        return cast("FlowRun", self._must("POST", path, {"parameters": parameters}))

    def run(self, run_id: str) -> FlowRun:
        """A flow run with its state."""
        return cast("FlowRun", self._must("GET", f"/flow_runs/{run_id}"))

    def run_or_none(self, run_id: str) -> FlowRun | None:
        """The same, or None if the server has no such run."""
        return cast("FlowRun | None", self._get(f"/flow_runs/{run_id}"))

    def set_run_state(
        self, run_id: str, state_type: str, message: str = "", *, force: bool = False
    ) -> StateChange:
        """Propose a state for a run; the server may give it another one.

        Args:
            run_id: The run.
            state_type: Such as ``CANCELLING``.
            message: The state's message.
            force: Set the state without the server's rules.

        Returns:
            The server's answer: the state that the run has now, and why if it is another one.
        """
        state = {"type": state_type, "message": message or None}
        path = f"/flow_runs/{run_id}/set_state"
        found = self._request("POST", path, {"state": state, "force": force})
        if not isinstance(found, dict) or "status" not in found:
            raise self._not_prefect()
        return cast("StateChange", found)

    def child_runs(self, parents: Sequence[str]) -> list[FlowRun]:
        """The flow runs that these runs started."""
        body = {"flow_runs": {"parent_flow_run_id": {"any_": list(parents)}}}
        return cast("list[FlowRun]", list(self._pages("/flow_runs/filter", body)))

    def task_runs(self, ids: Sequence[str]) -> list[TaskRun]:
        """These task runs, as far as the server has them yet."""
        body = {"task_runs": {"id": {"any_": list(ids)}}}
        return cast("list[TaskRun]", list(self._pages("/task_runs/filter", body)))

    def logs(
        self,
        runs: Sequence[str],
        after: str | None = None,
        *,
        level: int = 0,
        newest_first: bool = False,
        page: int = PAGE,
    ) -> Iterator[Log]:
        """The log records of these runs in order of time; a page is read when it is needed.

        Args:
            runs: Their IDs.
            after: The first moment, in ISO 8601.
            level: The lowest level, as Python's number.
            newest_first: Whether the newest record comes first.
            page: How many records a request asks for, at most 200.
        """
        which: dict[str, Any] = {"flow_run_id": {"any_": list(runs)}}
        if after:
            which["timestamp"] = {"after_": after}
        if level:
            which["level"] = {"ge_": level}
        order = "TIMESTAMP_DESC" if newest_first else "TIMESTAMP_ASC"
        body = {"logs": which, "sort": order}
        return cast("Iterator[Log]", self._pages("/logs/filter", body, page))

    def heartbeats(self, run_id: str, since: str, *, limit: int) -> list[Event]:
        """The last signs of life of a run, the newest first.

        Args:
            run_id: The run.
            since: ISO 8601; older ones are left out.
            limit: How many, at most 50.
        """
        which = {
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run_id}"]},
            "occurred": {"since": since},
            "order": "DESC",
        }
        found = self._request("POST", "/events/filter", {"filter": which, "limit": limit})
        if not isinstance(found, dict) or not isinstance(found.get("events"), list):
            raise self._not_prefect()
        return cast("list[Event]", found["events"])

    def delete_run(self, run_id: str) -> None:
        """Delete a flow run."""
        self._request("DELETE", f"/flow_runs/{run_id}", missing=True)
