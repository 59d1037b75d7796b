"""The recorded answers of engines and registries in ``tests/streams``, and what they mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from flowship.registry import Credentials, PushStream, Reference, RegistryFailure
from support.paths import STREAMS

ADA = Credentials("ada", SecretStr("s3cret"), "FLOWSHIP_REGISTRY_USER")
HERE = Reference.parse("127.0.0.1:5000/user/de-repo:v1")
HUB = Reference.parse("user/de-repo:v1")

# Stream → its fault.
REFUSED = {
    "acr-unauthorized": "unauthorized",
    "ecr-denied": "denied",
    "ecr-expired": "expired",
    "ecr-immutable-tag": "immutable-tag",
    "ecr-no-credentials": "unauthorized",
    "ecr-throttled": "rate-limit",
    "ecr-unknown-repository": "unknown-repository",
    "gar-denied": "denied",
    "gar-no-credentials": "unauthorized",
    "gcr-denied": "denied",
    "ghcr-denied": "denied",
    "ghcr-workflow-denied": "denied",
    "harbor-quota": "quota",
    "hub-abuse-limit": "rate-limit",
    "hub-denied": "denied",
    "hub-rate-limit": "rate-limit",
    "hub-rate-limit-anonymous": "rate-limit",
    "hub-token-scope": "denied",  # with credentials: see below
    "imitated-denied": "denied",
    "imitated-name-unknown": "unknown-repository",
    "imitated-quota": "quota",
    "imitated-rate-limit": "rate-limit",
    "imitated-too-large": "too-large",
    "imitated-too-many": "rate-limit",
    "no-credentials": "unauthorized",
    "no-such-host": "no-such-host",
    "not-a-registry": "not-a-registry",
    "not-tagged": "not-tagged",
    "plain-http": "plain-http",
    "self-signed": "tls",
    "wrong-password": "unauthorized",
}
AWAY = {
    "dropped": "unreachable",
    "hub-server-error": "server-error",
    "imitated-unavailable": "server-error",
    "not-running": "unreachable",
}
PUSHED = {"pushed", "layers-exist", "layers-mounted", "right-password"}
CALLS = {
    "login-acr-firewall": "firewall",
    "login-ghcr-denied": "wrong-password",
    "login-hub-wrong": "wrong-password",
    "login-not-running": "unreachable",
    "login-plain-http": "plain-http",
    "login-self-signed": "tls",
    "login-wrong": "wrong-password",
    "pull-hub-unknown": "unknown-repository",
    "pull-no-credentials": "unauthorized",
    "pull-not-running": "unreachable",
    "pull-unknown": "unknown-image",
    "pull-unknown-tag": "unknown-image",
}

# More texts of the engine, without a stream of their own.
TEXTS = [
    ("denied", "denied"),  # a specification's message without detail is shortened to this
    ("net/http: TLS handshake timeout", "unreachable"),
    ('Put "https://h.example.com/v2/x": EOF', "unreachable"),
    ("unexpected EOF", "unreachable"),
    ("read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer", "unreachable"),
    ("write tcp 127.0.0.1:1->127.0.0.1:2: write: broken pipe", "unreachable"),
    ("dial tcp 192.0.2.1:443: i/o timeout", "unreachable"),
    ("dial tcp: lookup r.example.com: Temporary failure in name resolution", "unreachable"),
    ("context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "unreachable"),
    ("received unexpected HTTP status: 502 Bad Gateway", "server-error"),
    (
        "error parsing HTTP 503 response body: invalid character '<' looking for beginning of"
        ' value: "<html>"',
        "server-error",
    ),
    ("blob upload unknown", "upload-lost"),
    ("blob upload invalid", "upload-lost"),
    ("manifest blob unknown: blob unknown to registry", "upload-lost"),
    ("manifest invalid: manifest invalid", "manifest-invalid"),
    ("x509: certificate has expired or is not yet valid: current time is after", "tls"),
    ("x509: certificate is valid for a.example.com, not b.example.com", "tls"),
    ("remote error: tls: handshake failure", "tls"),
    ("tls: first record does not look like a TLS handshake", "plain-http"),
    ("proxyconnect tcp: dial tcp 192.0.2.1:3128: connect: connection refused", "proxy"),
    ("unsupported: The operation is unsupported.", "read-only"),
    ("write /var/lib/x: no space left on device", "disk-full"),
    ("received unexpected HTTP status: 507 Insufficient Storage", "quota"),
    ("unauthorized: access to the requested resource is not authorized", "denied"),
    ("something that nobody has seen yet", "unknown"),
    ("", "unknown"),
]


def load(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A stream's header, and its events."""
    header, *events = (
        json.loads(line) for line in (STREAMS / f"{name}.jsonl").read_text("utf-8").splitlines()
    )
    return header, events


def pushed_to(events: list[dict[str, Any]]) -> Reference:
    """The reference that a stream's first event says is being pushed."""
    status = events[0].get("status", "")
    return Reference.parse(status.split("[")[1].rstrip("]")).with_tag("v1")


def failure(name: str, credentials: Credentials | None = None) -> RegistryFailure:
    """The error that a stream of a push raises."""
    _, events = load(name)
    with pytest.raises(RegistryFailure) as caught:
        list(PushStream(events, pushed_to(events), credentials))
    return caught.value
