"""The client's requests, and what importing it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timezone

import httpx
import pytest

from flowship.errors import ApiError
from flowship.prefect.errors import ConflictError
from support.targets import always, api, api_target


def test_ui_pages_have_addresses_for_a_server_and_for_cloud():
    assert api(always(200)).ui_url("runs") == "http://prefect.example.com/runs"
    cloud = api_target("https://api.prefect.cloud/api/accounts/a/workspaces/w")
    assert (
        api(always(200), cloud).ui_url("runs")
        == "https://app.prefect.cloud/account/a/workspace/w/runs"
    )


@pytest.mark.parametrize(
    "module",
    ["prefect.client", "deployment.schedules", "deploy", "runs.watch", "deployment.docker_block"],
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
    assert httpx_too == str(module in ("prefect.client", "runs.watch"))


# --- variables, artifacts, and what is created ---------------------------------------------------


def recording(*answers: httpx.Response):
    """An API that gives these answers in turn, and the requests that it got."""
    seen: list[tuple[str, str, object]] = []
    left = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        seen.append((request.method, request.url.raw_path.decode(), body))
        return next(left)

    return api(answer), seen


def test_a_variable_comes_with_the_servers_own_time():
    """An expiry must not depend on this machine's clock."""
    variable = {"id": "1", "name": "flowship-lock", "value": {}, "updated": "2026-06-01T00:00:00Z"}
    headers = {"Date": "Mon, 01 Jun 2026 00:00:30 GMT"}
    server, seen = recording(httpx.Response(200, json=variable, headers=headers))
    found, now = server.variable("flowship-lock")
    assert (found, now) == (variable, datetime(2026, 6, 1, 0, 0, 30, tzinfo=timezone.utc))
    assert seen == [("GET", "/api/variables/name/flowship-lock", None)]


def test_a_server_that_sends_no_date_is_compared_with_this_machines_clock():
    server, _ = recording(httpx.Response(200, json={"id": "1"}))
    before = datetime.now(timezone.utc)
    _, now = server.variable("x")
    assert before <= now <= datetime.now(timezone.utc)


def test_a_variable_that_does_not_exist_is_not_found():
    assert api(always(404, {"detail": "Variable not found"})).variable("x") is None


def test_creating_a_variable_that_exists_is_a_conflict():
    detail = {"detail": "An variable with the name 'x' already exists"}
    with pytest.raises(ConflictError, match="already exists"):
        api(always(409, detail)).create_variable("x", {"who": "ada"})
    server, seen = recording(httpx.Response(201, json={"id": "1"}))
    assert server.create_variable("x", {"who": "ada"}) == {"id": "1"}
    assert seen == [("POST", "/api/variables/", {"name": "x", "value": {"who": "ada"}})]


def test_changing_a_variable_says_whether_it_is_still_there():
    server, seen = recording(
        httpx.Response(204), httpx.Response(404, json={"detail": "Variable not found"})
    )
    assert server.update_variable("1", {"renewals": 1}) is True
    assert server.update_variable("1", {"renewals": 2}) is False
    assert seen[0] == ("PATCH", "/api/variables/1", {"value": {"renewals": 1}})


def test_a_variable_that_is_already_gone_can_be_deleted():
    server, seen = recording(
        httpx.Response(204), httpx.Response(404, json={"detail": "Variable not found"})
    )
    server.delete_variable("1")
    server.delete_variable("1")
    assert seen == [("DELETE", "/api/variables/1", None)] * 2


def test_an_artifact_is_created_under_its_key_and_its_newest_version_is_read():
    artifact = {"id": "1", "key": "flowship-release-x", "data": {"format": 1}}
    server, seen = recording(
        httpx.Response(201, json=artifact),
        httpx.Response(200, json=artifact),
        httpx.Response(404, json={"detail": "Artifact not found."}),
    )
    server.create_artifact("flowship-release-x", {"type": "json", "data": {"format": 1}})
    assert server.latest_artifact("flowship-release-x") == artifact
    assert server.latest_artifact("flowship-release-y") is None
    assert seen[:2] == [
        (
            "POST",
            "/api/artifacts/",
            {"key": "flowship-release-x", "type": "json", "data": {"format": 1}},
        ),
        ("GET", "/api/artifacts/flowship-release-x/latest", None),
    ]


def test_the_newest_artifacts_with_similar_keys_come_with_one_request():
    artifacts = [{"id": "1", "key": "flowship-release-x"}]
    server, seen = recording(httpx.Response(200, json=artifacts))
    assert server.latest_artifacts_like("flowship-release-") == artifacts
    body = {"artifacts": {"key": {"like_": "flowship-release-"}}, "limit": 200}
    assert seen == [("POST", "/api/artifacts/latest/filter", body)]


def test_a_schedule_is_paused_with_its_parameters_which_the_server_would_empty():
    server, seen = recording(httpx.Response(204), httpx.Response(204))
    server.set_schedule_active("d", {"id": "7", "parameters": {"year": 1}}, active=False)
    server.set_deployment_paused("d", paused=False)
    assert seen == [
        ("PATCH", "/api/deployments/d/schedules/7", {"active": False, "parameters": {"year": 1}}),
        ("POST", "/api/deployments/d/resume_deployment", None),
    ]


def test_one_schedule_is_created_and_comes_back_with_its_id():
    server, seen = recording(httpx.Response(201, json=[{"id": "7", "slug": "flowship-x"}]))
    assert server.create_schedule("d", {"slug": "flowship-x"})["id"] == "7"
    assert seen == [("POST", "/api/deployments/d/schedules", [{"slug": "flowship-x"}])]


@pytest.mark.parametrize("change", ["create_work_pool", "create_block_type", "create_deployment"])
def test_what_another_client_creates_at_the_same_time_is_a_conflict(change):
    with pytest.raises(ConflictError):
        getattr(api(always(409, {"detail": "already exists"})), change)({"name": "x"})


def test_another_refusal_is_not_a_conflict():
    with pytest.raises(ApiError) as caught:
        api(always(422, {"detail": "wrong"})).create_work_pool({"name": "x"})
    assert not isinstance(caught.value, ConflictError)


def test_a_name_is_one_piece_of_the_path():
    server, seen = recording(
        httpx.Response(404, json={}), httpx.Response(404, json={}), httpx.Response(404, json={})
    )
    assert server.variable("a/b") is None
    assert server.latest_artifact("a b") is None
    assert server.work_pool("ä?x") is None
    assert [path for _, path, _ in seen] == [
        "/api/variables/name/a%2Fb",
        "/api/artifacts/a%20b/latest",
        "/api/work_pools/%C3%A4%3Fx",
    ]


def test_a_schedule_is_never_changed_in_a_way_that_loses_what_a_person_set():
    server = api(always(204))
    with pytest.raises(AssertionError):
        server.update_schedule("d", "s", {"parameters": {}, "active": True})
    with pytest.raises(AssertionError):
        server.update_schedule("d", "s", {"slug": "x"})
    with pytest.raises(AssertionError):
        server.update_deployment("d", {"schedules": []})
