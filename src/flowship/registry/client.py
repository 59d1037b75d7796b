"""An image's labels, read from its registry: a few kilobytes where a pull is hundreds of megabytes.

So a second laptop, or CI without an engine, knows what a pushed image holds. The protocol is
the OCI distribution specification's, github.com/opencontainers/distribution-spec; tokens are
docker's, distribution.github.io/distribution/spec/auth/token.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx

from flowship.errors import ConfigError, RegistryError
from flowship.registry.credentials import TOKEN_USER, Credentials
from flowship.registry.errors import translate
from flowship.registry.reference import DIGEST, DOCKER_HUB, Reference

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
TIMEOUT = 20.0  # seconds


@dataclass(frozen=True)
class RemoteImage:
    """What a registry tells of an image.

    Attributes:
        reference: As asked for, pinned to what the registry answered.
        labels: The image's labels.
        platform: As "linux/amd64".
        id: The digest of the image's configuration, which is the engine's image id.
        size: Bytes of the compressed layers.
    """

    reference: Reference
    labels: Mapping[str, str]
    platform: str
    id: str
    size: int


def describe(reference: Reference, credentials: Credentials | None = None) -> RemoteImage:
    """Read the configuration of `reference` from its registry.

    Raises:
        RegistryError: The registry refuses, does not know the image, or does not answer.
        ConfigError: The name stands for several platforms, none of which can be chosen here.
    """
    try:
        address = _address(reference)
        # Without https no certificate is judged, and reading the known ones takes its time.
        secure = address.startswith("https:")
        with httpx.Client(base_url=address, timeout=TIMEOUT, verify=secure) as client:
            session = _Session(client, reference, credentials)
            digest, manifest = session.manifest(reference.digest or reference.tag or "latest")
            if manifest.get("mediaType") in INDEXES or "manifests" in manifest:
                _, manifest = session.manifest(_only_platform(manifest, reference))
            config = session.json(f"blobs/{manifest['config']['digest']}")
            return _image(reference, digest, manifest, config)
    except httpx.HTTPError as exc:
        text = f"dial tcp: {exc}" if isinstance(exc, httpx.TransportError) else str(exc)
        raise translate(text, reference, doing="pull", credentials=credentials) from exc
    # Whatever else listens there may answer JSON of any shape.
    except (AttributeError, KeyError, TypeError, ValueError, httpx.InvalidURL) as exc:
        raise RegistryError(
            f"{reference.registry} answered something that is no image manifest",
            hint="check host and port; the registry's address is often not that of its web pages",
            where=str(reference),
        ) from exc


def _image(
    reference: Reference, digest: str, manifest: Mapping[str, Any], config: Mapping[str, Any]
) -> RemoteImage:
    parts = [config.get("os"), config.get("architecture"), config.get("variant")]
    return RemoteImage(
        reference=replace(reference, digest=digest),
        labels=dict((config.get("config") or {}).get("Labels") or {}),
        platform="/".join(part for part in parts if part),
        id=str(manifest["config"]["digest"]),
        size=sum(layer.get("size", 0) for layer in manifest.get("layers", ())),
    )


def _address(reference: Reference) -> str:
    """Docker's rule: plain HTTP on loopback only."""
    host = "registry-1.docker.io" if reference.registry == DOCKER_HUB else reference.registry
    loopback = re.match(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$", host)
    return f"{'http' if loopback else 'https'}://{host}/v2/{reference.path}/"


def _only_platform(index: Mapping[str, Any], reference: Reference) -> str:
    """The index's one image; what BuildKit attests beside it does not count."""
    images = [
        m
        for m in index["manifests"]
        if (m.get("platform") or {}).get("os") not in (None, "unknown")
    ]
    if len(images) != 1:
        raise ConfigError(
            f"{reference} stands for images of {len(images)} platforms",
            hint="name one of them by its digest",
            where="--image",
        )
    return str(images[0]["digest"])


class _Session:
    """Requests about one repository; signs in when the registry asks for it."""

    def __init__(
        self, client: httpx.Client, reference: Reference, credentials: Credentials | None
    ) -> None:
        self._client = client
        self._reference = reference
        self._credentials = credentials
        self._headers: dict[str, str] = {}

    def manifest(self, name: str) -> tuple[str, dict[str, Any]]:
        """The manifest of a tag or digest, with its digest."""
        response = self._get(f"manifests/{name}", accept=", ".join(MANIFESTS + INDEXES))
        counted = f"sha256:{hashlib.sha256(response.content).hexdigest()}"
        digest = response.headers.get("Docker-Content-Digest") or counted
        if not re.fullmatch(DIGEST, digest):
            raise ValueError(f"{digest} is no digest")
        return digest, _object(response)

    def json(self, path: str) -> dict[str, Any]:
        """A blob that is JSON; registries often keep blobs elsewhere and redirect."""
        return _object(self._get(path, accept="*/*"))

    def _get(self, path: str, *, accept: str) -> httpx.Response:
        response = self._ask(path, accept)
        if response.status_code == 401 and not self._headers:
            self._sign_in(response.headers.get("WWW-Authenticate", ""))
            response = self._ask(path, accept)
        if response.status_code >= 400:
            raise translate(
                _told(response),
                self._reference,
                status=response.status_code,
                doing="pull",
                credentials=self._credentials,
            )
        return response

    def _ask(self, path: str, accept: str) -> httpx.Response:
        response = self._client.get(path, headers={"Accept": accept, **self._headers})
        if response.is_redirect:  # to a store that must not be shown our credentials
            return httpx.get(response.headers["Location"], timeout=TIMEOUT, follow_redirects=True)
        return response

    def _sign_in(self, challenge: str) -> None:
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "bearer":
            self._headers = {"Authorization": f"Bearer {self._token(rest)}"}
        elif self._credentials:
            basic = httpx.BasicAuth(*self._password(self._credentials))
            request = next(basic.auth_flow(httpx.Request("GET", self._client.base_url)))
            self._headers = {"Authorization": request.headers["Authorization"]}

    def _token(self, challenge: str) -> str:
        asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        realm = asked.pop("realm")
        asked.setdefault("scope", f"repository:{self._reference.path}:pull")
        who = self._credentials
        if who and who.username == TOKEN_USER:
            form = {**asked, "grant_type": "refresh_token", "client_id": "flowship"}
            form["refresh_token"] = who.password.get_secret_value()
            response = httpx.post(realm, data=form, timeout=TIMEOUT)
        else:
            auth = self._password(who) if who else None
            response = httpx.get(realm, params=asked, auth=auth, timeout=TIMEOUT)
        if response.status_code >= 400:
            raise translate(
                _told(response),
                self._reference,
                status=response.status_code,
                doing="pull",
                credentials=who,
            )
        answer = response.json()
        return str(answer.get("token") or answer["access_token"])

    @staticmethod
    def _password(credentials: Credentials) -> tuple[str, str]:
        return credentials.username, credentials.password.get_secret_value()


def _object(response: httpx.Response) -> dict[str, Any]:
    found = response.json()
    if not isinstance(found, dict):
        raise TypeError("no JSON object")
    return found


def _told(response: httpx.Response) -> str:
    """The registry's own words, in the form that engines pass them on."""
    try:
        errors = response.json().get("errors") or [{}]
        return f"{errors[0].get('code', '').lower().replace('_', ' ')}: {errors[0].get('message')}"
    except (ValueError, AttributeError, LookupError, TypeError):
        return f"received unexpected HTTP status: {response.status_code} {response.reason_phrase}"
