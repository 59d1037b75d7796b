"""A project on a real Prefect server, and the values that a deployment is made of."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowship.config.settings import Settings
from flowship.deploy import deploy, plan, preflight
from flowship.deployment.desired import (
    DesiredDeployment,
    DesiredState,
    Flags,
    FlowFacts,
    ImageFacts,
)
from flowship.deployment.diff import diff
from flowship.deployment.docker_block import CREDENTIALS_SLUG, SLUG
from flowship.deployment.draft import draft
from flowship.deployment.observed import Ground, ObservedDeployment, Registration, ServerState
from flowship.deployment.report import DeployReport
from flowship.deployment.summary import Outcome, summarize
from flowship.errors import FlowshipError
from flowship.prefect.client import PrefectApi
from flowship.prefect.source import Source
from flowship.releases.making import Origin
from support.targets import PROFILE

SCHEMA = {
    "title": "Parameters",
    "type": "object",
    "properties": {
        "months": {
            "type": "array", "items": {"type": "integer"}, "default": [1, 2], "position": 0,
            "title": "months",
        },
        "year": {"type": "integer", "default": 2021, "position": 1, "title": "year"},
        "colour": {"enum": ["yellow", "green"], "type": "string", "default": "yellow",
                   "position": 2, "title": "colour"},
    },
    "required": [],
    "definitions": {},
}  # fmt: skip


def settings(**values) -> Settings:
    return Settings.model_validate(
        {
            "root": Path("/project"),
            "name": "de-taxi",
            "entrypoint": "flows/taxi.py:taxi",
            "base-image": "prefecthq/prefect:3.8.8-python3.11",
            **values,
        }
    )


FLOW_FACTS = {
    "flow_name": "name",
    "flow_description": "description",
    "parameters": "parameters",
    "entrypoint": "entrypoint",
    "refused_defaults": "refused_defaults",
    "computed_defaults": "computed_defaults",
}


def image(**values) -> ImageFacts:
    """An image with one flow; `values` are of the image and of its flow."""
    flow = {
        "entrypoint": "flows/taxi.py:taxi",
        "name": "taxi",
        "description": "Loads taxi rides.",
        "parameters": SCHEMA,
    }
    flow |= {FLOW_FACTS[k]: v for k, v in values.items() if k in FLOW_FACTS}
    facts = {
        "reference": "user/de-repo:tag@sha256:" + "ab" * 32,
        "pushed": True,
        "platform": "linux/amd64",
        "prefect_version": "3.8.8",
        "flows": (FlowFacts(**flow),),
        "probed": flow["parameters"] is not None,
    }
    return ImageFacts(**facts | {k: v for k, v in values.items() if k not in FLOW_FACTS})


NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
"""The moment of every deploy of a unit test."""


def desired(project: Settings | None = None, flags: Flags | None = None, **facts) -> DesiredState:
    """The desired state for `image(**facts)`."""
    return draft(project or settings(), flags or Flags(), now=NOW).bind(image(**facts))


def planned(
    project: Settings | None = None, flags: Flags | None = None, **facts
) -> tuple[DesiredDeployment, ...]:
    """The deployments of the desired state."""
    return desired(project, flags, **facts).deployments


def refused(
    kind: type[FlowshipError],
    project: Settings | None = None,
    flags: Flags | None = None,
    **facts,
) -> FlowshipError:
    """The error that validation raises."""
    with pytest.raises(kind) as caught:
        desired(project, flags, **facts)
    return caught.value


@dataclass(frozen=True)
class Target:
    url: str | None
    key: None = None
    auth_string: None = None
    ca_file: str | None = None
    verify: bool = True
    headers: dict = field(default_factory=dict)
    profile: str | None = None
    source: Source = PROFILE
    warnings: tuple[str, ...] = ()
    misdirected: tuple[str, ...] = ()


EMPTY = ServerState(
    ground=Ground(None, None),
    block=None,
    registration=Registration(dict.fromkeys((SLUG, CREDENTIALS_SLUG)), None),
    deployments=(),
    sharing=(),
)
"""A server that has nothing yet."""


def dry_run(wanted: DesiredState) -> DeployReport:
    """What a dry run on an empty server reports."""
    state = replace(EMPTY, deployments=(ObservedDeployment(None, None),) * len(wanted.deployments))
    return summarize(
        Outcome(
            desired=wanted,
            plan=diff(wanted, state),
            before=state,
            after=None,
            worker_online=False,
            start_command="flowship up",
            api_url="http://127.0.0.1:4200/api",
            page=lambda path: f"http://127.0.0.1:4200/{path}",
        )
    )


def send_until_accepted(
    method: str, url: str, body: object = None, *, timeout: float = 60
) -> httpx.Response:
    """A request as the UI or a container sends it, again while the server's database is busy."""
    for _ in range(10):
        response = httpx.request(method, url, json=body, timeout=timeout)
        if response.status_code != 503:
            break
        time.sleep(0.5)
    response.raise_for_status()
    return response


