"""Everything about a container registry except talking to it.

Image references, credentials as docker keeps them, the events of a push, and what a registry
means by its errors. The talking is done by the engine, through `flowship.image`; nothing here
needs one, and the only process started is a credential helper that the user configured.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from flowship.errors import ConfigError, RegistryError, UsageError

DOCKER_HUB = "docker.io"
DOCKER_HUB_KEY = "https://index.docker.io/v1/"
"""What docker's configuration and its credential helpers call Docker Hub."""

TOKEN_USER = "<token>"
"""The user name that stands for "the password is an identity token" in docker's world."""

ATTEMPTS = 5
"""How often a push is tried before flowship gives up on a registry that does not answer."""

Doing = Literal["push", "pull", "login"]


# --- references --------------------------------------------------------------------------------

# https://github.com/distribution/reference/blob/main/reference.go, with its rule for the
# implied registry from normalize.go. One word of it is not taken over: newer versions read
# "User/repo" as repository "repo" at a host "User", older engines refuse it, and the person
# who typed it meant a lower-case user; so it is refused.
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}"
_REST = re.compile(rf"(?P<path>{_PATH})(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?")
_IMAGE_ID = re.compile(r"[a-f0-9]{64}")
_LONGEST_NAME = 255  # registry, slash and path together


@dataclass(frozen=True)
class Reference:
    """The name of an image: ``[registry/]path[:tag][@digest]``, checked.

    Attributes:
        registry: The host with its port; ``docker.io`` where the text names none.
        path: The repository at that registry; ``library/x`` for Docker Hub's own images.
        tag: As given, None when there is none.
        digest: ``sha256:…``, None when there is none.
    """

    registry: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read `text` as docker does.

        Raises:
            UsageError: It is no reference; says where, why, and what was probably meant.
        """
        found = _match(text)
        if found is None:
            raise _not_a_reference(text)
        return found

    @property
    def repository(self) -> str:
        """The name without tag and digest as people write it: ``user/de-repo``."""
        if self.registry != DOCKER_HUB:
            return f"{self.registry}/{self.path}"
        short = self.path.removeprefix("library/")
        short = self.path if "/" in short else short
        # A first part that looks like a host would be read as one.
        host, rest = _split_registry(short)
        return (
            short
            if (host, rest) == (None, short) and not _IMAGE_ID.fullmatch(short)
            else (f"{DOCKER_HUB}/{self.path}")
        )

    def with_tag(self, tag: str | None) -> Reference:
        """The same image under another tag."""
        return Reference.parse(str(replace(self, tag=tag)))

    def with_digest(self, digest: str | None) -> Reference:
        """The same image pinned to `digest` (or no longer pinned)."""
        return Reference.parse(str(replace(self, digest=digest)))

    def __str__(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{self.repository}{tag}{digest}"


def push_target(text: str, default_tag: str | None = None) -> Reference:
    """The reference that ``--repo`` asks to push to.

    Args:
        text: What the user wrote.
        default_tag: The tag to take where `text` has none.

    Raises:
        UsageError: No reference, a digest (the registry computes that), or a web address.
    """
    reference = Reference.parse(text)
    if reference.digest:
        raise UsageError(
            f'"{_shown(text)}" names a digest, which a push cannot choose',
            hint=f'leave it out: "{replace(reference, digest=None)}"',
            where="--repo",
        )
    if reference.registry.lower() in {"hub.docker.com", "www.docker.com"}:
        raise UsageError(
            f"{reference.registry} is Docker Hub's web site, not its registry",
            hint=f'did you mean "{_repair(text)}"?',
            where="--repo",
        )
    return reference if reference.tag else replace(reference, tag=default_tag)


def registry_host(text: str | None) -> str:
    """The registry that ``flowship login [REGISTRY]`` means; Docker Hub when nothing is given.

    Accepts what people paste: ``https://ghcr.io/``, ``ghcr.io/user``, the old Docker Hub URL.

    Raises:
        UsageError: It is no host name.
    """
    host = re.sub(r"^[a-zA-Z][\w+.-]*://", "", (text or "").strip()).split("/", 1)[0]
    if host.lower() in {"", DOCKER_HUB, "index.docker.io", "registry-1.docker.io"} | _HUB_SITES:
        return DOCKER_HUB
    if not re.fullmatch(_REGISTRY, host):
        raise UsageError(
            f'"{_shown(text or "")}" is not a registry',
            hint='a registry is a host, with a port where it needs one: "ghcr.io"',
            where="REGISTRY",
        )
    return host


def server_address(registry: str) -> str:
    """What docker's configuration, helpers and the engine's login call `registry`."""
    return DOCKER_HUB_KEY if registry == DOCKER_HUB else registry


_HUB_SITES = {"hub.docker.com", "www.docker.com", "docker.com"}


def _match(text: str) -> Reference | None:
    if _IMAGE_ID.fullmatch(text):
        return None
    host, rest = _split_registry(text)
    found = _REST.fullmatch(rest)
    if found is None or (host is not None and not re.fullmatch(_REGISTRY, host)):
        return None
    registry, path = host or DOCKER_HUB, found["path"]
    if registry == "index.docker.io":
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if len(f"{registry}/{path}") > _LONGEST_NAME:
        return None
    return Reference(registry, path, found["tag"], found["digest"])


def _split_registry(text: str) -> tuple[str | None, str]:
    """The host that `text` begins with, if its first part can only be one, and what follows."""
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return None, text


def _shown(text: str, longest: int = 100) -> str:
    text = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _not_a_reference(text: str) -> UsageError:
    position, why = _diagnose(text)
    meant = _repair(text)
    hint = f'did you mean "{meant}"?' if meant else "a reference is [registry/]user/name[:tag]"
    caret = ""
    if text and text.isprintable() and len(text) <= 160:
        caret = f"{text}\n{' ' * position}^"
    return UsageError(
        f'"{_shown(text)}" is not an image reference: {why}',
        hint=hint,
        where=f"character {position + 1}",
        details=caret,
    )


def _diagnose(text: str) -> tuple[int, str]:
    """Where `text`, which is no reference, goes wrong (counted from 0), and why."""
    general = _diagnose_whole(text)
    if general:
        return general
    name, at, digest = text.partition("@")
    if at and not re.fullmatch(_DIGEST, digest):
        return len(name) + 1, "a digest is sha256: and 64 lower-case hexadecimal digits"
    host, rest = _split_registry(name)
    if host is not None and not re.fullmatch(_REGISTRY, host):
        misfit = _first_misfit(host, r"[a-zA-Z0-9.:-]")
        return misfit if misfit < len(host) else 0, f'"{_shown(host)}" is not a registry'
    start = len(name) - len(rest)
    path, colon, tag = rest.partition(":")
    bad = _diagnose_path(path, start)
    if bad:
        return bad
    if colon:
        bad = _diagnose_tag(tag, start + len(path) + 1)
        if bad:
            return bad
    longest = f"a name has at most {_LONGEST_NAME} characters, registry included"
    return min(len(text), _LONGEST_NAME), f"{longest}; this one has {len(name)}"


def _diagnose_whole(text: str) -> tuple[int, str] | None:
    if not text:
        return 0, "it is empty"
    if space := re.search(r"\s", text):
        return space.start(), "it has a space in it"
    if scheme := re.match(r"[a-zA-Z][\w+.-]*://", text):
        return 0, f'a reference has no "{scheme[0]}" before it'
    if _IMAGE_ID.fullmatch(text):
        return 0, "it is an image id, which has no place in a registry"
    return None


def _diagnose_path(path: str, start: int) -> tuple[int, str] | None:
    if not path:
        return start, "the repository's name is missing"
    if re.fullmatch(_PATH, path):
        return None
    empty = re.search(r"^/|//|/$", path)
    if empty:
        return start + empty.end() - 1, "a part between slashes is empty"
    if upper := re.search(r"[A-Z]", path):
        return start + upper.start(), "a repository is written in lower case"
    if strange := re.search(r"[^a-z0-9._/-]", path):
        return start + strange.start(), f'"{_shown(strange[0])}" is not allowed in a repository'
    edge = re.search(r"(?:^|/)([._-])|([._-])(?=/|$)", path)
    if edge:
        at = edge.start(1) if edge[1] else edge.start(2)
        return start + at, f'a part begins and ends with a letter or digit, not "{path[at]}"'
    row = re.search(r"[._-]*[._][._-]+|-+[._][._-]*", re.sub(r"(?<![._-])__(?![._-])", "aa", path))
    at = row.start() if row else 0
    return start + at, 'between letters stand ".", "_", "__" or dashes, not a mixture'


def _diagnose_tag(tag: str, start: int) -> tuple[int, str] | None:
    if re.fullmatch(_TAG, tag):
        return None
    if not tag:
        return start - 1, 'there is no tag after the ":"'
    if tag[0] in ".-":
        return start, f'a tag does not begin with "{tag[0]}"'
    at = _first_misfit(tag, r"[A-Za-z0-9_.-]")
    if at < len(tag):
        return start + at, f'"{_shown(tag[at])}" is not allowed in a tag'
    return start + 128, f"a tag has at most 128 characters; this one has {len(tag)}"


def _first_misfit(text: str, allowed: str) -> int:
    found = re.match(f"{allowed}*", text, re.ASCII)
    return found.end() if found else 0


def _repair(text: str) -> str:
    """The reference that was probably meant by `text`; empty when nothing plausible is."""
    if not text.isascii():
        return ""  # dropping the letters would leave another name
    bare = re.sub(r"^\s*[a-zA-Z][\w+.-]*://", "", text).strip().strip("/")
    bare = re.sub(r"^(?:www\.|hub\.)?docker\.com/(?:r/|_/|repository/docker/)?", "", bare)
    name, at, digest = bare.partition("@")
    host, rest = _split_registry(name)
    path, _, tag = rest.partition(":")
    path = re.sub(r"[^a-z0-9._/-]+", "-", path.lower(), flags=re.ASCII)
    path = re.sub(r"[._-]*(/)[._/-]*", r"\1", path).strip("._-/")
    path = re.sub(r"([._-])[._]+-*|-+[._]+-*", r"\1", path) if "__" not in path else path
    tag = re.sub(r"[^\w.-]+", "-", tag, flags=re.ASCII).lstrip(".-")[:128].rstrip("-")
    meant = (f"{host}/" if host else "") + path + (f":{tag}" if tag else "") + at + digest
    return meant if meant != text and _match(meant) else ""


# --- what registries say -----------------------------------------------------------------------


class RegistryFault(RegistryError):
    """A `RegistryError` made from the words of an engine or a registry.

    Attributes:
        fault: Its name in `FAULTS`, for decisions and tests; the words are for people.
        transient: Whether the same push is worth another try.
    """

    def __init__(self, fault: Fault, message: str, *, hint: str, where: str, details: str) -> None:
        super().__init__(message, hint=hint, where=where, details=details)
        self.fault = fault.name
        self.transient = fault.transient


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong at registries, in their words and in ours.

    In `message` and `hint` stand ``{registry}`` (its name for people), ``{repository}``,
    ``{image}``, ``{who}`` (how we signed in), and what to do at this vendor: ``{login}``,
    ``{password}``, ``{grant}``, ``{create}``, ``{calm}``.
    """

    name: str
    pattern: str
    message: str
    hint: str
    transient: bool = False
    statuses: tuple[int, ...] = ()


