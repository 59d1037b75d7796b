"""Copies an image between repositories over HTTP, bytes unchanged, so that it keeps its digest.

Within a registry, the registry itself takes the layers from the other repository ("mount") where
it allows that. Otherwise each layer is read, verified, and uploaded. No engine is involved. The
protocol: github.com/opencontainers/distribution-spec.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from flowship.errors import RegistryError
from flowship.events import Phase, Report, readable_size, silent
from flowship.http_client import httpx
from flowship.registry.client import INDEXES, MANIFESTS, TIMEOUT, RegistryClient
from flowship.registry.credentials import Credentials
from flowship.registry.faults import Fault
from flowship.registry.reference import Reference

_PIECE = 1 << 20  # bytes


@dataclass(frozen=True)
class Manifest:
    """A manifest as a registry sends it.

    Attributes:
        content: Its bytes, of which the digest is made.
        media_type: What the registry calls it.
        document: Its content.
    """

    content: bytes
    media_type: str
    document: dict[str, Any]

    @property
    def digest(self) -> str:
        """The digest of the bytes."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    @property
    def blobs(self) -> list[dict[str, Any]]:
        """The configuration and the layers; not those that are elsewhere by definition."""
        found = [self.document["config"]] if "config" in self.document else []
        return found + [each for each in self.document.get("layers", ()) if not each.get("urls")]

    @property
    def children(self) -> list[str]:
        """The digests of an index's manifests."""
        return [str(each["digest"]) for each in self.document.get("manifests", ())]


def has(target: Reference, login: Credentials | None = None) -> bool:
    """Whether a repository has the image with this digest.

    Raises:
        RegistryError: The registry refuses or does not answer.
    """
    repository = _Repository(target, login)
    with repository:
        return repository.has_manifest(str(target.digest))


def require_push(target: Reference, login: Credentials | None = None) -> None:
    """Make sure that a registry accepts uploads from this user: one is begun, and canceled.

    Only a request that writes is answered with the permission to write. Nothing is stored; a
    registry removes an upload that is not canceled by itself.

    Raises:
        RegistryError: The registry refuses or does not answer.
    """
    repository = _Repository(target, login)
    with repository:
        repository.cancel_upload(repository.start_upload())


def copy(
    source: Reference,
    target: Reference,
    *,
    source_login: Credentials | None = None,
    target_login: Credentials | None = None,
    report: Report = silent,
) -> bool:
    """Copy an image, unless the target has it under its tag.

    Args:
        source: The image, with its digest.
        target: The repository and the tag.
        source_login: The credentials for the source's registry.
        target_login: Those for the target's.
        report: Receives the progress.

    Returns:
        Whether something had to be copied.

    Raises:
        RegistryError: A registry refuses or does not answer, or what it sends has another digest.
    """
    reader, writer = _Repository(source, source_login), _Repository(target, target_login)
    with reader, writer:
        if writer.has_manifest(str(source.digest)):
            return False
        manifest = reader.manifest(str(source.digest))
        report(Phase(f"copying the image to {target.repository}"))
        _copy(manifest, reader, writer, str(target.tag), report)
    return True


def _copy(
    manifest: Manifest, reader: _Repository, writer: _Repository, name: str, report: Report
) -> None:
    for child in manifest.children:
        _copy(reader.manifest(child), reader, writer, child, report)
    for blob in manifest.blobs:
        digest, size = str(blob["digest"]), int(blob["size"])
        if writer.has_blob(digest):
            continue
        location = writer.mount(digest, reader)
        if location is None:
            continue
        report(Phase(f"copying {digest[7:19]} ({readable_size(size)})"))
        with tempfile.TemporaryFile() as file:
            reader.download(digest, size, file)
            file.seek(0)
            writer.upload(location, digest, size, file)
    writer.put_manifest(manifest, name)


