"""Prefect APIs for tests: targets as `resolve` makes them, and clients with canned answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from flowship.prefect.client import PrefectApi
from flowship.prefect.profiles.resolution import ApiTarget
from flowship.prefect.source import Source, SourceKind

API = "http://prefect.example.com/api"
CLOUD = "https://api.prefect.cloud/api/accounts/a-1/workspaces/w-2"
PROFILE = Source(SourceKind.PROFILE, "staging")
VARIABLE = Source(SourceKind.ENVIRONMENT, "PREFECT_API_URL")

Answer = Callable[[httpx.Request], httpx.Response]


def api_target(url: str | None = API, *, source: Source = PROFILE, **fields: Any) -> ApiTarget:
    """An API without credentials, which `fields` may add."""
    defaults: dict[str, Any] = {
        "key": None,
        "auth_string": None,
        "ca_file": None,
        "verify": True,
        "headers": {},
        "profile": "staging",
    }
    return ApiTarget(url, source=source, **(defaults | fields))


def always(status: int, body: object = None, **headers: str) -> Answer:
    """Give the same answer to every request."""
    return lambda request: httpx.Response(status, json=body, headers=headers)


def api(answer: Answer, target: ApiTarget | None = None) -> PrefectApi:
    """A client whose requests `answer` answers; it does not sleep between tries."""
    return PrefectApi(
        target or api_target(),
        transport=httpx.MockTransport(answer),
        sleep=lambda seconds: None,
    )