# THE one place with the words of vendors: registries report refusals as text only, inside a
# stream with HTTP 200. Matched from top to bottom, upper and lower case alike, after names
# and addresses were taken out. `tests/streams` holds where each comes from.
FAULTS = (
    # The engine itself; moby's push of a name it does not have.
    Fault(
        "not-tagged",
        r"does not exist locally with the tag|tag does not exist|no such image",
        "the engine has no image {image}",
        "build it first: `flowship build`",
    ),
    # Docker Hub ("You have reached your pull rate limit", HAP429 from its load balancer),
    # ECR ("Rate exceeded"); code TOOMANYREQUESTS of the distribution specification.
    Fault(
        "rate-limit",
        r"toomanyrequests|too many requests|HAP429|\brate exceeded|(pull|push) rate limit",
        "{registry} is asked too often and its rate limit is reached ({who})",
        "{calm}",
        statuses=(429,),
    ),
    # nginx and other proxies before a registry.
    Fault(
        "too-large",
        r"HTTP 413|413 request entity|request entity too large|content too large",
        "something in front of {registry} refuses a layer for its size (HTTP 413)",
        "raise the limit there (nginx: client_max_body_size 0), or make the layer smaller",
        statuses=(413,),
    ),
    Fault(
        "disk-full",
        r"no space left on device",
        "there is no disk space left, at {registry} or on the engine's machine",
        "`docker system df` shows the engine's side; the other is for whoever runs {registry}",
    ),
    # Harbor ("will exceed the configured upper limit"), HTTP 507, DigitalOcean, Quay.
    Fault(
        "quota",
        r"\bquota\b|configured upper limit|insufficient storage|\b507\b|storage limit",
        "{registry} has no room left for {repository}: its storage quota is used up",
        "delete old tags there, or have the quota raised",
    ),
    # ECR with immutable tags, Harbor's immutability rules, GAR and ACR locks.
    Fault(
        "immutable-tag",
        r"\bimmutab|cannot be overwritten|configured as immutable|image is locked",
        "{image} exists and its tag may not be moved: the repository's tags are immutable",
        "push under a new tag: `flowship push --repo {repository}:NEW-TAG`",
    ),
    # distribution with maintenance.readonly: 405 UNSUPPORTED.
    Fault(
        "read-only",
        r"operation is unsupported|read-?only mode|\breadonly\b",
        "{registry} takes no pushes at the moment: it is read-only",
        "ask whoever runs it, or push to another registry",
    ),
    # ECR after 12 hours, ACR after 3, Docker Hub's expired access tokens.
    Fault(
        "expired",
        r"token (has|is) expired|expired (access )?token",
        "the sign-in at {registry} has expired ({who})",
        "{login}",
    ),
    # ACR behind its firewall.
    Fault(
        "firewall",
        r"client with IP \S* *is not allowed|not allowed access",
        "{registry} does not let this machine's address in",
        "let its firewall admit the address named below, or push from inside its network",
    ),
    # GCR and Quay say "unauthorized" for a refusal of somebody they know.
    Fault(
        "denied",
        r"access to the requested resource is not authorized|needed permissions",
        "{registry} refuses the push to {repository} ({who})",
        "{grant}",
    ),
    # Docker Hub, GitLab, Quay, Gitea; distribution's htpasswd at login.
    Fault(
        "wrong-password",
        r"incorrect username or password|invalid (username|credentials)|bad credentials"
        r"|failed with status: 40[13]|HTTP basic: access denied|could not find robot",
        "{registry} does not know this user name with this password ({who})",
        "{login}",
    ),
    # Docker Hub: a read-only access token, or (through containerd) any other refusal.
    Fault(
        "scope",
        r"insufficient[_ ]scope",
        "{registry} lets nobody push to {repository} with this access token ({who})",
        "{grant}",
    ),
    # code NAME_UNKNOWN; ECR, which creates nothing by itself; Docker Hub on a pull.
    Fault(
        "unknown-repository",
        r"name[ _]unknown|repository\b.{0,80}\b(not found|does not exist)",
        "there is no repository {repository} at {registry}, or it is hidden ({who})",
        "{create}",
    ),
    # code MANIFEST_UNKNOWN, on a pull.
    Fault(
        "unknown-image",
        r"manifest[ _]unknown|manifest for .*not found",
        "{registry} has no image {image}",
        "check the tag, or push it first: `flowship push`",
    ),
    # code UNAUTHORIZED; the engine's own words when it has nothing to send.
    Fault(
        "unauthorized",
        r"no basic auth credentials|unauthenticated|authentication required|\bunauthorized\b",
        "{registry} wants to know who is pushing to {repository} ({who})",
        "{login}",
        statuses=(401,),
    ),
    # code DENIED: Docker Hub, GHCR (permission_denied), ECR (is not authorized to perform),
    # Artifact Registry (Permission … denied on resource … (or it may not exist)), Harbor.
    Fault(
        "denied",
        r"\bdenied\b|permission_denied|forbidden|is not authorized to perform|not allowed to",
        "{registry} refuses the push to {repository} ({who})",
        "{grant}",
        statuses=(403,),
    ),
    # Go's net/http: the registry talks plain HTTP, and only 127.0.0.0/8 may do that.
    Fault(
        "plain-http",
        r"server gave HTTP response to HTTPS client|does not look like a TLS handshake",
        "{registry} does not speak HTTPS, and the engine insists on it",
        'give it a certificate, or add "{registry}" to insecure-registries in the engine\'s'
        " /etc/docker/daemon.json and restart it",
    ),
    # Go's crypto/x509 and crypto/tls.
    Fault(
        "tls",
        r"x509|\btls: |certificate",
        "the engine does not trust the certificate of {registry}",
        "put its CA's certificate at /etc/docker/certs.d/{registry}/ca.crt on the engine's"
        " machine (no restart needed), and see below what exactly is wrong with it",
    ),
    # Go's net: the name is not in DNS.
    Fault(
        "no-such-host",
        r"no such host|name or service not known|nodename nor servname",
        "there is no host called {registry}",
        "check how the registry's name is spelled, and the engine's DNS",
    ),
    Fault(
        "proxy",
        r"proxyconnect|proxy authentication required",
        "the engine's proxy does not let it through to {registry}",
        "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the engine (not those of this shell)",
    ),
    # Proxies and registries in trouble. The engine's own HTTP 500 is not meant: it wraps all.
    Fault(
        "server-error",
        r"unexpected HTTP status:? 5\d\d|HTTP 5\d\d|\b5\d\d (internal server error|bad gateway"
        r"|service unavailable|service temporarily unavailable|gateway time-?out|server error)",
        "{registry} has a fault of its own",
        "try again in a while; its status page or whoever runs it may know more",
        transient=True,
    ),
    # An upload that the registry forgot: restarted, or several instances without a shared secret.
    Fault(
        "upload-lost",
        r"blob[ _]upload[ _](unknown|invalid)|blob[ _]unknown",
        "{registry} lost an upload that was on its way",
        "try again; if it stays so, its instances do not share storage or http.secret",
        transient=True,
    ),
    Fault(
        "manifest-invalid",
        r"(manifest|digest)[ _]invalid|(unsupported|unknown) media type|schema ?1",
        "{registry} does not accept this kind of image",
        "it may be too old for the engine's manifests; see its own words below",
    ),
    Fault(
        "not-a-registry",
        r"error parsing HTTP \d+ response body|looking for beginning of value|page not found",
        "what answers at {registry} is not a container registry",
        "check host and port; the registry's address is often not that of its web pages",
    ),
    # Go's net and net/http, on a registry that is away, going away or behind a bad line.
    Fault(
        "unreachable",
        r"connection refused|connection reset|broken pipe|time(d )?out|deadline exceeded|\bEOF\b"
        r"|network is unreachable|no route to host|server misbehaving|temporary failure"
        r"|closed network connection|connection broken|server closed|host is down",
        "{registry} does not answer, or the connection to it broke",
        "check that it runs and that the engine's machine can reach it",
        transient=True,
    ),
)  # fmt: skip
_UNKNOWN = Fault(
    "unknown", "", "{registry} answered with an error", "its own words are below; docs/push.md"
)

