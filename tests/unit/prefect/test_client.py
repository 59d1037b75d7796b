"""The client's requests: retries, pages, tokens, and what importing it costs."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest

from flowship.errors import ApiError
from support.targets import always, api, api_target


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


def test_ui_pages_have_addresses_for_a_server_and_for_cloud():
    assert api(always(200)).ui_url("runs") == "http://prefect.example.com/runs"
    cloud = api_target("https://api.prefect.cloud/api/accounts/a/workspaces/w")
    assert (
        api(always(200), cloud).ui_url("runs")
        == "https://app.prefect.cloud/account/a/workspace/w/runs"
    )


@pytest.mark.parametrize(
    "module",
    ["prefect.client", "deployment.schedules", "deploy", "runs", "deployment.docker_block"],
)
def test_nothing_heavy_is_imported(module):
    script = (
        f"import sys, flowship.{module}\n"
        # rich comes in with httpx, which offers a command line of its own where rich is there.
        "import_of_httpx = {'rich'} if 'httpx' in sys.modules else set()\n"
        "heavy = {'prefect', 'pandas', 'pyarrow', 'docker', 'typer', 'rich', 'jsonschema'}\n"
        "heavy -= import_of_httpx\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "print('httpx' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    found, httpx_too = done.stdout.splitlines()
    assert found == "[]"
    assert httpx_too == str(module in ("prefect.client", "runs"))
