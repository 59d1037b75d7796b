"""Questions to a real registry, and what the engine says about the same images."""

from __future__ import annotations

import io

import pytest
from parts.registry import outside_address
from pydantic import SecretStr

from flowship.errors import RegistryError
from flowship.registry import Credentials, Fault, Reference
from flowship.registry.client import RegistryClient
from support.registry_server import ACCOUNTS, describe

pytestmark = pytest.mark.engine

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


def test_labels_platform_and_digest_are_read_without_pulling(engine, registry):
    reference = pushed(engine, registry.address)
    found = describe(reference)
    image = engine.images.get(str(reference))
    assert found.labels == LABELS
    assert found.id == image.id
    assert f"{reference.repository}@{found.reference.digest}" in image.attrs["RepoDigests"]
    assert describe(found.reference) == found


def test_a_registry_with_accounts_requires_the_right_login(engine, private_registry, credentials):
    auth = credentials.auth_config(private_registry.address)
    reference = pushed(engine, private_registry.address, **auth)
    assert describe(reference, credentials).labels == LABELS
    with pytest.raises(RegistryError):
        describe(reference)
    with pytest.raises(RegistryError):
        describe(reference, Credentials(credentials.username, SecretStr("wrong"), "the test"))


def test_a_missing_tag_is_an_error(engine, registry):
    reference = pushed(engine, registry.address).with_tag("nowhere")
    with pytest.raises(RegistryError) as caught:
        describe(reference)
    assert caught.value.fault is Fault.UNKNOWN_IMAGE
    assert "nowhere" in str(vars(caught.value))


def test_the_digest_of_a_tag_is_the_one_that_the_engine_pushed(engine, registry):
    reference = pushed(engine, registry.address)
    with RegistryClient(registry.address) as client:
        digest = client.digest(reference)
        assert client.digest(reference.with_digest(digest)) == digest
        with pytest.raises(RegistryError) as caught:
            client.digest(reference.with_digest("sha256:" + "0" * 64))
        assert caught.value.fault is Fault.UNKNOWN_IMAGE
    image = engine.images.get(str(reference))
    assert f"{reference.repository}@{digest}" in image.attrs["RepoDigests"]


def test_a_login_is_verified_by_the_registry(private_registry, registry, credentials):
    address = private_registry.address
    with RegistryClient(address, credentials) as client:
        assert client.verify_login() == ""
    wrong = Credentials(credentials.username, SecretStr("guess"), "the test")
    with RegistryClient(address, wrong) as client, pytest.raises(RegistryError) as caught:
        client.verify_login()
    assert caught.value.fault is Fault.WRONG_PASSWORD
    with RegistryClient(registry.address, credentials) as client:
        assert client.verify_login() == "", "a registry without accounts accepts any login"


def test_a_certificate_is_trusted_once_docker_trusts_it_for_the_registry(own_registry, home):
    running = own_registry(host=outside_address(), tls=True)
    reference = Reference.parse(f"{running.address}/x:1")
    with RegistryClient(running.address) as client, pytest.raises(RegistryError) as caught:
        client.digest(reference)
    assert caught.value.fault is Fault.TLS
    folder = home / ".docker" / "certs.d" / running.address
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_bytes(running.certificate.read_bytes())
    with RegistryClient(running.address) as client, pytest.raises(RegistryError) as caught:
        client.digest(reference)
    assert caught.value.fault is Fault.UNKNOWN_IMAGE, "the registry answered"


def test_a_registry_without_https_is_recognized(own_registry):
    running = own_registry(host=outside_address())
    with RegistryClient(running.address) as client, pytest.raises(RegistryError) as caught:
        client.digest(Reference.parse(f"{running.address}/x:1"))
    assert caught.value.fault is Fault.PLAIN_HTTP