# What to do at each vendor: sign in, be allowed to write, create a repository.
_VENDORS = {
    "hub": (r"docker\.io", "Docker Hub"),
    "ecr": (r".*\.dkr\.ecr\..*\.amazonaws\.com.*|public\.ecr\.aws", ""),
    "google": (r".*\.pkg\.dev|(.*\.)?gcr\.io", ""),
    "github": (r"ghcr\.io", ""),
    "azure": (r".*\.azurecr\.(io|cn|us)", ""),
    "other": (r".*", ""),
}
_LOGIN = {
    "hub": "run `flowship login`; an access token with Read & Write serves as the password",
    "ecr": "run `aws ecr get-login-password | flowship login {host} --username AWS"
    " --password-stdin`; it lasts 12 hours",
    "google": "run `gcloud auth configure-docker {host}`",
    "github": "run `flowship login {host}` with a GitHub token that has write:packages",
    "azure": "run `az acr login --name {short}`; it lasts 3 hours",
    "other": "run `flowship login {host}`",
}
_PASSWORD = {
    "hub": "the user name is the Docker ID, not the e-mail address, and an access token serves"
    " as the password",
    "ecr": "the user name is AWS, the password what `aws ecr get-login-password` prints",
    "google": "the user name is oauth2accesstoken, the password what"
    " `gcloud auth print-access-token` prints",
    "github": "the password is a GitHub token that has write:packages",
    "azure": "`az acr login --name {short}` signs in without a password",
    "other": "check both; many registries want an access token in place of the password",
}
_GRANT = {
    "hub": "push below your own user name or an organisation that lets you write there, with"
    " a token that has Read & Write",
    "ecr": "allow ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload, ecr:UploadLayerPart,"
    " ecr:CompleteLayerUpload and ecr:PutImage on the repository",
    "google": "create the repository, or grant roles/artifactregistry.writer on it",
    "github": "the token needs write:packages (in GitHub Actions: `permissions: packages: write`)"
    " and the package must admit this repository",
    "azure": "grant the role AcrPush on the registry",
    "other": "check the name, and ask whoever runs {host} for the right to push there",
}
_CREATE = {
    "hub": "check the name; a private repository shows only to those who are signed in",
    "ecr": "create it: `aws ecr create-repository --repository-name {path}`",
    "google": "create it: `gcloud artifacts repositories create NAME --repository-format=docker`",
    "github": "check the name: ghcr.io/OWNER/NAME",
    "azure": "check the name and its spelling",
    "other": "check the name, or create the repository at {host} first",
}


