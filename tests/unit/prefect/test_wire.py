"""How requests are sent: retries, pages, tokens."""

from __future__ import annotations

import json

import httpx
import pytest

from flowship.errors import ApiError
from support.targets import api


def flaky(*statuses: int):
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        status = statuses[min(len(seen), len(statuses)) - 1]
        return httpx.Response(status, json="3.8.8" if request.method == "GET" else {"id": "1"})

    return answer, seen


def test_a_read_is_repeated_after_a_temporary_failure():
    answer, seen = flaky(500, 503, 200)
    assert api(answer).check() == "3.8.8"
    assert len(seen) == 3


def test_a_change_is_repeated_only_if_the_server_did_nothing():
    answer, seen = flaky(503, 200)
    api(answer).create_flow("x")
    assert len(seen) == 2
    answer, seen = flaky(500, 200)
    with pytest.raises(ApiError):
        api(answer).create_flow("x")
    assert len(seen) == 1


def test_a_change_is_not_repeated_when_the_connection_breaks():
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        raise httpx.ReadError("broken")

    with pytest.raises(ApiError):
        api(answer).create_flow("x")
    assert len(seen) == 1


def test_a_server_with_csrf_protection_gets_its_token():
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/csrf-token"):
            return httpx.Response(200, json={"token": "t", "client": request.url.params["client"]})
        if request.headers.get("Prefect-Csrf-Token") != "t":
            return httpx.Response(403, json={"detail": "Missing CSRF token."})
        assert request.headers["Prefect-Csrf-Client"]
        return httpx.Response(201, json={"id": "1"})

    assert api(answer).create_flow("x") == {"id": "1"}


def test_pages_are_read_to_the_end():
    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        left = max(0, 450 - body["offset"])
        return httpx.Response(200, json=[{"id": i} for i in range(min(left, body["limit"]))])

    assert len(list(api(answer).deployments())) == 450
