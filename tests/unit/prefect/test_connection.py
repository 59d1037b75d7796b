"""The HTTP client: credentials, headers, and certificates."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from pydantic import SecretStr

from flowship.errors import ApiError, ConfigError
from flowship.prefect.client import PrefectApi
from flowship.prefect.connection import network_failure, open_client
from flowship.prefect.errors import NetworkFailure
from support.targets import api, api_target


def test_credentials_are_sent_in_a_header_and_not_shown():
    seen = {}

    def answer(request: httpx.Request) -> httpx.Response:
        seen.update(request.headers)
        return httpx.Response(401, json={})

    for target, header in (
        (api_target(key=SecretStr("pnu_secret")), "Bearer pnu_secret"),
        (api_target(auth_string=SecretStr("admin:pass")), "Basic YWRtaW46cGFzcw=="),
        (api_target(headers={"X-Own": "1"}), None),
    ):
        seen.clear()
        with pytest.raises(ApiError) as caught:
            api(answer, target).check()
        assert seen.get("authorization") == header
        shown = f"{caught.value.message} {caught.value.hint} {caught.value.where}"
        assert "secret" not in shown
        assert "admin:pass" not in shown
    assert seen["x-own"] == "1"


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ({"key": SecretStr("pnu_secret\n")}, "PREFECT_API_KEY"),
        ({"key": SecretStr("pnu_secrét")}, "PREFECT_API_KEY"),
        ({"headers": {"X-Team": "secret "}}, "PREFECT_CLIENT_CUSTOM_HEADERS: X-Team"),
    ],
)
def test_an_invalid_header_is_an_error_that_does_not_show_its_value(target, named):
    with pytest.raises(ConfigError, match="not allowed in an HTTP header") as caught:
        PrefectApi(api_target(**target))
    assert caught.value.where == named
    assert caught.value.code == "api-header-invalid"
    assert "secr" not in f"{caught.value.message}{caught.value.hint}{caught.value.where}"


def test_certificates_are_checked_when_a_plain_address_redirects_to_https(own_registry, tmp_path):
    https = own_registry(tls=True)

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(307)
            self.send_header("Location", f"{https.url}/v2/")
            self.end_headers()

        def log_message(self, *args):
            pass

    def check(**fields):
        with PrefectApi(api_target(f"http://127.0.0.1:{plain.server_port}/api", **fields)) as api:
            api.check()

    with HTTPServer(("127.0.0.1", 0), Redirect) as plain:
        threading.Thread(target=plain.serve_forever, daemon=True).start()
        with pytest.raises(ApiError, match="is not a Prefect API"):  # it answered: trusted
            check(ca_file=str(https.certificate))
        with pytest.raises(ApiError, match="is not trusted"):
            check()
        with pytest.raises(ConfigError, match="cannot read the CA file"):
            check(ca_file=str(tmp_path / "missing.pem"))
        plain.shutdown()


def test_https_to_a_plain_server_has_a_message_of_its_own(own_registry):
    plain = own_registry()
    with (
        pytest.raises(ApiError, match="does not use HTTPS") as caught,
        PrefectApi(api_target(f"https://{plain.address}/api")) as api,
    ):
        api.check()
    assert f"http://{plain.address}/api" in caught.value.hint


def test_an_untrusted_certificate_is_found_below_other_exceptions():
    exc = httpx.ConnectError("connection failed")
    exc.__cause__ = OSError("below")
    exc.__cause__.__context__ = ssl.SSLError("bad")
    assert network_failure(exc)[0] is NetworkFailure.CERTIFICATE
    assert network_failure(httpx.ConnectError(""))[1] == "ConnectError"


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("http://prefect.example.com/moved", True),
        ("https://prefect.example.com/moved", True),  # the upgrade to HTTPS
        ("https://login.example.com/moved", False),
        ("http://prefect.example.com:8080/moved", False),
    ],
)
def test_custom_headers_do_not_follow_a_redirect_to_another_server(target, kept):
    seen: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        moved = request.url.path == "/moved"
        return httpx.Response(200) if moved else httpx.Response(307, headers={"location": target})

    headers = {"X-Proxy-Token": "s3cret"}
    target_api = api_target("http://prefect.example.com/api", headers=headers)
    with open_client(target_api, timeout=1, transport=httpx.MockTransport(answer)) as client:
        client.get("/flows", follow_redirects=True, headers={"Prefect-Csrf-Token": "t"})
    assert seen[0]["x-proxy-token"] == "s3cret"
    assert ("x-proxy-token" in seen[1], "prefect-csrf-token" in seen[1]) == (kept, kept)


def test_credentials_for_another_address_are_refused_before_the_first_request():
    target = api_target(key=SecretStr("pnu_1"), misdirected=("PREFECT_API_KEY",))
    with pytest.raises(ConfigError) as caught:
        open_client(target, timeout=1)
    assert caught.value.code == "api-credentials-misdirected"
    assert 'PREFECT_API_KEY of the profile "staging" would be sent to' in caught.value.message
    assert "flowship profile set-api" in caught.value.hint
    assert "pnu_1" not in f"{caught.value.message}{caught.value.hint}{caught.value.details}"