def classify(text: str, status: int | None = None) -> Fault:
    """Which of `FAULTS` the words of an engine or registry mean."""
    bare = _without_names(text)
    for fault in FAULTS:
        if re.search(fault.pattern, bare, re.IGNORECASE):
            return fault
    for fault in FAULTS:
        if status in fault.statuses:
            return fault
    return _UNKNOWN


def is_transient(text: str) -> bool:
    """Whether the same push is worth another try: never after a refusal."""
    return classify(text).transient


def translate(
    text: str,
    reference: Reference | str,
    *,
    status: int | None = None,
    doing: Doing,
    credentials: Credentials | None = None,
) -> RegistryFault:
    """The error to raise for the words of an engine or a registry.

    Args:
        text: The ``error`` of a stream's event, or an API error's explanation.
        reference: The image, or for a login the registry.
        status: The engine's HTTP status where there was one.
        doing: What was being done.
        credentials: What was sent along; None when nothing was.
    """
    fault = _in_context(classify(text, status), doing, credentials)
    words = _words(reference, credentials)
    message, hint = fault.message, _own_namespace(fault, reference, credentials) or fault.hint
    if fault.name == "unauthorized" and credentials:
        message = "{registry} does not accept the user name and password it was sent ({who})"
    if doing == "login" and credentials:
        words["who"] = f"as {credentials.username}"
    if doing == "login" and fault.name == "wrong-password":
        hint = "{password}"
    if doing == "pull":
        message = message.replace("the push to", "to hand out").replace("pushing to", "asking for")
    return RegistryFault(
        fault,
        message.format(**words),
        hint=hint.format(**words),
        where="" if doing == "login" else str(reference),  # there the message names it
        details=_without_secrets(text.strip(), credentials),
    )