class Counting(httpx.HTTPTransport):
    """The real network, remembering which requests change something."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []
        self.requests: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method != "GET" and not path.endswith(("/filter", "/count")):
            self.writes.append(f"{request.method} {path}")
        self.requests.append(f"{request.method} {path.partition('/api')[2]}")
        return super().handle_request(request)


class Project:
    """One project with names of its own on the shared server."""

    def __init__(self, url: str) -> None:
        self.tag = uuid.uuid4().hex[:8]
        self.network = Counting()
        self.api = PrefectApi(Target(url), transport=self.network)
        self.values: dict = {
            "name": f"taxi-{self.tag}",
            "work-pool": f"pool-{self.tag}",
            "deployments": [{"name": "nightly", "cron": "0 5 * * *",
                             "timezone": "Pacific/Auckland"}],
        }  # fmt: skip
        self.facts: dict = {"flow_name": f"flow-{self.tag}"}
        self.environment: str | None = None

    def deploy(self, flags: Flags | None = None, **facts) -> DeployReport:
        self.network.writes.clear()
        self.network.requests.clear()
        wanted = draft(settings(**self.values), flags or Flags())
        ground = preflight(wanted, self.api)
        state = wanted.bind(image(**{**self.facts, **facts}))
        origin = Origin("deploy", self.environment)
        return deploy(state, self.api, self.values["name"], origin=origin, ground=ground)

    def plan(self, flags: Flags | None = None, **facts) -> DeployReport:
        """A dry run."""
        self.network.writes.clear()
        state = draft(settings(**self.values), flags or Flags()).bind(
            image(**{**self.facts, **facts})
        )
        return plan(state, self.api, self.values["name"])

    def configure(self, **changes) -> None:
        (deployment,) = self.values["deployments"]
        merged = {**deployment, **changes}
        self.values["deployments"] = [{k: v for k, v in merged.items() if v is not None}]

    def stored(self) -> dict:
        found = self.api.deployment_by_name(self.facts["flow_name"], "nightly")
        assert found is not None
        return found

    def schedules(self) -> list[dict]:
        return self.api.schedules(self.stored()["id"])

    def block(self) -> dict:
        found = self.api.block_document("docker-container", f"taxi-{self.tag}-docker")
        assert found is not None
        return found

    def raw(self, method: str, path: str, body: object = None) -> Any:
        """As the UI would; a server whose database is busy asks to try again with a 503."""
        response = send_until_accepted(method, self.api.url + path, body)
        return response.json() if response.content else None

    def create_block(self, slug: str, name: str, data: dict) -> None:
        """A block of a type that the server knows."""
        kind = self.api.block_type(slug)
        assert kind is not None
        wanted = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
        found = self.raw("POST", "/block_schemas/filter", wanted)
        ids = {"block_type_id": kind["id"], "block_schema_id": found[0]["id"]}
        self.api.create_block_document({"name": name, **ids, "data": data})

    def add_schedule(self, body: dict) -> None:
        self.raw("POST", f"/deployments/{self.stored()['id']}/schedules", [body])

    def pause(self, schedule: dict) -> None:
        path = f"/deployments/{self.stored()['id']}/schedules/{schedule['id']}"
        parameters = schedule["parameters"]
        self.raw("PATCH", path, {"active": False, "parameters": parameters})
