"""The errors of the API in the user's terms, with the answers of Prefect's own server."""

from __future__ import annotations

import httpx
import pytest

from flowship.errors import ApiError, ExitCode
from flowship.prefect import errors
from flowship.prefect.errors import ConflictError, NetworkFailure
from support.targets import API, PROFILE, VARIABLE, always, api, api_target


@pytest.mark.parametrize(
    ("answer", "code", "message", "hint"),
    [
        (
            always(401, {"exception_message": "Unauthorized"}),
            "api-credentials-rejected",
            "rejected the credentials: Unauthorized",
            "AUTH_STRING",
        ),
        (
            always(403, {"detail": "no"}),
            "api-permission-denied",
            "denied GET /admin/version: no",
            "workspace",
        ),
        (
            always(404, {"detail": "Not Found"}),
            "api-not-prefect",
            "is not a Prefect API",
            "set-api",
        ),
        (
            lambda r: httpx.Response(200, html="<html>"),
            "api-not-prefect",
            "is not a Prefect API",
            "set-api",
        ),
        (
            lambda r: httpx.Response(404, html="<html>"),
            "api-not-prefect",
            "is not a Prefect API",
            "set-api",
        ),
        (always(200, "2.20.1"), "api-version-unsupported", "is Prefect 2.20.1", "upgrade"),
        (
            always(200, "3.1.15"),
            "api-version-unsupported",
            "needs Prefect 3.2 or a later",
            "upgrade",
        ),
        (always(200, {"hello": 1}), "api-not-prefect", "is not a Prefect API", "set-api"),
        (
            always(500, {"exception_message": "Internal Server Error"}),
            "api-server-error",
            "failed at GET /admin/version with HTTP 500: Internal Server Error",
            "log",
        ),
    ],
)
def test_each_failure_has_its_own_code_message_and_hint(answer, code, message, hint):
    with pytest.raises(ApiError) as caught:
        api(answer).check()
    assert caught.value.code == code
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.where == 'profile "staging"'
    assert caught.value.exit_code == ExitCode.API


def test_the_hint_changes_the_variable_if_the_address_comes_from_one():
    target = api_target(source=VARIABLE)
    with pytest.raises(ApiError) as caught:
        api(lambda r: httpx.Response(200, html="<html>"), target).check()
    assert "`export PREFECT_API_URL=" in caught.value.hint


def test_the_hint_has_the_api_address_of_a_ui_address():
    target = api_target("http://p.example.com")
    with pytest.raises(ApiError) as caught:
        api(lambda r: httpx.Response(200, html="<html>"), target).check()
    assert "http://p.example.com/api" in caught.value.hint


def test_a_rejected_request_shows_the_servers_detail():
    detail = [{"loc": ["body", "name"], "msg": "field required", "type": "missing"}]
    with pytest.raises(ApiError, match="name: field required"):
        api(always(422, {"detail": detail})).create_flow("x")
    body = {"exception_message": "Invalid request received.", "exception_detail": detail}
    with pytest.raises(ApiError, match="name: field required"):
        api(always(422, body)).create_flow("x")


@pytest.mark.parametrize(
    ("failure", "code", "message"),
    [
        (
            httpx.ConnectError("Connection refused"),
            "api-unreachable",
            "is not responding: connection refused",
        ),
        (httpx.ReadTimeout("slow"), "api-timeout", "is not responding: timed out"),
        (
            httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"),
            "api-certificate-untrusted",
            "not trusted",
        ),
    ],
)
def test_a_server_that_cannot_be_reached_has_a_code_and_the_reason(failure, code, message):
    def answer(request: httpx.Request) -> httpx.Response:
        raise failure

    with pytest.raises(ApiError) as caught:
        api(answer).check()
    assert caught.value.code == code
    assert message in caught.value.message


def test_a_password_in_the_address_is_not_shown():
    with pytest.raises(ApiError) as caught:
        api(always(200, {}), api_target("http://me:hush@prefect.example.com/api")).check()
    assert "http://prefect.example.com/api" in caught.value.message
    assert "hush" not in caught.value.message + caught.value.hint


def test_a_conflict_can_be_caught_on_its_own():
    with pytest.raises(ConflictError, match=r"conflicts .*: exists") as caught:
        api(always(409, {"detail": "exists"})).create_flow("x")
    assert caught.value.code == "api-conflict"


def test_a_command_without_an_api_names_the_profile_and_two_ways_to_set_one():
    with pytest.raises(ApiError, match="no Prefect API is set") as caught:
        api(always(200), api_target(None))
    assert caught.value.code == "api-not-configured"
    assert caught.value.where == 'profile "staging"'
    assert "flowship up" in caught.value.hint
    assert "set-api" in caught.value.hint


@pytest.mark.parametrize("failure", list(NetworkFailure))
@pytest.mark.parametrize("source", [None, PROFILE, VARIABLE])
@pytest.mark.parametrize("url", [API, "http://127.0.0.1:4200/api"])
def test_every_network_failure_has_a_hint_and_a_masked_address(failure, source, url):
    error = errors.no_answer(url.replace("://", "://ada:hush@"), failure, "detail", source)
    assert error.hint
    assert error.where == (str(source) if source else "")
    assert "ada:********@" in error.message
    assert "hush" not in f"{error.message} {error.hint}"