def _in_context(fault: Fault, doing: Doing, credentials: Credentials | None) -> Fault:
    """The same words mean something else to somebody who signs in, or never did."""
    if doing == "login" and fault.name in {"denied", "unauthorized", "scope"}:
        return next(each for each in FAULTS if each.name == "wrong-password")
    if fault.name == "scope" and (doing == "pull" or not credentials):
        return next(each for each in FAULTS if each.name == "denied")
    return fault


def _words(reference: Reference | str, credentials: Credentials | None) -> dict[str, str]:
    image = reference if isinstance(reference, Reference) else None
    host = image.registry if image else str(reference)
    vendor = next(v for v, (pattern, _) in _VENDORS.items() if re.fullmatch(pattern, host))
    blanks = {"host": host, "short": host.split(".")[0], "path": image.path if image else ""}
    hub = vendor == "hub"
    signed_in = credentials is not None
    return {
        "registry": _VENDORS[vendor][1] or host,
        "repository": image.repository if image else host,
        "image": str(reference),
        "who": credentials.described if credentials else "nobody is signed in",
        "login": _LOGIN[vendor].format(**blanks),
        "password": _PASSWORD[vendor].format(**blanks),
        "grant": (_GRANT if signed_in else _LOGIN)[vendor].format(**blanks),
        "create": _CREATE[vendor].format(**blanks),
        "calm": "wait, or sign in to have a higher limit: `flowship login`"
        if hub and not signed_in
        else "wait some minutes (Docker Hub counts pulls over six hours), then try again"
        if hub
        else "wait some minutes, then try again",
    }


def _own_namespace(
    fault: Fault, reference: Reference | str, credentials: Credentials | None
) -> str:
    """For Docker Hub: the name below the user's own, when it was somebody else's."""
    if fault.name not in {"denied", "scope"} or not isinstance(reference, Reference):
        return ""
    if reference.registry != DOCKER_HUB or not credentials:
        return ""
    user, (owner, _, name) = credentials.username.lower(), reference.path.partition("/")
    if user in {owner, TOKEN_USER} or not re.fullmatch(_COMPONENT, user):
        return ""
    meant = replace(reference, path=f"{user}/{name}")
    return f'"{owner}" must let {user} write there; did you mean `--repo {meant}`?'


def _without_names(text: str) -> str:
    """`text` without addresses, paths and quoted words, which may look like anything."""
    return re.sub(r"'[\w.-]+'", "''", re.sub(r"\S*/\S*", " ", text.replace("i/o ", "")))


