"""Images described by their registry, without pulling: a real registry, and signing in."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from flowship.errors import ConfigError, RegistryError
from flowship.registry import Credentials, Reference
from flowship.registry.client import describe
from support.registry_server import ACCOUNTS

LABELS = {"io.example.answer": "42"}


def pushed(engine, address, **auth) -> Reference:
    """A tiny labelled image in the registry at `address`."""
    name = f"{address}/tiny"
    built = engine.api.build(
        fileobj=io.BytesIO(b"FROM scratch\nCOPY Dockerfile /\n"),
        labels=LABELS,
        tag=f"{name}:1",
        rm=True,
        decode=True,
    )
    assert not [e for e in built if "error" in e]
    lines = engine.api.push(name, tag="1", stream=True, decode=True, auth_config=auth or None)
    assert not [e for e in lines if "error" in e]
    return Reference.parse(f"{name}:1")


@pytest.fixture
def credentials():
    ((user, password),) = ACCOUNTS.items()
    return Credentials(user, SecretStr(password), "the test")


@pytest.mark.engine
def test_labels_platform_and_digest_are_read_without_pulling(engine, registry):
    reference = pushed(engine, registry.address)
    found = describe(reference)
    image = engine.images.get(str(reference))
    assert found.labels == LABELS
    assert found.id == image.id
    assert f"{reference.repository}@{found.reference.digest}" in image.attrs["RepoDigests"]
    assert describe(found.reference) == found


@pytest.mark.engine
def test_a_registry_with_accounts_is_signed_in_at(engine, private_registry, credentials):
    auth = credentials.auth_config(private_registry.address)
    reference = pushed(engine, private_registry.address, **auth)
    assert describe(reference, credentials).labels == LABELS
    with pytest.raises(RegistryError):
        describe(reference)
    with pytest.raises(RegistryError):
        describe(reference, Credentials(credentials.username, SecretStr("wrong"), "the test"))


@pytest.mark.engine
def test_a_tag_that_is_not_there_is_told(engine, registry):
    reference = pushed(engine, registry.address).with_tag("nowhere")
    with pytest.raises(RegistryError) as caught:
        describe(reference)
    assert "nowhere" in str(vars(caught.value))


def test_a_registry_that_does_not_answer_is_told():
    with pytest.raises(RegistryError) as caught:
        describe(Reference.parse("127.0.0.1:9/x:1"))
    assert caught.value.exit_code == 6
    assert caught.value.hint


# --- tokens: the protocol of Docker Hub, as distribution.github.io/distribution/spec/auth/token
# describes it. No such server can be had here, so this one plays its part.

CONFIG = {"os": "linux", "architecture": "arm64", "config": {"Labels": LABELS}}
MANIFEST = {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"digest": "sha256:" + "c" * 64},
    "layers": [{"size": 7}, {"size": 3}],
}
INDEX = {
    "mediaType": "application/vnd.oci.image.index.v1+json",
    "manifests": [
        {"digest": "sha256:" + "a" * 64, "platform": {"os": "linux", "architecture": "arm64"}},
        {"digest": "sha256:" + "b" * 64, "platform": {"os": "unknown", "architecture": "unknown"}},
    ],
}


class _Hub(BaseHTTPRequestHandler):
    asked: list[str]
    index = INDEX
    config = CONFIG
    digest = "sha256:" + "d" * 64

    def do_GET(self) -> None:
        path = urllib.parse.urlsplit(self.path)
        type(self).asked.append(self.path)
        if path.path == "/token":
            signed_in = "Authorization" in self.headers
            return self._answer(200 if signed_in else 401, {"token": "let-in"})
        if path.path == "/store":  # must not be shown the token
            return self._answer(400 if "Authorization" in self.headers else 200, self.config)
        if self.headers.get("Authorization") != "Bearer let-in":
            port = self.server.server_address[1]
            realm = f'Bearer realm="http://127.0.0.1:{port}/token",service="hub"'
            return self._answer(401, {"errors": [{"code": "UNAUTHORIZED"}]}, realm)
        if "/blobs/" in path.path:
            return self._answer(307, {}, location="/store")
        name = path.path.rpartition("/")[2]
        return self._answer(200, self.index if name == "1" else MANIFEST)

    def _answer(self, status, body, challenge=None, location=None):
        data = json.dumps(body).encode()
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        if location:
            port = self.server.server_address[1]
            self.send_header("Location", f"http://127.0.0.1:{port}{location}")
        self.send_header("Docker-Content-Digest", self.digest)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *args) -> None:
        """Quiet."""


@pytest.fixture
def hub():
    handler = type("Hub", (_Hub,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield handler, Reference.parse(f"127.0.0.1:{server.server_address[1]}/user/x:1")
    server.shutdown()
    server.server_close()


def test_a_token_is_fetched_an_index_followed_and_a_store_not_shown_the_token(hub, credentials):
    handler, reference = hub
    found = describe(reference, credentials)
    assert found.labels == LABELS
    assert (found.platform, found.size) == ("linux/arm64", 10)
    assert found.reference.digest == "sha256:" + "d" * 64  # the index's, which is what was named
    (token,) = [path for path in handler.asked if path.startswith("/token")]
    assert "scope=repository%3Auser%2Fx%3Apull" in token
    assert "service=hub" in token


def test_a_refused_token_is_a_refusal(hub):
    with pytest.raises(RegistryError):
        describe(hub[1])


def test_a_name_of_several_platforms_cannot_be_chosen_from(hub, credentials):
    handler, reference = hub
    both = [{**INDEX["manifests"][0], "digest": "sha256:" + c * 64} for c in "ae"]
    handler.index = {**INDEX, "manifests": both}
    with pytest.raises(ConfigError, match="2 platforms"):
        describe(reference, credentials)


@pytest.mark.parametrize(
    "answer",
    [
        {"hello": "world"},
        *(None, 5, "text", [1], []),
        {"manifests": None},
        {"manifests": [5]},
        {"config": []},
        {"config": {"digest": "sha256:" + "c" * 64}, "layers": [5]},
    ],
)
def test_an_answer_that_is_no_manifest_is_told(hub, credentials, answer):
    handler, reference = hub
    handler.index = answer
    with pytest.raises(RegistryError, match="no image manifest") as caught:
        describe(reference, credentials)
    assert caught.value.hint


@pytest.mark.parametrize("config", [None, [], {"config": 5}, {"config": {"Labels": 5}}])
def test_a_configuration_that_is_none_is_told(hub, credentials, config):
    handler, reference = hub
    handler.config = config
    with pytest.raises(RegistryError, match="no image manifest"):
        describe(reference, credentials)


@pytest.mark.parametrize("digest", ["garbage", "sha256:12"])
def test_a_digest_that_is_none_is_told(hub, credentials, digest):
    handler, reference = hub
    handler.digest = digest
    with pytest.raises(RegistryError, match="no image manifest"):
        describe(reference, credentials)


def test_a_registry_that_does_not_tell_the_digest_has_it_counted(hub, credentials):
    handler, reference = hub
    handler.digest = ""
    counted = hashlib.sha256(json.dumps(INDEX).encode()).hexdigest()
    assert describe(reference, credentials).reference.digest == f"sha256:{counted}"
