"""Queries a registry over HTTP: digests, labels, and whether it accepts a login.

An image's labels are a few kilobytes where a pull is hundreds of megabytes, so a second laptop,
or CI without an engine, knows what a pushed image contains. The protocol is that of the OCI
distribution specification, github.com/opencontainers/distribution-spec; its tokens are docker's,
distribution.github.io/distribution/spec/auth/token.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from flowship.errors import ConfigError, RegistryError
from flowship.http_client import LIMITED, httpx
from flowship.registry.credentials import Credentials
from flowship.registry.errors import translate
from flowship.registry.faults import UNKNOWN, Doing, Fault, classify
from flowship.registry.reference import DIGEST, DOCKER_HUB, Reference, is_loopback

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
TIMEOUT = httpx.Timeout(20, connect=5)  # seconds
_COMPRESSION = {"Accept-Encoding": "gzip"}


@dataclass(frozen=True)
class RemoteImage:
    """What a registry knows about an image.

    Attributes:
        reference: As requested, pinned to the digest that the registry answered.
        labels: The image's labels.
        platform: As "linux/amd64".
        id: The digest of the image's configuration.
        size: Bytes of the compressed layers.
    """

    reference: Reference
    labels: Mapping[str, str]
    platform: str
    id: str
    size: int


class RegistryClient:
    """One registry, asked over HTTP with one user's credentials.

    A context manager: ``with RegistryClient("ghcr.io", credentials) as client``.

    Args:
        registry: The host, with its port if it has one.
        credentials: The login; None to ask without one.
    """

    def __init__(self, registry: str, credentials: Credentials | None = None) -> None:
        self._registry = registry
        self._credentials = credentials
        self._base = _address(registry)
        self._authorization: dict[str, str] = {}  # scope → the value of the header
        self._trusted = _certificates(registry, self._base)
        self._http = httpx.Client(
            timeout=TIMEOUT,
            verify=self._trusted,
            headers=_COMPRESSION,
            **LIMITED,
        )

    def __enter__(self) -> RegistryClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def digest(self, reference: Reference) -> str:
        """The digest of a tag's manifest; of a digest, that the registry has its manifest.

        Raises:
            RegistryError: The registry refuses, does not have the image, or does not answer.
        """
        with self._translated(reference, "pull"):
            path = _manifest_path(reference)
            accept = ", ".join(MANIFESTS + INDEXES)
            response = self._ask(reference, path, accept, method="HEAD")
            if not response.headers.get("Docker-Content-Digest"):  # not every registry sends it
                response = self._ask(reference, path, accept)
            return _digest_of(response)

    def describe(self, reference: Reference) -> RemoteImage:
        """Read the manifest and the configuration of an image.

        Raises:
            RegistryError: The registry refuses, does not have the image, or does not answer.
            ConfigError: The image has several platforms, so it is ambiguous which one is meant.
        """
        with self._translated(reference, "pull"):
            digest, manifest = self._manifest(reference, _manifest_path(reference))
            if manifest.get("mediaType") in INDEXES or "manifests" in manifest:
                only = _only_platform(manifest, reference)
                _, manifest = self._manifest(reference, f"manifests/{only}")
            config_digest = str(manifest["config"]["digest"])
            config = _object(self._ask(reference, f"blobs/{config_digest}", "*/*"))
            parts = [config.get("os"), config.get("architecture"), config.get("variant")]
            return RemoteImage(
                reference=replace(reference, digest=digest),
                labels=dict((config.get("config") or {}).get("Labels") or {}),
                platform="/".join(part for part in parts if part),
                id=config_digest,
                size=sum(layer.get("size", 0) for layer in manifest.get("layers", ())),
            )

    def verify_login(self) -> str:
        """Ask whether the registry accepts the credentials.

        Returns:
            The identity token that some registries give instead of a password; else "".

        Raises:
            RegistryError: It rejects them, or does not answer.
        """
        with self._translated(self._registry, "login"):
            response = self._http.get(self._base)
            if response.status_code != 401:
                self._raise_for_status(response, self._registry, "login")
                return ""  # this registry has no accounts
            header, token = self._log_in(response, None)
            accepted = self._http.get(self._base, headers={"Authorization": header})
            self._raise_for_status(accepted, self._registry, "login")
            return token

    # --- requests --------------------------------------------------------------------------------

    def _manifest(self, reference: Reference, path: str) -> tuple[str, dict[str, Any]]:
        response = self._ask(reference, path, ", ".join(MANIFESTS + INDEXES))
        return _digest_of(response), _object(response)

    def _ask(
        self, reference: Reference, path: str, accept: str, *, method: str = "GET"
    ) -> httpx.Response:
        """The answer about a repository, after a login if the registry requires one."""
        url = f"{self._base}{reference.path}/{path}"
        response = self._send(method, url, accept, self._authorization.get(reference.path))
        if response.status_code == 401 and reference.path not in self._authorization:
            header, _ = self._log_in(response, reference)
            self._authorization[reference.path] = header
            response = self._send(method, url, accept, header)
        self._raise_for_status(response, reference, "pull")
        return response

    def _send(
        self, method: str, url: str, accept: str, authorization: str | None
    ) -> httpx.Response:
        headers = {"Accept": accept}
        login = {"Authorization": authorization} if authorization else {}
        response = self._http.request(method, url, headers=headers | login)
        if response.is_redirect:  # to a blob store, which must not receive the credentials
            target = response.url.join(response.headers["Location"])
            with self._client_for(target) as client:
                return client.request(method, target, headers=headers, follow_redirects=True)
        return response

    @contextmanager
    def _client_for(self, url: httpx.URL) -> Iterator[httpx.Client]:
        """A client for an address that the registry names: this one if it is the registry's own,
        else one that trusts only well-known certificates."""
        base = httpx.URL(self._base)
        if (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port):
            yield self._http
        else:
            with httpx.Client(timeout=TIMEOUT, headers=_COMPRESSION, **LIMITED) as client:
                yield client

    # --- logging in ------------------------------------------------------------------------------

    def _log_in(self, refused: httpx.Response, reference: Reference | None) -> tuple[str, str]:
        """Answer a 401 as its header asks for.

        Args:
            refused: The answer with status 401.
            reference: The image that will be asked for; None for a login.

        Returns:
            The value of the header ``Authorization``, and for a login the identity token, if
            the registry gives one.
        """
        scheme, _, challenge = refused.headers.get("WWW-Authenticate", "").partition(" ")
        if scheme.lower() == "bearer":
            answer = self._token(challenge, reference)
            token = answer.get("token") or answer["access_token"]
            return f"Bearer {token}", str(answer.get("refresh_token") or "")
        if self._credentials is None:
            self._raise_for_status(refused, reference or self._registry, "pull")
        return self._basic_header(), ""

    def _token(self, challenge: str, reference: Reference | None) -> dict[str, Any]:
        """Ask the token server that the challenge names."""
        asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        realm = httpx.URL(self._base).join(asked.pop("realm"))
        who = self._credentials
        if reference:
            asked.setdefault("scope", f"repository:{reference.path}:pull")
        with self._client_for(realm) as client:
            if who and who.is_token:
                form = {**asked, "grant_type": "refresh_token", "client_id": "flowship"}
                form["refresh_token"] = who.password.get_secret_value()
                response = client.post(realm, data=form)
            else:
                if who and not reference:  # as docker does, for registries with identity tokens
                    asked |= {
                        "account": who.username,
                        "client_id": "flowship",
                        "offline_token": "true",
                    }
                headers = {"Authorization": self._basic_header()} if who else {}
                response = client.get(realm, params=asked, headers=headers)
        doing: Doing = "pull" if reference else "login"
        self._raise_for_status(response, reference or self._registry, doing)
        return _object(response)

    def _basic_header(self) -> str:
        assert self._credentials is not None
        password = self._credentials.password.get_secret_value()
        flow = httpx.BasicAuth(self._credentials.username, password).auth_flow(
            httpx.Request("GET", self._base)
        )
        return str(next(flow).headers["Authorization"])

    # --- errors ----------------------------------------------------------------------------------

    def _raise_for_status(
        self, response: httpx.Response, subject: Reference | str, doing: Doing
    ) -> None:
        if response.status_code >= 400:
            raise translate(
                _error_text(response),
                subject,
                status=response.status_code,
                doing=doing,
                credentials=self._credentials,
            )

    @contextmanager
    def _translated(self, subject: Reference | str, doing: Doing) -> Iterator[None]:
        try:
            yield
        except (httpx.DecodingError, httpx.TooManyRedirects, httpx.UnsupportedProtocol) as exc:
            raise self._not_a_registry(subject, str(exc)) from exc
        except httpx.HTTPError as exc:
            text = str(exc)
            if isinstance(exc, httpx.TransportError) and classify(text) is UNKNOWN:
                text = f"connection broken: {text or type(exc).__name__}"
            raise translate(text, subject, doing=doing, credentials=self._credentials) from exc
        # Another server at that address may answer JSON of any shape.
        except (
            AttributeError,
            KeyError,
            RecursionError,
            TypeError,
            ValueError,
            httpx.InvalidURL,
        ) as exc:
            raise self._not_a_registry(subject) from exc

    def _not_a_registry(self, subject: Reference | str, details: str = "") -> RegistryError:
        return RegistryError(
            f"{self._registry} did not respond like a container registry",
            code=Fault.NOT_A_REGISTRY.code,
            hint="check host and port; the registry often has another address than its web pages",
            where=str(subject),
            details=details,
        )


def _address(registry: str) -> str:
    """The API's address. As docker does, plain HTTP is used on this machine only."""
    host = "registry-1.docker.io" if registry == DOCKER_HUB else registry
    return f"{'http' if is_loopback(host) else 'https'}://{host}/v2/"


