"""What registries say, in the user's words: the events of a push, and what an error means.

The talking is done by the engine, through `flowship.push`; nothing here needs one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from flowship.errors import RegistryError
from flowship.redaction import MASK, mask_addresses
from flowship.registry.credentials import TOKEN_USER, VARIABLES, Credentials
from flowship.registry.reference import DIGEST, DOCKER_HUB, Reference

ATTEMPTS = 5
"""How often a push is tried before flowship gives up on a registry that does not answer."""

Doing = Literal["push", "pull", "login"]


# --- what registries say -----------------------------------------------------------------------


class RegistryFailure(RegistryError):
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
        "there is no host called {host}",
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
_MEND_VARIABLES = (
    f"mend {' and '.join(VARIABLES)}: they come before what `flowship login` keeps; or unset both"
)
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


def translate(
    text: str,
    reference: Reference | str,
    *,
    status: int | None = None,
    doing: Doing,
    credentials: Credentials | None = None,
) -> RegistryFailure:
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
    if hint == "{login}" and credentials and credentials.source in VARIABLES:
        hint = _MEND_VARIABLES
    if fault.name == "unauthorized" and credentials:
        message = "{registry} does not accept the user name and password it was sent ({who})"
    if doing == "login" and credentials:
        words["who"] = f"as {credentials.username}"
    if doing == "login" and fault.name == "wrong-password":
        hint = "{password}"
    if doing == "pull":
        message = message.replace("the push to", "to hand out").replace("pushing to", "asking for")
    return RegistryFailure(
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
        "host": "registry-1.docker.io" if hub else host,
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
    if user in {owner, TOKEN_USER} or not re.fullmatch(r"[a-z0-9]+", user):
        return ""
    meant = replace(reference, path=f"{user}/{name}")
    return f'"{owner}" must let {user} write there; did you mean `--repo {meant}`?'


def _without_names(text: str) -> str:
    """`text` without addresses, paths and quoted words, which may look like anything."""
    return re.sub(r"'[\w.-]+'", "''", re.sub(r"\S*/\S*", " ", text.replace("i/o ", "")))


def _without_secrets(text: str, credentials: Credentials | None) -> str:
    if credentials and (secret := credentials.password.get_secret_value()):
        text = text.replace(secret, MASK)
    return mask_addresses(text)


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
        if isinstance(said, str) and re.fullmatch(DIGEST, said):
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