class _Repository(RegistryClient):
    """One repository, read and written."""

    def __init__(self, reference: Reference, credentials: Credentials | None) -> None:
        super().__init__(reference.registry, credentials)
        self.reference = reference
        self._login: str | None = None
        self._may_write = False

    def manifest(self, digest: str) -> Manifest:
        """A manifest by its digest, which is verified."""
        with self._translated(self.reference, "pull"):
            accept = ", ".join(MANIFESTS + INDEXES)
            answer = self._ask(self.reference, f"manifests/{digest}", accept)
            document = answer.json()
            media_type = answer.headers.get("Content-Type") or document["mediaType"]
            found = Manifest(answer.content, str(media_type), dict(document))
        if found.digest != digest:
            raise self._wrong_digest(digest)
        return found

    def download(self, digest: str, size: int, file: IO[bytes]) -> None:
        """Write a blob to `file`, and verify it."""
        with self._translated(self.reference, "pull"):
            # The first answer, which may be a login or the address of a blob store, is short.
            self._ask(self.reference, f"blobs/{digest}", "*/*", method="HEAD")
            seen, left = hashlib.sha256(), size
            for piece in self._pieces(f"{self._base}{self.reference.path}/blobs/{digest}"):
                left -= len(piece)
                if left < 0:
                    break
                seen.update(piece)
                file.write(piece)
        if left or f"sha256:{seen.hexdigest()}" != digest:
            raise self._wrong_digest(digest)

    def _pieces(self, url: str) -> Iterator[bytes]:
        """The bytes of a blob; without the limit for answers, since layers are large."""
        login = self._authorization.get(self.reference.path)
        headers = {"Authorization": login} if login else {}
        with self._unlimited() as client, client.stream("GET", url, headers=headers) as answer:
            if not answer.is_redirect:
                self._raise_for_status(answer, self.reference, "pull")
                yield from answer.iter_raw(_PIECE)
                return
            target = answer.url.join(answer.headers["Location"])
        # The blob store must not receive the credentials.
        with (
            httpx.Client(timeout=TIMEOUT, follow_redirects=True) as store,
            store.stream("GET", target) as answer,
        ):
            self._raise_for_status(answer, self.reference, "pull")
            yield from answer.iter_raw(_PIECE)

    def _unlimited(self) -> httpx.Client:
        return httpx.Client(timeout=TIMEOUT, verify=self._trusted)

    def has_manifest(self, digest: str) -> bool:
        """Whether the repository has the image under its tag."""
        with self._translated(self.reference, "push"):
            accept = {"Accept": ", ".join(MANIFESTS + INDEXES)}
            answer = self._write("HEAD", f"manifests/{self.reference.tag}", headers=accept)
            return str(answer.headers.get("Docker-Content-Digest")) == digest

    def has_blob(self, digest: str) -> bool:
        """Whether the repository has a blob."""
        with self._translated(self.reference, "push"):
            return self._write("HEAD", f"blobs/{digest}").status_code == 200

    def mount(self, digest: str, source: _Repository) -> str | None:
        """Where to upload a blob; None if the registry took it from the source's repository."""
        if source.reference.registry != self.reference.registry:
            return self.start_upload()
        with self._translated(self.reference, "push"):
            query = f"blobs/uploads/?mount={digest}&from={source.reference.path}"
            answer = self._write("POST", query)
            if answer.status_code == 201:
                return None
            # A mount that is not done is an upload that has begun, or it is refused.
            if answer.status_code == 202:
                return _location(answer)
        return self.start_upload()

    def start_upload(self) -> str:
        """Where to upload a blob."""
        with self._translated(self.reference, "push"):
            answer = self._write("POST", "blobs/uploads/")
            self._raise_for_status(answer, self.reference, "push")
            return _location(answer)

    def cancel_upload(self, location: str) -> None:
        """Cancel an upload; not every registry can."""
        with self._translated(self.reference, "push"):
            own = {"Authorization": self._login} if self._login and self._is_own(location) else {}
            self._http.delete(location, headers=own)

    def upload(self, location: str, digest: str, size: int, file: IO[bytes]) -> None:
        """Send a blob as one piece."""
        with self._translated(self.reference, "push"):
            url = httpx.URL(location).copy_merge_params({"digest": digest})
            is_own = self._is_own(location)
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            if is_own and self._login:
                headers["Authorization"] = self._login
            with self._unlimited() if is_own else httpx.Client(timeout=TIMEOUT) as client:
                answer = client.put(
                    url, content=iter(lambda: file.read(_PIECE), b""), headers=headers
                )
            self._raise_for_status(answer, self.reference, "push")

    def _is_own(self, location: str) -> bool:
        """Whether an address is the registry's own: no other one gets the credentials."""
        url, own = httpx.URL(location), httpx.URL(self._base)
        return (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port)

    def put_manifest(self, manifest: Manifest, name: str) -> None:
        """Store a manifest under a tag or its digest; the registry must answer the same digest."""
        with self._translated(self.reference, "push"):
            answer = self._write(
                "PUT",
                f"manifests/{name}",
                headers={"Content-Type": manifest.media_type},
                content=manifest.content,
            )
            self._raise_for_status(answer, self.reference, "push")
        if answer.headers.get("Docker-Content-Digest", manifest.digest) != manifest.digest:
            raise self._wrong_digest(manifest.digest)

    def _write(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """The answer to a request that needs permission to push, after a login if necessary."""
        url = f"{self._base}{self.reference.path}/{path}"

        def send() -> httpx.Response:
            login = {"Authorization": self._login} if self._login else {}
            return self._http.request(
                method, url, headers={**(headers or {}), **login}, content=content
            )

        if not self._may_write:
            # Only a request that writes is answered with the permission that writing needs.
            asked = self._http.post(f"{self._base}{self.reference.path}/blobs/uploads/")
            if asked.status_code == 401:
                self._login, _ = self._log_in(asked, self.reference)
            else:
                self._raise_for_status(asked, self.reference, "push")
            self._may_write = True
        return send()

    def _wrong_digest(self, digest: str) -> RegistryError:
        return RegistryError(
            f"{self.reference.registry} does not have the bytes of {digest}",
            code=Fault.NOT_A_REGISTRY.code,
            hint="push the image again, or ask who runs the registry",
            where=str(self.reference),
        )


def _location(answer: httpx.Response) -> str:
    return str(answer.url.join(answer.headers["Location"]))
