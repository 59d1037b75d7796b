"""The faults of registries, and the one table of vendor phrases that reveals each of them.

Registries report a refusal as text only, which the engine passes on inside a stream that began
with HTTP 200. `tests/streams` has recordings and transcriptions of the texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Literal

Doing = Literal["push", "pull", "login"]


class Fault(str, Enum):
    """What goes wrong at registries."""

    NOT_TAGGED = "not-tagged"
    RATE_LIMIT = "rate-limit"
    TOO_LARGE = "too-large"
    DISK_FULL = "disk-full"
    QUOTA = "quota"
    IMMUTABLE_TAG = "immutable-tag"
    READ_ONLY = "read-only"
    EXPIRED = "expired"
    FIREWALL = "firewall"
    DENIED = "denied"
    WRONG_PASSWORD = "wrong-password"
    SCOPE = "scope"
    UNKNOWN_REPOSITORY = "unknown-repository"
    UNKNOWN_IMAGE = "unknown-image"
    UNAUTHORIZED = "unauthorized"
    PLAIN_HTTP = "plain-http"
    TLS = "tls"
    NO_SUCH_HOST = "no-such-host"
    PROXY = "proxy"
    SERVER_ERROR = "server-error"
    UPLOAD_LOST = "upload-lost"
    MANIFEST_INVALID = "manifest-invalid"
    NOT_A_REGISTRY = "not-a-registry"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"

    @property
    def code(self) -> str:
        """The stable code of the error: ``registry-denied``."""
        return f"registry-{self.value}"


REFUSALS = frozenset({Fault.DENIED, Fault.UNAUTHORIZED, Fault.SCOPE})
"""The registry knows what is asked, and does not allow it to this user."""

NOT_THERE = frozenset({Fault.UNKNOWN_IMAGE, Fault.UNKNOWN_REPOSITORY})
"""The registry does not have what is asked."""

NO_CONNECTION = frozenset(
    {Fault.UNREACHABLE, Fault.NO_SUCH_HOST, Fault.PLAIN_HTTP, Fault.TLS, Fault.PROXY}
)
"""No usable connection from the machine that asked; there may be one from another machine."""


@dataclass(frozen=True)
class Rule:
    """How one fault is recognized, and what to say about it.

    Attributes:
        fault: The fault.
        pattern: A regular expression for the texts of engines and registries.
        message: With ``{registry}`` (its name for people), ``{host}``, ``{repository}``,
            ``{image}`` and ``{who}`` (the login that was used).
        hint: The same, and what to do at this vendor: ``{login}``, ``{grant}``, ``{create}``,
            ``{calm}``.
        pull: The message for a pull, if it differs.
        transient: Whether it is worth trying again.
        statuses: HTTP statuses that mean this fault if no text says more.
    """

    fault: Fault
    pattern: str
    message: str
    hint: str
    pull: str = ""
    transient: bool = False
    statuses: tuple[int, ...] = ()


# Matched from top to bottom, in any case, after names and addresses are removed from the text.
RULES = (
    # The engine itself; moby's push of a name that it does not have.
    Rule(
        Fault.NOT_TAGGED,
        r"does not exist locally with the tag|tag does not exist|no such image",
        "the engine has no image {image}",
        "run `flowship build` first",
    ),
    # Docker Hub ("You have reached your pull rate limit", HAP429 from its load balancer),
    # ECR ("Rate exceeded"); code TOOMANYREQUESTS of the distribution specification.
    Rule(
        Fault.RATE_LIMIT,
        r"toomanyrequests|too many requests|HAP429|\brate exceeded|(pull|push) rate limit",
        "the rate limit of {registry} is reached ({who})",
        "{calm}",
        statuses=(429,),
    ),
    # nginx and other proxies in front of a registry.
    Rule(
        Fault.TOO_LARGE,
        r"HTTP 413|413 request entity|request entity too large|content too large",
        "a proxy in front of {registry} rejected a layer for its size (HTTP 413)",
        "raise the proxy's limit (nginx: client_max_body_size 0), or make the layer smaller",
        statuses=(413,),
    ),
    Rule(
        Fault.DISK_FULL,
        r"no space left on device",
        "no disk space left, at {registry} or on the engine's machine",
        "check the engine's side with `docker system df`; for the registry, ask its administrator",
    ),
    # Harbor ("will exceed the configured upper limit"), HTTP 507, DigitalOcean, Quay.
    Rule(
        Fault.QUOTA,
        r"\bquota\b|configured upper limit|insufficient storage|\b507\b|storage limit",
        "the storage quota for {repository} at {registry} is used up",
        "delete old tags there, or ask for a larger quota",
    ),
    # ECR with immutable tags, Harbor's immutability rules, GAR and ACR locks.
    Rule(
        Fault.IMMUTABLE_TAG,
        r"\bimmutab|cannot be overwritten|configured as immutable|image is locked",
        "{image} already exists, and tags in this repository are immutable",
        "push under a new tag: `flowship push --repo {repository}:NEW-TAG`",
    ),
    # distribution with maintenance.readonly: 405 UNSUPPORTED.
    Rule(
        Fault.READ_ONLY,
        r"operation is unsupported|read-?only mode|\breadonly\b",
        "{registry} is read-only and accepts no pushes",
        "ask its administrator, or push to another registry",
    ),
    # ECR after 12 hours, ACR after 3, Docker Hub's expired access tokens.
    Rule(
        Fault.EXPIRED,
        r"token (has|is) expired|expired (access )?token",
        "the login for {registry} has expired ({who})",
        "{login}",
    ),
    # ACR behind its firewall.
    Rule(
        Fault.FIREWALL,
        r"client with IP \S* *is not allowed|not allowed access",
        "the firewall of {registry} blocks this machine",
        "allow the address named below in the firewall, or push from inside its network",
    ),
    # GCR and Quay say "unauthorized" when they refuse a user whom they know.
    Rule(
        Fault.DENIED,
        r"access to the requested resource is not authorized|needed permissions",
        "{registry} denied the push to {repository} ({who})",
        "{grant}",
        pull="{registry} denied the pull of {repository} ({who})",
    ),
    # Docker Hub, GitLab, Quay, Gitea; distribution's htpasswd at login.
    Rule(
        Fault.WRONG_PASSWORD,
        r"incorrect username or password|invalid (username|credentials)|bad credentials"
        r"|failed with status: 40[13]|HTTP basic: access denied|could not find robot",
        "{registry} rejected the user name or password ({who})",
        "{login}",
    ),
    # Docker Hub: a read-only access token, or (through containerd) any other refusal.
    Rule(
        Fault.SCOPE,
        r"insufficient[_ ]scope",
        "the access token does not allow pushing to {repository} at {registry} ({who})",
        "{grant}",
    ),
    # code NAME_UNKNOWN; ECR, which creates nothing by itself; Docker Hub on a pull.
    Rule(
        Fault.UNKNOWN_REPOSITORY,
        r"name[ _]unknown|repository\b.{0,80}\b(not found|does not exist)",
        "repository {repository} not found at {registry}, or not visible to this user ({who})",
        "{create}",
    ),
    # code MANIFEST_UNKNOWN, on a pull.
    Rule(
        Fault.UNKNOWN_IMAGE,
        r"manifest[ _]unknown|manifest for .*not found",
        "image {image} not found at {registry}",
        "check the name, and the tag or digest",
        statuses=(404,),
    ),
    # code UNAUTHORIZED; the engine's message when it has nothing to send.
    Rule(
        Fault.UNAUTHORIZED,
        r"no basic auth credentials|unauthenticated|authentication required|\bunauthorized\b",
        "{registry} requires a login for {repository} ({who})",
        "{login}",
        statuses=(401,),
    ),
    # code DENIED: Docker Hub, GHCR (permission_denied), ECR (is not authorized to perform),
    # Artifact Registry (Permission ... denied on resource ... (or it may not exist)), Harbor.
    Rule(
        Fault.DENIED,
        r"\bdenied\b|permission_denied|forbidden|is not authorized to perform|not allowed to",
        "{registry} denied the push to {repository} ({who})",
        "{grant}",
        pull="{registry} denied the pull of {repository} ({who})",
        statuses=(403,),
    ),
    # Go's net/http and Python's ssl: the registry talks plain HTTP, which engines accept from
    # 127.0.0.0/8 only.
    Rule(
        Fault.PLAIN_HTTP,
        r"server gave HTTP response to HTTPS client|does not look like a TLS handshake"
        r"|wrong[_ ]version[_ ]number|record layer failure",
        "{registry} does not use HTTPS, which the engine requires",
        'set up a certificate there, or add "{registry}" to insecure-registries in the engine\'s'
        " /etc/docker/daemon.json and restart the engine",
    ),
    # Go's crypto/x509 and crypto/tls, Python's ssl.
    Rule(
        Fault.TLS,
        r"x509|\btls: |certificate",
        "the certificate of {registry} is not trusted",
        "copy its CA certificate to /etc/docker/certs.d/{registry}/ca.crt on the engine's"
        " machine (no restart needed); the text below says what is wrong with the certificate",
    ),
    # Go's net, Python's socket: the name is not in DNS.
    Rule(
        Fault.NO_SUCH_HOST,
        r"no such host|name or service not known|nodename nor servname",
        "host {host} not found",
        "check the spelling of the registry, and the engine's DNS",
    ),
    Rule(
        Fault.PROXY,
        r"proxyconnect|proxy authentication required",
        "the proxy rejected the connection to {registry}",
        "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY in the engine's settings (a push does not use"
        " those of this shell)",
    ),
    # Proxies and registries in trouble. The engine's own HTTP 500 is not meant: it wraps all.
    Rule(
        Fault.SERVER_ERROR,
        r"unexpected HTTP status:? 5\d\d|HTTP 5\d\d|\b5\d\d (internal server error|bad gateway"
        r"|service unavailable|service temporarily unavailable|gateway time-?out|server error)",
        "{registry} reported an internal error",
        "try again later; check its status page, or ask its administrator",
        transient=True,
    ),
    # An upload that the registry forgot: restarted, or several instances without a shared secret.
    Rule(
        Fault.UPLOAD_LOST,
        r"blob[ _]upload[ _](unknown|invalid)|blob[ _]unknown",
        "{registry} lost an upload in progress",
        "try again; if it happens again, its instances do not share storage or http.secret",
        transient=True,
    ),
    Rule(
        Fault.MANIFEST_INVALID,
        r"(manifest|digest)[ _]invalid|(unsupported|unknown) media type|schema ?1",
        "{registry} does not support this image format",
        "it may be too old for the engine's manifests; its response is below",
    ),
    Rule(
        Fault.NOT_A_REGISTRY,
        r"error parsing HTTP \d+ response body|looking for beginning of value|page not found",
        "the server at {registry} is not a container registry",
        "check the host and port; a registry often has a different address from its website",
    ),
    # Go's net and net/http, Python's socket and httpx: a registry that is down, going down, or
    # behind a bad connection.
    Rule(
        Fault.UNREACHABLE,
        r"connection refused|connection reset|broken pipe|time(d )?out|deadline exceeded|\bEOF\b"
        r"|network is unreachable|no route to host|server misbehaving|temporary failure"
        r"|closed network connection|connection broken|server closed|host is down"
        r"|server disconnected",
        "{registry} is not responding, or the connection was lost",
        "check that it is running and that the engine's machine can reach it",
        transient=True,
    ),
)  # fmt: skip
UNKNOWN = Rule(
    Fault.UNKNOWN,
    "",
    "{registry} reported an error",
    "its response is below; known errors are explained in docs/errors.md",
)


_LONGEST = 10_000  # characters of a text that are looked at


def rule_of(fault: Fault) -> Rule:
    """The first rule for a fault."""
    return next((rule for rule in RULES if rule.fault is fault), UNKNOWN)


def classify(text: str, status: int | None = None) -> Rule:
    """The rule that the text of an engine or registry matches."""
    bare = _without_names(text)
    for rule in RULES:
        if re.search(rule.pattern, bare, re.IGNORECASE):
            return rule
    for rule in RULES:
        if status in rule.statuses:
            return rule
    return UNKNOWN


def _without_names(text: str) -> str:
    """`text` without addresses, paths and quoted words, which may contain any phrase."""
    text = text.replace("i/o ", "")[:_LONGEST]
    words = re.sub(r"\S+", lambda word: " " if "/" in word[0] else word[0], text)
    return re.sub(r"'[\w.-]+'", "''", words)