def _certificates(registry: str, address: str) -> ssl.SSLContext | bool:
    """What to trust: the well-known certificates, and those that docker trusts for this registry.

    docker reads them from ``certs.d/HOST/*.crt`` below /etc/docker, and Docker Desktop from the
    same folder below ~/.docker.
    """
    if not address.startswith("https:"):
        return False  # no certificate is looked at, so the known ones need not be loaded
    folders = (Path("/etc/docker"), Path(os.environ.get("HOME") or Path.home()) / ".docker")
    files = [file for folder in folders for file in folder.glob(f"certs.d/{registry}/*.crt")]
    if not files:
        return True
    context = httpx.create_ssl_context()
    for file in files:
        try:
            context.load_verify_locations(file)
        except (OSError, ssl.SSLError):  # the engine reports a damaged file when it pushes
            continue
    return context


def _manifest_path(reference: Reference) -> str:
    return f"manifests/{reference.digest or reference.tag or 'latest'}"


def _only_platform(index: Mapping[str, Any], reference: Reference) -> str:
    """The index's one image; the attestations that BuildKit adds do not count."""
    images = [
        m
        for m in index["manifests"]
        if (m.get("platform") or {}).get("os") not in (None, "unknown")
    ]
    if len(images) != 1:
        raise ConfigError(
            f"{reference} has images for {len(images)} platforms",
            code="ambiguous-platform",
            hint="use the digest of the image for one platform",
            where="--image",
        )
    return str(images[0]["digest"])


def _digest_of(response: httpx.Response) -> str:
    computed = f"sha256:{hashlib.sha256(response.content).hexdigest()}"
    digest = str(response.headers.get("Docker-Content-Digest") or computed)
    if not re.fullmatch(DIGEST, digest):
        raise ValueError(f"{digest} is not a digest")
    return digest


def _object(response: httpx.Response) -> dict[str, Any]:
    found = response.json()
    if not isinstance(found, dict):
        raise TypeError("not a JSON object")
    return found


def _error_text(response: httpx.Response) -> str:
    """The registry's message, in the form in which engines pass them on."""
    status = f"received unexpected HTTP status: {response.status_code} {response.reason_phrase}"
    try:
        answer = response.json()
        error = (answer.get("errors") or [answer])[0]
        words = [str(error.get(key) or "") for key in ("code", "message", "details")]
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError):
        return status
    code = words[0].lower().replace("_", " ")
    return ": ".join(word for word in (code, *words[1:]) if word) or status
