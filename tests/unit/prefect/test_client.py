"""The API's failures in the user's words. Answers are as Prefect's server gives them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from pydantic import SecretStr

from flowship.errors import ApiError, ConfigError, ExitCode
from flowship.prefect.client import ConflictError, PrefectApi


@dataclass(frozen=True)
class Target:
    url: str | None = "http://prefect.example.com/api"
    key: SecretStr | None = None
    auth_string: SecretStr | None = None
    ca_file: str | None = None
    verify: bool = True
    headers: dict = field(default_factory=dict)
    source: str = "the profile local"
    warnings: tuple[str, ...] = ()


def api(answer, target: Target | None = None) -> PrefectApi:
    return PrefectApi(
        target or Target(), transport=httpx.MockTransport(answer), sleep=lambda seconds: None
    )


def always(status: int, body=None, **headers):
    return lambda request: httpx.Response(status, json=body, headers=headers)


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (always(401, {"exception_message": "Unauthorized"}), "other credentials", "AUTH_STRING"),
        (always(403, {"detail": "no"}), "does not allow", "workspace"),
        (always(404, {"detail": "Not Found"}), "is not a Prefect API", "set-api"),
        (lambda r: httpx.Response(200, html="<html>"), "is not a Prefect API", "set-api"),
        (lambda r: httpx.Response(404, html="<html>"), "is not a Prefect API", "set-api"),
        (always(200, "2.20.1"), "is Prefect 2.20.1", "upgrade"),
        (always(200, {"hello": 1}), "is not a Prefect API", "set-api"),
        (always(500, {"exception_message": "Internal Server Error"}), "failed (500)", "log"),
    ],
)
def test_each_failure_has_its_own_words_and_a_next_step(answer, message, hint):
    with pytest.raises(ApiError) as caught:
        api(answer).check()
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.where == "the profile local"
    assert caught.value.exit_code == ExitCode.API


def test_an_address_from_a_variable_is_mended_there_since_it_wins_over_the_profile():
    target = Target(source="environment variable PREFECT_API_URL")
    with pytest.raises(ApiError) as caught:
        api(lambda r: httpx.Response(200, html="<html>"), target).check()
    assert "`export PREFECT_API_URL=" in caught.value.hint


def test_a_ui_address_is_told_its_api_address():
    with pytest.raises(ApiError) as caught:
        api(lambda r: httpx.Response(200, html="<html>"), Target("http://p.example.com")).check()
    assert "http://p.example.com/api" in caught.value.hint


def test_a_refusal_repeats_the_servers_own_detail():
    detail = [{"loc": ["body", "name"], "msg": "field required", "type": "missing"}]
    with pytest.raises(ApiError, match="name: field required"):
        api(always(422, {"detail": detail})).create_flow("x")
    body = {"exception_message": "Invalid request received.", "exception_detail": detail}
    with pytest.raises(ApiError, match="name: field required"):
        api(always(422, body)).create_flow("x")


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (httpx.ConnectError("Connection refused"), "does not answer (Connection refused)"),
        (httpx.ReadTimeout("slow"), "does not answer in time"),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), "not trusted"),
    ],
)
def test_a_server_that_cannot_be_reached_is_told_as_that(failure, message):
    def answer(request: httpx.Request) -> httpx.Response:
        raise failure

    with pytest.raises(ApiError) as caught:
        api(answer).check()
    assert message in caught.value.message


def flaky(*statuses: int):
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        status = statuses[min(len(seen), len(statuses)) - 1]
        return httpx.Response(status, json="3.8.8" if request.method == "GET" else {"id": "1"})

    return answer, seen


def test_a_read_is_tried_again_when_the_server_is_briefly_away():
    answer, seen = flaky(500, 503, 200)
    assert api(answer).check() == "3.8.8"
    assert len(seen) == 3


def test_a_change_is_tried_again_only_when_the_server_says_that_it_did_nothing():
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


def test_credentials_go_into_the_header_and_into_no_message():
    seen = {}

    def answer(request: httpx.Request) -> httpx.Response:
        seen.update(request.headers)
        return httpx.Response(401, json={})

    for target, header in (
        (Target(key=SecretStr("pnu_secret")), "Bearer pnu_secret"),
        (Target(auth_string=SecretStr("admin:pass")), "Basic YWRtaW46cGFzcw=="),
        (Target(headers={"X-Own": "1"}), None),
    ):
        seen.clear()
        with pytest.raises(ApiError) as caught:
            api(answer, target).check()
        assert seen.get("authorization") == header
        told = f"{caught.value.message} {caught.value.hint} {caught.value.where}"
        assert "secret" not in told
        assert "admin:pass" not in told
    assert seen["x-own"] == "1"


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


def test_pages_of_the_ui_are_found_for_a_server_and_for_cloud():
    assert api(always(200)).ui_url("runs") == "http://prefect.example.com/runs"
    cloud = Target("https://api.prefect.cloud/api/accounts/a/workspaces/w")
    assert (
        api(always(200), cloud).ui_url("runs")
        == "https://app.prefect.cloud/account/a/workspace/w/runs"
    )


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://[::1/api", "host cannot be read"),
        ("http://127.0.0.1:99999/api", "port is no number up to 65535"),
        ("http://ada:hunter2@host:port/api", "port is no number"),
        ("http://ada:hun ter2@host/api", "character"),
        ("http://host/api\n", "character"),
        ("ada:hunter2@host:4200", "does not begin with http"),
        ("ftp://host/api", "does not begin with http"),
        ("http://", "names no host"),
    ],
)
def test_an_address_that_is_none_is_told_with_its_place_and_without_its_login(url, fault):
    with pytest.raises(ApiError, match=fault) as caught:
        PrefectApi(Target(url, source="environment variable PREFECT_API_URL"))
    assert caught.value.where == "environment variable PREFECT_API_URL"
    assert caught.value.hint.startswith("`export PREFECT_API_URL=")
    assert not any(part in caught.value.message for part in ("hunter2", "hun", "ter2"))


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ({"key": SecretStr("pnu_secret\n")}, "PREFECT_API_KEY"),
        ({"key": SecretStr("pnu_secrét")}, "PREFECT_API_KEY"),
        ({"headers": {"X-Team": "secret "}}, "PREFECT_CLIENT_CUSTOM_HEADERS: X-Team"),
    ],
)
def test_what_no_header_can_carry_is_told_without_repeating_it(target, named):
    with pytest.raises(ConfigError, match="no header can carry") as caught:
        PrefectApi(Target(**target))
    assert caught.value.where == named
    assert "secr" not in f"{caught.value.message}{caught.value.hint}{caught.value.where}"


def test_a_password_in_the_address_is_not_shown():
    with pytest.raises(ApiError) as caught:
        api(always(200, {}), Target("http://me:hush@prefect.example.com/api")).check()
    assert "http://prefect.example.com/api" in caught.value.message
    assert "hush" not in caught.value.message + caught.value.hint


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
    assert httpx_too == str(module in ("prefect.client", "deploy", "runs"))


def test_the_certificates_of_a_plain_address_count_when_it_redirects_to_https(
    own_registry, tmp_path
):
    https = own_registry(tls=True)

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(307)
            self.send_header("Location", f"{https.url}/v2/")
            self.end_headers()

        def log_message(self, *args):
            pass

    def check(**target):
        with PrefectApi(Target(f"http://127.0.0.1:{plain.server_port}/api", **target)) as api:
            api.check()

    with HTTPServer(("127.0.0.1", 0), Redirect) as plain:
        threading.Thread(target=plain.serve_forever, daemon=True).start()
        with pytest.raises(ApiError, match="is not a Prefect API"):  # it answered: trusted
            check(ca_file=str(https.certificate))
        with pytest.raises(ApiError, match="is not trusted"):
            check()
        with pytest.raises(ConfigError, match="cannot be read"):
            check(ca_file=str(tmp_path / "missing.pem"))
        plain.shutdown()


def test_https_to_a_plain_server_is_told_in_words(own_registry):
    plain = own_registry()
    with (
        pytest.raises(ApiError, match="does not speak HTTPS") as caught,
        PrefectApi(Target(f"https://{plain.address}/api")) as api,
    ):
        api.check()
    assert f"http://{plain.address}/api" in caught.value.hint


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


def test_a_variable_that_does_not_exist_is_none():
    assert api(always(404, {"detail": "Variable not found"})).variable("x") is None


def test_a_variable_that_exists_is_a_conflict_for_whoever_creates_it():
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


def test_one_schedule_is_created_and_comes_back_with_its_id():
    server, seen = recording(httpx.Response(201, json=[{"id": "7", "slug": "flowship-x"}]))
    assert server.create_schedule("d", {"slug": "flowship-x"})["id"] == "7"
    assert seen == [("POST", "/api/deployments/d/schedules", [{"slug": "flowship-x"}])]


@pytest.mark.parametrize("change", ["create_work_pool", "create_block_type", "create_deployment"])
def test_what_somebody_else_creates_at_the_same_moment_is_a_conflict(change):
    with pytest.raises(ConflictError):
        getattr(api(always(409, {"detail": "already exists"})), change)({"name": "x"})


def test_a_refusal_that_is_no_conflict_is_told_apart():
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
