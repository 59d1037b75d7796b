"""Which server answers at an address."""

from __future__ import annotations

import pytest

from flowship.prefect.errors import NetworkFailure
from flowship.prefect.health import AnswerKind, ServerAnswer, ask_server, unusable
from support.targets import API, PROFILE, api_target


@pytest.mark.parametrize(
    ("answer", "kind", "detail"),
    [
        ((200, "3.8.8"), AnswerKind.PREFECT, ""),
        ((200, "3.2.0"), AnswerKind.PREFECT, ""),
        ((200, "3.1.15"), AnswerKind.UNSUPPORTED, ""),
        ((200, "2.20.1"), AnswerKind.UNSUPPORTED, ""),
        ((200, "4.0.0"), AnswerKind.UNSUPPORTED, ""),
        ((401, {}), AnswerKind.UNAUTHORIZED, "HTTP 401"),
        ((403, {}), AnswerKind.FORBIDDEN, "HTTP 403"),
        ((200, {"hello": 1}), AnswerKind.OTHER, "HTTP 200 without a Prefect version"),
        ((404, {}), AnswerKind.OTHER, "HTTP 404 without a Prefect version"),
        ((307, "https://elsewhere/api"), AnswerKind.OTHER, "it redirects to https://elsewhere/api"),
    ],
)
def test_every_answer_has_a_kind(server, answer, kind, detail):
    found = ask_server(api_target(server({"/api/admin/version": answer}) + "/api"))
    assert (found.kind, found.detail) == (kind, detail)
    assert found.usable == (kind is AnswerKind.PREFECT)


def test_a_silent_address_has_a_reason():
    found = ask_server(api_target("http://127.0.0.1:9/api"))
    assert found == ServerAnswer(NetworkFailure.UNREACHABLE, detail="connection refused")
    assert found.silent


def test_https_to_a_plain_server_is_recognized(server):
    found = ask_server(api_target(server({}).replace("http:", "https:") + "/api"))
    assert found.kind is NetworkFailure.NOT_HTTPS


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (ServerAnswer(AnswerKind.UNSUPPORTED, "2.20.1"), "api-version-unsupported"),
        (ServerAnswer(AnswerKind.UNAUTHORIZED), "api-credentials-rejected"),
        (ServerAnswer(AnswerKind.FORBIDDEN), "api-permission-denied"),
        (ServerAnswer(AnswerKind.OTHER), "api-not-prefect"),
        (ServerAnswer(NetworkFailure.UNREACHABLE), "api-unreachable"),
        (ServerAnswer(NetworkFailure.TIMEOUT), "api-timeout"),
        (ServerAnswer(NetworkFailure.NOT_HTTPS), "api-not-https"),
        (
            ServerAnswer(NetworkFailure.CERTIFICATE),
            "api-certificate-untrusted",
        ),
    ],
)
def test_every_unusable_answer_has_the_code_that_requests_have(answer, code):
    error = unusable(API, answer, PROFILE)
    assert (error.code, error.where) == (code, 'profile "staging"')