def _without_secrets(text: str, credentials: Credentials | None) -> str:
    if credentials and (secret := credentials.password.get_secret_value()):
        text = text.replace(secret, "***")
    return re.sub(r"://[^/@\s\"]+:[^/@\s\"]+@", "://***@", text)


def backoff(attempt: int) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1): 1, 2, 4, … at most 30."""
    return float(min(30, 2 ** (max(1, attempt) - 1)))


# --- the events of a push ----------------------------------------------------------------------


@dataclass(frozen=True)
class LayerProgress:
    """How far one layer is.

    Attributes:
        layer: The layer's short id.
        status: The engine's word: Preparing, Waiting, Pushing, Pushed, Layer already exists,
            Mounted from …, Retrying in 5 seconds.
        current: Bytes sent.
        total: Bytes to send, None where the engine does not say.
    """

    layer: str
    status: str
    current: int = 0
    total: int | None = None

    @property
    def done(self) -> bool:
        """Whether the registry has this layer."""
        return self.status.startswith(("Pushed", "Layer already exists", "Mounted from"))


@dataclass
class PushStream:
    """The decoded events of one push; iterate it to the end, then ask for `digest`.

    Engines answer a push with HTTP 200 before they know whether it works, so every event is
    looked at. Events that are not known are passed over.

    Attributes:
        events: What docker-py's ``push(..., stream=True, decode=True)`` yields.
        reference: What is being pushed.
        credentials: What was sent along; only for the words of an error.
    """

    events: Iterable[Mapping[str, Any]]
    reference: Reference
    credentials: Credentials | None = None
    _digest: str = field(default="", init=False)

    def __iter__(self) -> Iterator[LayerProgress]:
        """Yield each layer's progress.

        Raises:
            RegistryFault: The engine or the registry reported an error.
        """
        for event in self.events:
            self._raise_error(event)
            self._note_digest(event)
            progress = _layer_progress(event)
            if progress:
                yield progress

    @property
    def digest(self) -> str:
        """``sha256:…`` of what the registry now has under the reference.

        Raises:
            RegistryFault: The stream ended without one: the push was cut off.
        """
        if not self._digest:
            raise translate(
                "unexpected EOF: the push ended without a digest",
                self.reference,
                doing="push",
                credentials=self.credentials,
            )
        return self._digest

    def _raise_error(self, event: Mapping[str, Any]) -> None:
        detail = event.get("errorDetail")
        text = event.get("error") or (detail.get("message") if isinstance(detail, dict) else None)
        if not text and not detail:
            return
        raise translate(
            str(text or detail), self.reference, doing="push", credentials=self.credentials
        )

    def _note_digest(self, event: Mapping[str, Any]) -> None:
        aux = event.get("aux")
        said = aux.get("Digest") if isinstance(aux, dict) else None
        if not said:  # engines before 1.10 of the API, and Podman, only have the sentence
            found = re.search(r"\bdigest: (sha256:[a-f0-9]{64})\b", str(event.get("status", "")))
            said = found[1] if found else None
        if isinstance(said, str) and re.fullmatch(_DIGEST, said):
            self._digest = said


def _layer_progress(event: Mapping[str, Any]) -> LayerProgress | None:
    layer, status = event.get("id"), event.get("status")
    if not isinstance(layer, str) or not isinstance(status, str):
        return None
    detail = event.get("progressDetail")
    detail = detail if isinstance(detail, dict) else {}
    current, total = detail.get("current"), detail.get("total")
    return LayerProgress(
        layer,
        status,
        current if isinstance(current, int) else 0,
        total if isinstance(total, int) and total > 0 else None,
    )


def check_digest(pushed: str, answered: str, reference: Reference) -> None:
    """Compare the digest of the push with what the registry has under the reference.

    Raises:
        RegistryError: They differ: somebody else pushed the same tag at the same time.
    """
    if pushed != answered:
        raise RegistryError(
            f"{reference} is not what was pushed",
            hint="somebody else pushed this tag at the same time: use a tag of your own",
            where=str(reference),
            details=f"pushed:   {pushed}\nregistry: {answered}",
        )


# --- credentials -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Credentials:
    """Who to be at a registry.

    Attributes:
        username: The user name, or `TOKEN_USER` when `password` is an identity token.
        password: Never shown.
        source: Where it was found, in words for people.
    """

    username: str
    password: SecretStr
    source: str

    @property
    def described(self) -> str:
        """``signed in as ada, from FLOWSHIP_REGISTRY_USER``."""
        name = "with a token" if self.username == TOKEN_USER else f"as {self.username}"
        return f"signed in {name}, from {self.source}"

    def auth_config(self, registry: str) -> dict[str, str]:
        """What an engine wants to be told: the ``auth_config`` of docker-py. Holds the secret."""
        secret = self.password.get_secret_value()
        who = (
            {"identitytoken": secret}
            if self.username == TOKEN_USER
            else {"username": self.username, "password": secret}
        )
        return who | {"serveraddress": server_address(registry)}


@dataclass(frozen=True)
class Stored:
    """Where `store` put credentials, and what is to be known about that place."""

    place: str
    warning: str = ""


@dataclass(frozen=True)
class LoginResult:
    """A login that worked."""

    registry: str
    username: str
    stored: Stored


def docker_folder(environ: Mapping[str, str]) -> Path:
    """Where docker's configuration is: ``DOCKER_CONFIG``, else ``~/.docker``."""
    if environ.get("DOCKER_CONFIG"):
        return Path(environ["DOCKER_CONFIG"])
    return Path(environ["HOME"] if environ.get("HOME") else Path.home()) / ".docker"


