"""A small model of a Prefect server in memory: it keeps what it is sent, as the real one does."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any, cast

from flowship.deployment.desired import DesiredState
from flowship.deployment.diff import diff
from flowship.deployment.execute import execute
from flowship.deployment.observed import ServerState, observe
from flowship.deployment.plan import Plan
from flowship.errors import ApiError
from flowship.prefect.client import PrefectApi
from support.deploying import NOW

Table = dict[str, dict[str, Any]]


class ServerModel:
    """The part of `PrefectApi` that a deploy uses.

    Attributes:
        sent: Each change that was requested: the method's name and its arguments.
        asked: Each read that was requested, likewise.
        variables: Name → variable; the deploy lock is one.
        recorded: The versions of each artifact, by its key, the oldest first.
        broken: Raise an error for every request about artifacts.
        version: The server's version.
    """

    url = "http://127.0.0.1:4200/api"
    is_local = True

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.asked: list[str] = []
        self.broken = False
        self.version = "3.8.8"
        self.pools: Table = {}
        self.types: Table = {}
        self.schemas: Table = {}
        self.documents: Table = {}
        self.flows: Table = {}
        self.stored: Table = {}
        self.recorded: dict[str, list[dict[str, Any]]] = {}
        self.variables: Table = {}
        self.automations: Table = {}
        self._number = 0
        self._failures: dict[str, Exception] = {}

    @property
    def api(self) -> PrefectApi:
        """The model where an API is expected."""
        return cast("PrefectApi", self)

    def fail(self, method: str, error: Exception) -> None:
        """Let the next call of this method fail."""
        self._failures[method] = error

    def observe(self, desired: DesiredState) -> ServerState:
        """What `flowship.deployment.observed` reads."""
        return copy.deepcopy(observe(self.api, desired))

    def apply(self, desired: DesiredState) -> Plan:
        """Compare and execute; the plan."""
        plan = diff(desired, self.observe(desired))
        execute(plan, self.api)
        return plan

    def schedules(self, deployment: str = "nightly") -> list[dict[str, Any]]:
        """The schedules of the deployment with this name."""
        (found,) = (d for d in self.stored.values() if d["name"] == deployment)
        return cast("list[dict[str, Any]]", found["schedules"])

    def add_schedule(self, deployment: str = "nightly", **values: Any) -> dict[str, Any]:
        """Add a schedule as a person does in the UI."""
        body = {"slug": None, "schedule": {"cron": "7 7 * * 7", "timezone": "UTC"}, **values}
        added = self._schedule(body)
        self.schedules(deployment).append(added)
        return added

    # --- reads --------------------------------------------------------------------------------

    def ui_url(self, path: str) -> str:
        return f"http://127.0.0.1:4200/{path}"

    def check(self) -> str:
        return self.version

    def variable(self, name: str) -> dict[str, Any] | None:
        self.asked.append("variable")
        return self.variables.get(name)

    def work_pool(self, name: str) -> dict[str, Any] | None:
        self.asked.append("work_pool")
        return self.pools.get(name)

    def block_type(self, slug: str) -> dict[str, Any] | None:
        self.asked.append("block_type")
        return self.types.get(slug)

    def block_schema(self, checksum: str, version: str) -> dict[str, Any] | None:
        self.asked.append("block_schema")
        return self.schemas.get(checksum)

    def block_document(self, slug: str, name: str) -> dict[str, Any] | None:
        self.asked.append("block_document")
        return self.documents.get(f"{slug}/{name}")

    def block_documents(self, slug: str, names: Collection[str]) -> list[dict[str, Any]]:
        self.asked.append("block_documents")
        keys = (f"{slug}/{name}" for name in names)
        return [self.documents[key] for key in keys if key in self.documents]

    def flows_named(self, names: Collection[str]) -> list[dict[str, Any]]:
        self.asked.append("flows named")
        return [f for f in self.flows.values() if f["name"] in names]

    def flows_by_id(self, ids: Collection[str]) -> list[dict[str, Any]]:
        self.asked.append("flows")
        return [self.flows[i] for i in ids if i in self.flows]

    def deployment_by_name(self, flow: str, name: str) -> dict[str, Any] | None:
        self.asked.append("deployment_by_name")
        found = (d for d in self.stored.values() if d["name"] == name)
        return next((d for d in found if self.flows[d["flow_id"]]["name"] == flow), None)

    def flows_of(self, names: Collection[str]) -> set[str]:
        """The ids of the flows with these names."""
        return {f["id"] for f in self.flows.values() if f["name"] in names}

    def deployments(
        self, names: Collection[str] | None = None, flows: Collection[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        self.asked.append("deployments" if flows is None else "deployments of flows")
        found = [d for d in self.stored.values() if names is None or d["name"] in names]
        if flows is not None:
            found = [d for d in found if d["flow_id"] in self.flows_of(flows)]
        return iter(found)

    def latest_artifact(self, key: str) -> dict[str, Any] | None:
        found = self.artifacts(key, limit=1)
        return found[0] if found else None

    def artifacts(self, key: str, *, limit: int, offset: int = 0) -> list[dict[str, Any]]:
        if self.broken:
            raise ApiError("the server does not answer")
        self.asked.append("artifacts")
        return self.recorded.get(key, [])[::-1][offset : offset + limit]

    def latest_artifacts_like(self, key: str) -> list[dict[str, Any]]:
        return [self.recorded[name][-1] for name in sorted(self.recorded) if key in name]

    def automations_of(self, owner: str) -> list[dict[str, Any]]:
        self.asked.append("automations")
        return [a for a in self.automations.values() if a.get("owner_resource") == owner]

    def add_notification_block(self, block: str = "slack-webhook/ops") -> None:
        """A block that a person created in the UI."""
        slug, _, name = block.partition("/")
        self.types.setdefault(slug, self._created("type", {"slug": slug}))
        document = {"name": name, "data": {}, "block_schema": {"capabilities": ["notify"]}}
        self.documents[block] = self._created("block", document)

    # --- changes ------------------------------------------------------------------------------

    def create_work_pool(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self.sent.append(("create_work_pool", body))
        created = self._created("pool", {**body, "is_paused": False, "status": "NOT_READY"})
        self.pools[body["name"]] = created
        return created

    def create_block_type(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self.sent.append(("create_block_type", body))
        self.types[body["slug"]] = self._created("type", body)
        return self.types[body["slug"]]

    def create_block_schema(self, body: Mapping[str, Any]) -> dict[str, Any]:
        from flowship.deployment.docker_block import registration

        self.sent.append(("create_block_schema", body))
        checksum = registration()["checksum"]
        self.schemas[checksum] = self._created("schema", {**body, "checksum": checksum})
        return self.schemas[checksum]

    def create_block_document(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self.sent.append(("create_block_document", body))
        slug = next(s for s, t in self.types.items() if t["id"] == body["block_type_id"])
        created = self._created("block", {**body, "data": {}})
        self.documents[f"{slug}/{body['name']}"] = created
        self._write(created, body)
        return created

    def update_block_document(self, document_id: str, body: Mapping[str, Any]) -> None:
        self.sent.append(("update_block_document", document_id, body))
        document = next(d for d in self.documents.values() if d["id"] == document_id)
        for name in document["block_document_references"]:
            document["data"][name] = None  # a reference that is not sent again is dropped
        self._write(document, body)

    def _write(self, document: dict[str, Any], body: Mapping[str, Any]) -> None:
        document["block_document_references"] = {}
        for name, value in copy.deepcopy(dict(body["data"])).items():
            document["data"][name] = value
            if isinstance(value, dict) and "$ref" in value:
                identity = value["$ref"]["block_document_id"]
                found = next(d for d in self.documents.values() if d["id"] == identity)
                document["data"][name] = found["data"]
                document["block_document_references"][name] = {"block_document": found}
        document["block_schema_id"] = body["block_schema_id"]
        schemas = self.schemas.values()
        document["block_schema"] = next(s for s in schemas if s["id"] == body["block_schema_id"])

    def create_flow(self, name: str) -> dict[str, Any]:
        if error := self._failures.pop("create_flow", None):
            raise error
        self.sent.append(("create_flow", name))
        created = self._created("flow", {"name": name})
        self.flows[created["id"]] = created
        return created

    def create_deployment(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self.sent.append(("create_deployment", body))
        created = self._created("deployment", {"schedules": [], **self._fields(body)})
        self.stored[created["id"]] = created
        return created

    def update_deployment(self, deployment_id: str, body: Mapping[str, Any]) -> None:
        self.sent.append(("update_deployment", deployment_id, body))
        self.stored[deployment_id] |= self._fields(body)

    def delete_deployment(self, deployment_id: str) -> None:
        self.sent.append(("delete_deployment", deployment_id))
        self.stored.pop(deployment_id, None)

    def _fields(self, body: Mapping[str, Any]) -> dict[str, Any]:
        fields = copy.deepcopy(dict(body))
        if "concurrency_limit" in fields:
            limit = fields.pop("concurrency_limit")
            fields["global_concurrency_limit"] = {"limit": limit} if limit else None
        if "work_pool_name" in fields:  # without a queue, the pool's default queue
            fields.setdefault("work_queue_name", "default")
        return fields

    def create_schedule(self, deployment_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.sent.append(("create_schedule", deployment_id, body))
        created = self._schedule(body)
        self.stored[deployment_id]["schedules"].append(created)
        return created

    def _schedule(self, body: Mapping[str, Any]) -> dict[str, Any]:
        values = {"active": True, "parameters": {}, **body, "schedule": _times(body["schedule"])}
        created = self._created("schedule", values)
        created["created"] = f"2026-05-01T00:00:{self._number % 60:02}Z"
        return created

    def update_schedule(
        self, deployment_id: str, schedule_id: str, body: Mapping[str, Any]
    ) -> None:
        self.sent.append(("update_schedule", deployment_id, schedule_id, body))
        schedules = self.stored[deployment_id]["schedules"]
        (stored,) = (s for s in schedules if s["id"] == schedule_id)
        changes = copy.deepcopy(dict(body))
        if "schedule" in changes:
            changes["schedule"] = _times(changes["schedule"])
        stored |= changes

    def delete_schedule(self, deployment_id: str, schedule_id: str) -> None:
        self.sent.append(("delete_schedule", deployment_id, schedule_id))
        deployment = self.stored[deployment_id]
        deployment["schedules"] = [s for s in deployment["schedules"] if s["id"] != schedule_id]

    def schedule_now(self, deployment_id: str) -> None:
        self.sent.append(("schedule_now", deployment_id))

    def create_automation(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self.sent.append(("create_automation", body))
        created = self._created("automation", {"enabled": True, **body})
        self.automations[created["id"]] = created
        return created

    def update_automation(self, automation_id: str, body: Mapping[str, Any]) -> None:
        self.sent.append(("update_automation", automation_id, body))
        self.automations[automation_id] |= copy.deepcopy(dict(body))

    def delete_automation(self, automation_id: str) -> None:
        self.sent.append(("delete_automation", automation_id))
        self.automations.pop(automation_id, None)

    def create_artifact(self, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if self.broken:
            raise ApiError("the server does not answer")
        self.sent.append(("create_artifact", key, body))
        created = self._created("artifact", {"created": "2026-06-01T00:00:00Z", "key": key, **body})
        self.recorded.setdefault(key, []).append(created)
        return created

    def create_variable(self, name: str, value: Mapping[str, Any]) -> dict[str, Any]:
        assert re.fullmatch("[a-z0-9_]+", name), "Prefect 3.2 accepts nothing else"
        self.variables[name] = self._created("variable", {"name": name, "value": value})
        return self.variables[name]

    def update_variable(self, variable_id: str, value: Mapping[str, Any]) -> bool:
        return any(v["id"] == variable_id for v in self.variables.values())

    def delete_variable(self, variable_id: str) -> bool:
        kept = {k: v for k, v in self.variables.items() if v["id"] != variable_id}
        found = len(kept) < len(self.variables)
        self.variables = kept
        return found

    def workers(self, pool: str) -> list[dict[str, Any]]:
        return [{"name": "worker-1", "status": "ONLINE", "last_heartbeat_time": None}]

    def _created(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self._number += 1
        return {**copy.deepcopy(dict(body)), "id": f"{kind}-{self._number}"}


def _times(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule as the server stores it: a rule gets a start, an interval an anchor."""
    times = dict(schedule)
    if "DTSTART" not in times.get("rrule", "DTSTART"):
        times["rrule"] = f"DTSTART:20260531T000000\n{times['rrule']}"
    if "interval" in times:
        times.setdefault("anchor_date", (NOW - timedelta(hours=1)).isoformat())
    return times
