"""The few endpoints of Prefect's REST API that flowship uses, typed.

There are no business rules here: each method is one question or one change, and each failure is
an error of `flowship.prefect.errors`. `flowship.prefect.wire` sends the requests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

from flowship.prefect import errors, versions
from flowship.prefect.address import is_cloud, is_loopback
from flowship.prefect.automations import AutomationRequests
from flowship.prefect.blocks import BlockRequests
from flowship.prefect.runs import RunRequests
from flowship.prefect.wire import PAGE, path_part

if TYPE_CHECKING:
    from flowship.prefect.types import (
        Artifact,
        Deployment,
        Flow,
        Schedule,
        Variable,
        Worker,
        WorkPool,
    )


class PrefectApi(AutomationRequests, BlockRequests, RunRequests):
    """A connection to one Prefect API; a context manager with the arguments of `Wire`."""

    # --- about the server ---------------------------------------------------------------------

    @property
    def is_cloud(self) -> bool:
        """Whether this is Prefect Cloud, which has no version of its own."""
        return is_cloud(self.url)

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return is_loopback(self.url)

    def ui_url(self, path: str) -> str:
        """Return the address of a UI page, for example ``deployments/deployment/ID``."""
        base = self.url.removesuffix("/api")
        if self.is_cloud:
            base = base.replace("https://api.", "https://app.").replace("/api/accounts/",
                "/account/").replace("/workspaces/", "/workspace/")  # fmt: skip
        return f"{base}/{path}"

    def check(self) -> str:
        """Check that a Prefect 3 API answers, of a version that flowship works with.

        Returns:
            The server's version; "cloud" for Prefect Cloud.

        Raises:
            ApiError: Nothing answers, or something that is not such an API.
        """
        if self.is_cloud:
            self._request("POST", "/work_pools/filter", {"limit": 1})
            return "cloud"
        version = self._request("GET", "/admin/version", missing=True)
        if not isinstance(version, str):
            raise self._not_prefect()
        if not versions.is_supported_server(version):
            raise errors.unsupported_version(self.url, version, self.source)
        return version

    def clock(self) -> datetime | None:
        """The server's own time, to the second; None if it does not say, as Prefect Cloud."""
        if self.is_cloud:
            return None
        response = self._response("GET", "/health", missing=True)
        sent = response.headers.get("Date") if response is not None else None
        return parsedate_to_datetime(sent) if sent else None

    # --- flows and deployments ----------------------------------------------------------------

    def flows_named(self, names: Collection[str]) -> list[Flow]:
        """The flows with exactly these names, as far as they exist."""
        return self._flows({"name": {"any_": sorted(names)}}) if names else []

    def create_flow(self, name: str) -> Flow:
        """Register a flow; the existing one comes back when there is one."""
        return cast("Flow", self._must("POST", "/flows/", {"name": name}))

    def flows_like(self, name: str) -> list[Flow]:
        """The flows whose name contains `name`."""
        body = {"flows": {"name": {"like_": name}}}
        return cast("list[Flow]", self._list("POST", "/flows/filter", body))

    def deployment_by_name(self, flow: str, name: str) -> Deployment | None:
        """The deployment ``flow/name``, or None."""
        path = f"/deployments/name/{path_part(flow)}/{path_part(name)}"
        return cast("Deployment | None", self._get(path))

    def flows_by_id(self, ids: Sequence[str]) -> list[Flow]:
        """The flows with these ids."""
        return self._flows({"id": {"any_": list(ids)}}) if ids else []

    def _flows(self, which: Mapping[str, Any]) -> list[Flow]:
        return cast("list[Flow]", list(self._pages("/flows/filter", {"flows": which})))

    def deployments(
        self, names: Collection[str] | None = None, flows: Collection[str] | None = None
    ) -> Iterator[Deployment]:
        """Every deployment, or those with exactly these names, or of these flows, page by page."""
        body: dict[str, Any] = {}
        if names is not None:
            body["deployments"] = {"name": {"any_": sorted(names)}}
        if flows is not None:
            body["flows"] = {"name": {"any_": sorted(flows)}}
        return cast("Iterator[Deployment]", self._pages("/deployments/filter", body))

    def deployments_by_id(self, ids: Sequence[str]) -> list[Deployment]:
        """The deployments with these ids, as far as they exist."""
        body = {"deployments": {"id": {"any_": list(ids)}}}
        found = self._pages("/deployments/filter", body) if ids else ()
        return cast("list[Deployment]", list(found))

    def deployments_like(self, text: str) -> list[Deployment]:
        """At most 200 deployments whose name contains `text`, in the order of their names."""
        body = {"deployments": {"name": {"like_": text}}, "sort": "NAME_ASC", "limit": PAGE}
        return cast("list[Deployment]", self._list("POST", "/deployments/filter", body))

    def create_deployment(self, body: Mapping[str, Any]) -> Deployment:
        """Create a deployment. Only for one that does not exist: on an existing name the server
        deletes all schedules."""
        return cast("Deployment", self._must("POST", "/deployments/", body))

    def update_deployment(self, deployment_id: str, body: Mapping[str, Any]) -> None:
        """Change a deployment's own fields; never its schedules, which the server would replace."""
        assert "schedules" not in body, "schedules are changed one by one"
        self._request("PATCH", f"/deployments/{deployment_id}", body)

    def schedules(self, deployment_id: str) -> list[Schedule]:
        """A deployment's schedules."""
        return cast("list[Schedule]", self._list("GET", f"/deployments/{deployment_id}/schedules"))

    def create_schedule(self, deployment_id: str, body: Mapping[str, Any]) -> Schedule:
        """Add one schedule."""
        created = self._request("POST", f"/deployments/{deployment_id}/schedules", [body])
        return cast("Schedule", created[0])

    def update_schedule(
        self, deployment_id: str, schedule_id: str, body: Mapping[str, Any]
    ) -> None:
        """Change one schedule in place. `body` must carry the parameters: left out, the server
        empties them."""
        assert "active" not in body, "whether it is paused is the user's"
        assert "parameters" in body, "the server would empty them"
        self._request("PATCH", f"/deployments/{deployment_id}/schedules/{schedule_id}", body)

    def set_schedule_active(self, deployment_id: str, schedule: Schedule, *, active: bool) -> None:
        """Pause one schedule or resume it. The server deletes the planned runs of all schedules
        of the deployment; `schedule_now` puts back those of the others."""
        path = f"/deployments/{deployment_id}/schedules/{schedule['id']}"
        body = {"active": active, "parameters": schedule["parameters"]}
        self._request("PATCH", path, body)

    def set_deployment_paused(self, deployment_id: str, *, paused: bool) -> None:
        """Pause or resume a deployment as a whole: pausing deletes the planned runs, and leaves
        each schedule's own state."""
        action = "pause" if paused else "resume"
        self._request("POST", f"/deployments/{deployment_id}/{action}_deployment")

    def delete_schedule(self, deployment_id: str, schedule_id: str) -> None:
        """Remove one schedule, if it still exists."""
        path = f"/deployments/{deployment_id}/schedules/{schedule_id}"
        self._request("DELETE", path, missing=True)

    def schedule_now(self, deployment_id: str) -> None:
        """Have the next runs planned at once. The server's own rounds come every minute and
        look sooner only at deployments, not at schedules, that changed."""
        self._request("POST", f"/deployments/{deployment_id}/schedule", {}, missing=True)

    # --- work pools ---------------------------------------------------------------------------

    def work_pool(self, name: str) -> WorkPool | None:
        """The work pool, or None."""
        return cast("WorkPool | None", self._get(f"/work_pools/{path_part(name)}"))

    def create_work_pool(self, body: Mapping[str, Any]) -> WorkPool:
        """Create a work pool."""
        return cast("WorkPool", self._must("POST", "/work_pools/", body))

    def workers(self, pool: str) -> list[Worker]:
        """The workers that the pool has seen, each with its ``status``."""
        path = f"/work_pools/{path_part(pool)}/workers/filter"
        return cast("list[Worker]", self._list("POST", path, {}))

    # --- variables and artifacts --------------------------------------------------------------

    def variable(self, name: str) -> tuple[Variable, datetime] | None:
        """The variable and the server's own time, which its ``updated`` is to be compared with;
        None where there is none."""
        response = self._response("GET", f"/variables/name/{path_part(name)}", missing=True)
        if response is None:
            return None
        sent = response.headers.get("Date")
        now = parsedate_to_datetime(sent) if sent else datetime.now(timezone.utc)
        return cast("Variable", response.json()), now

    def create_variable(self, name: str, value: Mapping[str, Any]) -> Variable:
        """Create a variable. Of several at one moment, one succeeds.

        Raises:
            ConflictError: It exists.
        """
        return cast("Variable", self._must("POST", "/variables/", {"name": name, "value": value}))

    def update_variable(self, variable_id: str, value: Mapping[str, Any]) -> bool:
        """Change a variable's value; False where it is gone."""
        path = f"/variables/{variable_id}"
        return self._response("PATCH", path, {"value": value}, missing=True) is not None

    def delete_variable(self, variable_id: str) -> bool:
        """Delete a variable; False where it is gone."""
        return self._response("DELETE", f"/variables/{variable_id}", missing=True) is not None

    def create_artifact(self, key: str, body: Mapping[str, Any]) -> Artifact:
        """Add a version of the artifact with this key."""
        return cast("Artifact", self._must("POST", "/artifacts/", {"key": key, **body}))

    def artifacts(self, key: str, *, limit: int, offset: int = 0) -> list[Artifact]:
        """Versions of the artifact with this key, the newest first."""
        body = {
            "artifacts": {"key": {"any_": [key]}},
            "sort": "CREATED_DESC",
            "limit": limit,
            "offset": offset,
        }
        return cast("list[Artifact]", self._list("POST", "/artifacts/filter", body))

    def latest_artifact(self, key: str) -> Artifact | None:
        """The newest version of the artifact with this key, or None."""
        return cast("Artifact | None", self._get(f"/artifacts/{path_part(key)}/latest"))

    def latest_artifacts_like(self, key: str) -> list[Artifact]:
        """The newest version of each artifact whose key contains `key`; at most 200."""
        body = {"artifacts": {"key": {"like_": key}}, "limit": PAGE}
        return cast("list[Artifact]", self._list("POST", "/artifacts/latest/filter", body))

    # What is already gone may be deleted again.

    def delete_flow(self, flow_id: str) -> None:
        """Delete a flow."""
        self._request("DELETE", f"/flows/{flow_id}", missing=True)

    def delete_deployment(self, deployment_id: str) -> None:
        """Delete a deployment; its runs stay."""
        self._request("DELETE", f"/deployments/{deployment_id}", missing=True)