def credentials(
    reference: Reference | str,
    environ: Mapping[str, str] = os.environ,
    docker_config_dir: Path | None = None,
    *,
    use_environment: bool = True,
) -> Credentials | None:
    """Who to be at the registry of `reference`, or None for nobody.

    ``FLOWSHIP_REGISTRY_USER`` with ``FLOWSHIP_REGISTRY_PASSWORD`` come first, then what docker
    has: the registry's credential helper, the default one, the configuration file.

    Args:
        reference: An image, or a registry's host.
        environ: Where variables (and the helpers' ``PATH``) are read.
        docker_config_dir: The folder of ``config.json``; `docker_folder` when None.
        use_environment: False for another registry than the one pushed to, as for pulling a
            base image: the variables are not meant for it and must not be sent there.

    Raises:
        ConfigError: One variable without the other, an unreadable file, a failing helper.
    """
    if use_environment and (found := _from_environment(environ)):
        return found
    registry = reference.registry if isinstance(reference, Reference) else reference
    config = _DockerConfig.read(docker_config_dir or docker_folder(environ))
    return config.lookup(registry, environ)


def store(
    who: Credentials,
    registry: str,
    docker_config_dir: Path,
    environ: Mapping[str, str] = os.environ,
) -> Stored:
    """Keep credentials as ``docker login`` does, so that docker and flowship both find them.

    In the credential helper where one is configured, else in ``config.json``, whose other
    content stays. The file is replaced in one step and readable by its owner only.

    Raises:
        ConfigError: The file cannot be read or written, or the helper fails.
    """
    config = _DockerConfig.read(docker_config_dir)
    key = server_address(registry)
    helper = config.helper(registry)
    secret = who.password.get_secret_value()
    if helper:
        given = {"ServerURL": key, "Username": who.username, "Secret": secret}
        _call_helper(helper, "store", json.dumps(given), environ, config.path)
        config.set_entry(key, {})
        return Stored(f"the credential helper docker-credential-{helper}")
    if who.username == TOKEN_USER:
        config.set_entry(key, {"auth": _encode("00000000-0000-0000-0000-000000000000", ""),
                               "identitytoken": secret})  # fmt: skip
    else:
        config.set_entry(key, {"auth": _encode(who.username, secret)})
    return Stored(
        str(config.path),
        "base64 there is not encryption: whoever reads the file has the password. A credential"
        " helper keeps it safe (credsStore in the same file)",
    )


def login(
    registry: str,
    username: str,
    password: SecretStr,
    *,
    verify: Callable[[str, Credentials], str],
    docker_config_dir: Path,
    environ: Mapping[str, str] = os.environ,
) -> LoginResult:
    """Sign in at a registry and keep the credentials; nothing is kept when it refuses.

    Args:
        registry: A host, as `registry_host` gives it.
        username: Without a colon, which HTTP's basic authentication cannot carry.
        password: The password or access token.
        verify: Asks the registry (through the engine) and returns the identity token it gave,
            or an empty string; raises RegistryError when it refuses.
        docker_config_dir: The folder of docker's ``config.json``.
        environ: Where a credential helper finds its ``PATH``.

    Raises:
        UsageError: An empty user name or password, or a colon in the name.
        RegistryError: The registry refused or did not answer (from `verify`).
        ConfigError: The credentials cannot be kept.
    """
    if not username or ":" in username:
        raise UsageError(
            "a user name is needed" if not username else "a user name has no colon in it",
            where="--username",
        )
    if not password.get_secret_value():
        raise UsageError("the password is empty", hint="pipe it in: `--password-stdin`")
    given = Credentials(username, password, "this login")
    token = verify(registry, given)
    kept = Credentials(TOKEN_USER, SecretStr(token), "this login") if token else given
    return LoginResult(registry, username, store(kept, registry, docker_config_dir, environ))


def _from_environment(environ: Mapping[str, str]) -> Credentials | None:
    names = ("FLOWSHIP_REGISTRY_USER", "FLOWSHIP_REGISTRY_PASSWORD")
    user, password = (environ.get(name, "") for name in names)
    if bool(user) != bool(password):
        there, missing = names if user else names[::-1]
        raise ConfigError(
            f"{there} is set, but {missing} is not",
            hint="set both, or neither to use docker's own credentials",
            where=there,
        )
    return Credentials(user, SecretStr(password), names[0]) if user else None


