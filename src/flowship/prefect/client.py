"""The few endpoints of Prefect's REST API that flowship uses, typed, over httpx.

There are no business rules here: each method is one question or one change, and each failure is
an error of `flowship.prefect.errors`. Reads are repeated after a temporary failure. Changes are
repeated only after 429 and 503, which mean that Prefect did nothing (usually because its SQLite
file was locked); after any other failure the change may have been made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote
from uuid import uuid4

from flowship.errors import ApiError
from flowship.http_client import httpx
from flowship.prefect import errors, versions
from flowship.prefect.address import is_cloud, is_loopback, require_address
from flowship.prefect.connection import (
    CSRF_HEADERS,
    NO_ANSWER,
    error_detail,
    network_failure,
    open_client,
)
from flowship.prefect.errors import NetworkFailure
from flowship.redaction import without_login

if TYPE_CHECKING:
    from flowship.prefect.profiles.resolution import ApiTarget
    from flowship.prefect.types import (
        Artifact,
        BlockDocument,
        BlockSchema,
        BlockType,
        Deployment,
        Flow,
        FlowRun,
        Log,
        Schedule,
        TaskRun,
        Variable,
        Worker,
        WorkPool,
    )

TIMEOUT = 30.0  # seconds for an answer; connecting gets a third
RETRY_WAITS = (0.3, 1.0, 3.0)  # seconds before each further try
NOTHING_DONE = (429, 503)
LONGEST_WAIT = 10.0  # seconds, whatever Retry-After says
PAGE = 200  # the server's own limit
READS = ("/filter", "/count")  # POST, yet only a question


class PrefectApi:
    """A connection to one Prefect API; use it as a context manager.

    Args:
        target: The address and the credentials.
        timeout: Seconds to wait for an answer.
        transport: Replaces the network; for tests that count or break requests.
        sleep: Waits between tries.

    Raises:
        ApiError: No API is set (schedules in Prefect's ephemeral profile would never run), or
            its address is invalid.
        ConfigError: See `open_client`.
    """

    def __init__(
        self,
        target: ApiTarget,
        *,
        timeout: float = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not target.url:
            raise errors.not_configured(target.source, "\n".join(target.warnings))
        require_address(target.url, target.source)
        self.url = without_login(target.url.rstrip("/"))
        self.source = target.source
        self._sleep = sleep
        self._csrf: dict[str, str] = {}
        waits = httpx.Timeout(timeout, connect=timeout / 3)
        try:
            self._client = open_client(target, timeout=waits, transport=transport)
        except httpx.InvalidURL as exc:
            raise ApiError(
                f'"{self.url}" is not a valid URL: {exc}',
                code="api-url-invalid",
                where=str(self.source),
            ) from exc

    def __enter__(self) -> PrefectApi:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

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
        path = f"/deployments/name/{_part(flow)}/{_part(name)}"
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

    def delete_schedule(self, deployment_id: str, schedule_id: str) -> None:
        """Remove one schedule, if it still exists."""
        path = f"/deployments/{deployment_id}/schedules/{schedule_id}"
        self._request("DELETE", path, missing=True)

    def schedule_now(self, deployment_id: str) -> None:
        """Have the next runs planned at once. The server's own rounds come every minute and
        look sooner only at deployments, not at schedules, that changed."""
        self._request("POST", f"/deployments/{deployment_id}/schedule", {}, missing=True)

    # --- blocks -------------------------------------------------------------------------------

    def block_type(self, slug: str) -> BlockType | None:
        """The block type, or None."""
        return cast("BlockType | None", self._get(f"/block_types/slug/{_part(slug)}"))

    def create_block_type(self, body: Mapping[str, Any]) -> BlockType:
        """Register a block type."""
        return cast("BlockType", self._must("POST", "/block_types/", body))

    def block_schema(self, checksum: str, version: str) -> BlockSchema | None:
        """The block schema with this checksum, or None."""
        path = f"/block_schemas/checksum/{_part(checksum)}?version={_part(version)}"
        return cast("BlockSchema | None", self._get(path))

    def create_block_schema(self, body: Mapping[str, Any]) -> BlockSchema:
        """Register a block schema; the existing one comes back when there is one."""
        return cast("BlockSchema", self._must("POST", "/block_schemas/", body))

    def block_document(self, slug: str, name: str) -> BlockDocument | None:
        """The block document, its secrets obscured, or None."""
        path = f"/block_types/slug/{_part(slug)}/block_documents/name/{_part(name)}"
        return cast("BlockDocument | None", self._get(path))

    def create_block_document(self, body: Mapping[str, Any]) -> BlockDocument:
        """Save a new block document."""
        return cast("BlockDocument", self._must("POST", "/block_documents/", body))

    def update_block_document(self, document_id: str, body: Mapping[str, Any]) -> None:
        """Change the fields given in ``data``, keep the others."""
        self._request("PATCH", f"/block_documents/{document_id}", body)

    # --- work pools ---------------------------------------------------------------------------

    def work_pool(self, name: str) -> WorkPool | None:
        """The work pool, or None."""
        return cast("WorkPool | None", self._get(f"/work_pools/{_part(name)}"))

    def create_work_pool(self, body: Mapping[str, Any]) -> WorkPool:
        """Create a work pool."""
        return cast("WorkPool", self._must("POST", "/work_pools/", body))

    def workers(self, pool: str) -> list[Worker]:
        """The workers that the pool has seen, each with its ``status``."""
        path = f"/work_pools/{_part(pool)}/workers/filter"
        return cast("list[Worker]", self._list("POST", path, {}))

    # --- variables and artifacts --------------------------------------------------------------

    def variable(self, name: str) -> tuple[Variable, datetime] | None:
        """The variable and the server's own time, which its ``updated`` is to be compared with;
        None where there is none."""
        response = self._response("GET", f"/variables/name/{_part(name)}", missing=True)
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

    def delete_variable(self, variable_id: str) -> None:
        """Delete a variable, if it still exists."""
        self._request("DELETE", f"/variables/{variable_id}", missing=True)

    def create_artifact(self, key: str, body: Mapping[str, Any]) -> None:
        """Add a version of the artifact with this key."""
        self._request("POST", "/artifacts/", {"key": key, **body})

    def latest_artifact(self, key: str) -> Artifact | None:
        """The newest version of the artifact with this key, or None."""
        return cast("Artifact | None", self._get(f"/artifacts/{_part(key)}/latest"))

    # --- runs ---------------------------------------------------------------------------------

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

    # What is already gone may be deleted again.

    def delete_flow(self, flow_id: str) -> None:
        """Delete a flow."""
        self._request("DELETE", f"/flows/{flow_id}", missing=True)

    def delete_deployment(self, deployment_id: str) -> None:
        """Delete a deployment; its runs stay."""
        self._request("DELETE", f"/deployments/{deployment_id}", missing=True)

    def delete_run(self, run_id: str) -> None:
        """Delete a flow run."""
        self._request("DELETE", f"/flow_runs/{run_id}", missing=True)

    # --- the wire -----------------------------------------------------------------------------

    def _must(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return self._object(self._request(method, path, body))

    def _get(self, path: str) -> dict[str, Any] | None:
        found = self._request("GET", path, missing=True)
        return None if found is None else self._object(found)

    def _object(self, found: object) -> dict[str, Any]:
        if not isinstance(found, dict) or not ("id" in found or "token" in found):
            raise self._not_prefect()
        return found

    def _list(self, method: str, path: str, body: object = None) -> list[dict[str, Any]]:
        found = self._request(method, path, body)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise self._not_prefect()
        return found

    def _pages(self, path: str, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self._list("POST", path, {**body, "limit": PAGE, "offset": offset})
            yield from page
            if len(page) < PAGE:
                return
            offset += PAGE

    def _request(
        self, method: str, path: str, body: object = None, *, missing: bool = False
    ) -> Any:  # noqa: ANN401 JSON
        response = self._response(method, path, body, missing=missing)
        if response is None or response.status_code == 204 or not response.content:
            return None
        try:
            return response.json()
        except (ValueError, RecursionError) as exc:
            raise self._not_prefect() from exc

    def _response(
        self, method: str, path: str, body: object = None, *, missing: bool = False
    ) -> httpx.Response | None:
        """The answer; None where what was asked for does not exist and may be `missing`."""
        response = self._send(method, path, body)
        if response.status_code == 403 and "CSRF" in response.text:
            self._fetch_csrf_token()
            response = self._send(method, path, body)
        if response.status_code == 404 and missing and _is_json(response):
            return None
        if response.status_code >= 400:
            raise self._refusal(method, path, response)
        return response

    def _send(self, method: str, path: str, body: object) -> httpx.Response:
        read = method == "GET" or path.endswith(READS)
        for wait in (*RETRY_WAITS, None):
            try:
                response = self._client.request(
                    method, path, json=body, headers=self._csrf, follow_redirects=True
                )
            except httpx.TransportError as exc:
                if wait is None or not read or not _is_temporary(exc):
                    raise self._unreachable(exc) from exc
            except NO_ANSWER as exc:  # such as a redirect loop
                raise errors.not_prefect(self.url, self.source, str(exc)) from exc
            else:
                status = response.status_code
                again = status in NOTHING_DONE or (read and status >= 500)
                if wait is None or not again:
                    return response
                wait = max(wait, _retry_after(response))
            self._sleep(min(wait, LONGEST_WAIT))
        raise AssertionError("the last try returns or raises")

    def _fetch_csrf_token(self) -> None:
        """Get the token that a server with CSRF protection requires for changes."""
        client = str(uuid4())
        token = self._must("GET", f"/csrf-token?client={client}")
        self._csrf = dict(zip(CSRF_HEADERS, (token["token"], client), strict=True))

    # --- errors -------------------------------------------------------------------------------

    def _unreachable(self, exc: httpx.TransportError) -> ApiError:
        failure, detail = network_failure(exc)
        return errors.no_answer(self.url, failure, detail, self.source)

    def _refusal(self, method: str, path: str, response: httpx.Response) -> ApiError:
        status, detail = response.status_code, error_detail(response)
        request = f"{method} {path.split('?')[0]}"
        if status == 401:
            return errors.credentials_rejected(self.url, detail, self.source)
        if status == 403:
            return errors.permission_denied(self.url, request, detail, self.source)
        if status == 404 and not _is_json(response):
            return self._not_prefect()
        return errors.request_refused(status, request, detail, self.source)

    def _not_prefect(self) -> ApiError:
        return errors.not_prefect(self.url, self.source)


def _is_temporary(exc: httpx.TransportError) -> bool:
    """Whether another try could succeed; not after a slow answer or with a wrong address."""
    lasting = (NetworkFailure.CERTIFICATE, NetworkFailure.NOT_HTTPS)
    return (
        not isinstance(exc, httpx.ReadTimeout | httpx.UnsupportedProtocol)
        and network_failure(exc)[0] not in lasting
    )


def _retry_after(response: httpx.Response) -> float:
    try:
        return float(response.headers.get("Retry-After", "0"))
    except ValueError:
        return 0.0


def _is_json(response: httpx.Response) -> bool:
    return "json" in response.headers.get("content-type", "")


def _part(text: str) -> str:
    """Quote a name for use as one segment of a path."""
    return quote(text, safe="")
