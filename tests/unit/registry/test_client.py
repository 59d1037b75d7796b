"""The protocol of registries, with a server that stands in for Docker Hub."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from flowship.errors import ConfigError, RegistryError
from flowship.registry import TOKEN_USER, Credentials, Fault, Reference
from flowship.registry import client as client_module
from flowship.registry.client import RegistryClient
from support.registry_server import ACCOUNTS, describe

LABELS = {"io.example.answer": "42"}


@pytest.fixture
def credentials():
    ((user, password),) = ACCOUNTS.items()
    return Credentials(user, SecretStr(password), "the test")


def test_a_registry_that_does_not_answer_is_unreachable():
    with pytest.raises(RegistryError) as caught:
        describe(Reference.parse("127.0.0.1:9/x:1"))
    assert caught.value.fault is Fault.UNREACHABLE
    assert caught.value.exit_code == 6
    assert caught.value.hint


# --- tokens: the protocol of Docker Hub, as distribution.github.io/distribution/spec/auth/token
# describes it. This server stands in for one.

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
    accepted = f"Basic {base64.b64encode(b'ada:right-password').decode()}"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urllib.parse.urlsplit(self.path)
        type(self).asked.append(f"{self.command} {self.path}")
        if path.path == "/token":
            accepted = self.headers.get("Authorization") == self.accepted
            refresh = {"refresh_token": "identity"} if "offline_token" in path.query else {}
            return self._answer(200 if accepted else 401, {"token": "let-in", **refresh})
        if path.path == "/store":  # must not be shown the token
            return self._answer(400 if "Authorization" in self.headers else 200, self.config)
        if self.headers.get("Authorization") != "Bearer let-in":
            port = self.server.server_address[1]
            realm = f'Bearer realm="http://127.0.0.1:{port}/token",service="hub"'
            return self._answer(401, {"errors": [{"code": "UNAUTHORIZED"}]}, realm)
        if "/blobs/" in path.path:
            return self._answer(307, {}, location="/store")
        name = path.path.rpartition("/")[2]
        if name == "":
            return self._answer(200, {})
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
        if self.command != "HEAD":
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
    (token,) = [path for path in handler.asked if "/token" in path]
    assert "scope=repository%3Auser%2Fx%3Apull" in token
    assert "service=hub" in token


def test_a_refused_token_is_an_error(hub):
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
def test_an_answer_that_is_not_a_manifest_is_an_error(hub, credentials, answer):
    handler, reference = hub
    handler.index = answer
    with pytest.raises(RegistryError, match="did not respond like a container registry") as caught:
        describe(reference, credentials)
    assert caught.value.hint


@pytest.mark.parametrize("config", [None, [], {"config": 5}, {"config": {"Labels": 5}}])
def test_an_invalid_configuration_is_an_error(hub, credentials, config):
    handler, reference = hub
    handler.config = config
    with pytest.raises(RegistryError, match="did not respond like a container registry"):
        describe(reference, credentials)


@pytest.mark.parametrize("digest", ["garbage", "sha256:12"])
def test_an_invalid_digest_is_an_error(hub, credentials, digest):
    handler, reference = hub
    handler.digest = digest
    with pytest.raises(RegistryError, match="did not respond like a container registry"):
        describe(reference, credentials)


def test_a_missing_digest_is_computed(hub, credentials):
    handler, reference = hub
    handler.digest = ""
    counted = hashlib.sha256(json.dumps(INDEX).encode()).hexdigest()
    assert describe(reference, credentials).reference.digest == f"sha256:{counted}"


def test_only_the_digest_is_asked_for_where_that_is_enough(hub, credentials):
    handler, reference = hub
    with RegistryClient(reference.registry, credentials) as client:
        assert client.digest(reference) == client.digest(reference) == handler.digest
    methods = [line.split("?")[0] for line in handler.asked]
    manifest = "HEAD /v2/user/x/manifests/1"
    assert methods == [manifest, "GET /token", manifest, manifest]  # one login, then one request


def test_the_digest_is_computed_if_the_answer_to_head_has_none(hub, credentials):
    handler, reference = hub
    handler.digest = ""
    computed = hashlib.sha256(json.dumps(INDEX).encode()).hexdigest()
    with RegistryClient(reference.registry, credentials) as client:
        assert client.digest(reference) == f"sha256:{computed}"


def test_a_login_is_verified_and_its_identity_token_returned(hub, credentials):
    handler, reference = hub
    with RegistryClient(reference.registry, credentials) as client:
        assert client.verify_login() == "identity"
    (token,) = [line for line in handler.asked if "/token" in line]
    assert "offline_token=true" in token
    assert "account=ada" in token
    assert "scope" not in token


def test_a_rejected_login_names_the_user(hub):
    _, reference = hub
    wrong = Credentials("ada", SecretStr("guess"), "the test")
    with (
        RegistryClient(reference.registry, wrong) as client,
        pytest.raises(RegistryError, match="rejected the user name or password") as caught,
    ):
        client.verify_login()
    assert caught.value.code == "registry-wrong-password"
    assert "guess" not in str(vars(caught.value))


def test_an_identity_token_is_exchanged_for_an_access_token(hub):
    handler, reference = hub
    posted = []

    def do_POST(self):
        posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._answer(200, {"access_token": "let-in"})

    handler.do_POST = do_POST
    token = Credentials(TOKEN_USER, SecretStr("identity"), "the test")
    assert describe(reference, token).labels == LABELS
    assert "grant_type=refresh_token" in posted[0]
    assert "refresh_token=identity" in posted[0]


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_loop_is_an_error_and_not_a_crash(hub, credentials, status):
    handler, reference = hub
    port = reference.registry.rpartition(":")[2]

    def do_GET(self):
        self.send_response(status)
        self.send_header("Location", f"http://127.0.0.1:{port}/login")
        self.send_header("Content-Length", "0")
        self.end_headers()

    handler.do_GET = do_GET
    with pytest.raises(RegistryError):
        describe(reference, credentials)


@pytest.mark.parametrize(
    ("registry", "address"),
    [
        ("docker.io", "https://registry-1.docker.io/v2/"),
        ("ghcr.io", "https://ghcr.io/v2/"),
        ("localhost:5000", "http://localhost:5000/v2/"),
        ("127.0.0.1", "http://127.0.0.1/v2/"),
        ("[::1]:5000", "http://[::1]:5000/v2/"),
        ("localhost.example.com", "https://localhost.example.com/v2/"),
    ],
)
def test_plain_http_is_used_on_this_machine_only(registry, address):
    assert client_module._address(registry) == address


def test_a_certificate_that_docker_trusts_for_a_registry_is_trusted_here(home):
    folder = home / ".docker" / "certs.d" / "registry.example.com:5000"
    folder.mkdir(parents=True)
    (folder / "damaged.crt").write_text("not a certificate")
    known = client_module._certificates("registry.example.com:5000", "https://x/")
    assert isinstance(known, ssl.SSLContext)
    assert client_module._certificates("other.example.com", "https://x/") is True
    assert client_module._certificates("localhost:5000", "http://x/") is False