def _encode(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


@dataclass(frozen=True)
class _DockerConfig:
    """docker's ``config.json``, as far as credentials go."""

    path: Path
    content: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> _DockerConfig:
        path = folder / "config.json"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls(path, {})
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"docker's {path} cannot be read: {exc}", where=str(path)) from exc
        try:
            content = json.loads(text or "{}")
        except json.JSONDecodeError as exc:
            raise ConfigError(
                f"docker's configuration is not valid JSON: {exc.msg}",
                hint="correct it, or set DOCKER_CONFIG to another folder",
                where=f"{path}:{exc.lineno}:{exc.colno}",
            ) from exc
        tables = ("auths", "credHelpers")
        if not isinstance(content, dict) or any(
            not isinstance(content.get(name) or {}, dict) for name in tables
        ):
            raise ConfigError(
                "docker's configuration has another shape than docker gives it",
                hint='"auths" and "credHelpers" are objects, keyed by registry',
                where=str(path),
            )
        return cls(path, content)

    def helper(self, registry: str) -> str:
        """The credential helper in charge of `registry`; empty when there is none."""
        helpers = self.content.get("credHelpers") or {}
        chosen = _entry(helpers, registry) or self.content.get("credsStore") or ""
        return str(chosen)

    def lookup(self, registry: str, environ: Mapping[str, str]) -> Credentials | None:
        helper = self.helper(registry)
        found = self._ask(helper, registry, environ) if helper else None
        return found or self._written_down(registry)

    def _ask(self, helper: str, registry: str, environ: Mapping[str, str]) -> Credentials | None:
        program = f"docker-credential-{helper}"
        if _loopback(registry) and not shutil.which(program, path=environ.get("PATH")):
            return None  # a registry on this machine seldom has accounts: do not stand in its way
        answer = _call_helper(helper, "get", server_address(registry), environ, self.path)
        if answer is None:
            return None
        try:
            said = json.loads(answer)
            user, secret = said["Username"], said["Secret"]
        except (ValueError, KeyError, TypeError) as exc:
            raise ConfigError(f"{program} gave an answer that is no credentials") from exc
        return Credentials(str(user), SecretStr(str(secret)), program) if secret else None

    def _written_down(self, registry: str) -> Credentials | None:
        entry = _entry(self.content.get("auths") or {}, registry)
        if not isinstance(entry, dict):
            return None
        if entry.get("identitytoken"):
            return Credentials(TOKEN_USER, SecretStr(str(entry["identitytoken"])), str(self.path))
        user, password = entry.get("username"), entry.get("password")
        if entry.get("auth"):
            try:
                decoded = base64.b64decode(str(entry["auth"]), validate=True).decode()
            except (binascii.Error, ValueError):
                decoded = ""
            user, colon, password = decoded.partition(":")
            if not colon:
                raise ConfigError(
                    f'the credentials of "{registry}" in docker\'s configuration are damaged',
                    hint=f"write them anew: `flowship login {registry}`",
                    where=str(self.path),
                )
        if not user or not password:
            return None
        # docker for Windows used to pad passwords with NUL characters.
        return Credentials(str(user), SecretStr(str(password).strip("\x00")), str(self.path))

    def set_entry(self, key: str, entry: dict[str, str]) -> None:
        """Write `entry` for registry `key`; everything else in the file stays."""
        content = self.content | {"auths": {**(self.content.get("auths") or {}), key: entry}}
        target = self.path.resolve()  # a link to a file elsewhere stays a link
        scratch = ""
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # mkstemp makes it readable by its owner only, from the first moment.
            handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=".config-")
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(json.dumps(content, indent="\t", ensure_ascii=False) + "\n")
            Path(scratch).replace(target)
        except OSError as exc:
            if scratch:
                Path(scratch).unlink(missing_ok=True)
            raise ConfigError(
                f"docker's configuration cannot be written: {exc.strerror}",
                hint="make the folder writable, or set DOCKER_CONFIG to another one",
                where=str(self.path),
            ) from exc


def _entry(table: Mapping[str, Any], registry: str) -> Any:  # noqa: ANN401 (JSON)
    """The value for `registry`, whose key may be an address as docker once wrote it."""
    if server_address(registry) in table:
        return table[server_address(registry)]
    hosts = {registry, "index.docker.io"} if registry == DOCKER_HUB else {registry}
    for key, value in table.items():
        if re.sub(r"^https?://", "", key).split("/", 1)[0] in hosts:
            return value
    return None


def _loopback(registry: str) -> bool:
    return re.fullmatch(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?", registry) is not None


def _call_helper(
    helper: str, verb: str, text: str, environ: Mapping[str, str], config: Path
) -> str | None:
    """Run ``docker-credential-HELPER VERB`` with `text` on its stdin.

    Returns:
        Its stdout, or None when it has no credentials for what was asked.
    """
    name = f"docker-credential-{helper}"
    program = shutil.which(name, path=environ.get("PATH"))
    if program is None:
        raise ConfigError(
            f"{name} is not installed, but docker's configuration names it",
            hint=f'install it, or take "{helper}" out of credsStore/credHelpers in that file',
            where=str(config),
        )
    try:
        # The helper may ask for a key's passphrase in a window: give it a minute.
        done = subprocess.run(
            [program, verb],
            input=text,
            env=dict(environ),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ConfigError(f"{name} does not work: {exc}", where=str(config)) from exc
    if done.returncode == 0:
        return done.stdout
    # The sentence is part of the protocol (docker-credential-helpers, credentials/error.go).
    said = f"{done.stdout}{done.stderr}".strip()
    if verb == "get" and "credentials not found" in said.lower():
        return None
    raise ConfigError(
        f"{name} {verb} failed",
        hint="try it by hand, or take it out of docker's configuration",
        where=str(config),
        details="" if verb == "store" else said[-500:],  # it may repeat what it was given
    )
