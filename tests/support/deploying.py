"""A project on a real Prefect server, and the values that a deployment is made of."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import httpx

from flowship.config.settings import Settings
from flowship.deploy import apply, preflight
from flowship.deployment.desired import Flags, ImageFacts, plan
from flowship.deployment.report import DeployReport
from flowship.prefect.client import PrefectApi
from flowship.prefect.source import Source
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
        {"root": Path("/project"), "name": "de-taxi", "entrypoint": "flows/taxi.py:taxi", **values}
    )


def image(**values) -> ImageFacts:
    facts = {
        "reference": "user/de-repo:tag@sha256:" + "ab" * 32,
        "pushed": True,
        "platform": "linux/amd64",
        "flow_name": "taxi",
        "flow_description": "Loads taxi rides.",
        "parameters": SCHEMA,
        "prefect_version": "3.8.8",
        "entrypoint": "flows/taxi.py:taxi",
    }
    return ImageFacts(**{**facts, **values})


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

    def deploy(self, flags: Flags | None = None, **facts) -> DeployReport:
        self.network.writes.clear()
        self.network.requests.clear()
        project = settings(**self.values)
        chosen = image(**{**self.facts, **facts})
        flags = flags or Flags()
        ground = preflight(project, flags, self.api)
        specs = plan(project, chosen, flags, now=datetime.now(timezone.utc))
        return apply(specs, ground, self.api, project)

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

    def raw(self, method: str, path: str, body: object) -> None:
        """As the UI would."""
        httpx.request(method, self.api.url + path, json=body).raise_for_status()

    def add_schedule(self, body: dict) -> None:
        self.raw("POST", f"/deployments/{self.stored()['id']}/schedules", [body])

    def pause(self, schedule: dict) -> None:
        path = f"/deployments/{self.stored()['id']}/schedules/{schedule['id']}"
        parameters = schedule["parameters"]
        self.raw("PATCH", path, {"active": False, "parameters": parameters})
