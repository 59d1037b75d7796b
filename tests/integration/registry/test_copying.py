"""Copies of real images between real registries: every byte, and so the digest, is the same."""

from __future__ import annotations

import io

import pytest
from pydantic import SecretStr

from flowship.errors import RegistryError
from flowship.events import Phase
from flowship.registry import Credentials, Reference, RegistryFailure
from flowship.registry.copying import copy, require_push
from support.registry_server import ACCOUNTS, describe

pytestmark = pytest.mark.engine


@pytest.fixture
def credentials():
    ((user, password),) = ACCOUNTS.items()
    return Credentials(user, SecretStr(password), "the test")


def pushed(engine, name, padding=1000):
    """An image with a layer of `padding` bytes that no registry has, pinned."""
    import os

    files = io.BytesIO()
    import tarfile

    with tarfile.open(fileobj=files, mode="w") as tar:
        for path, data in (
            ("Dockerfile", b"FROM scratch\nCOPY data /\n"),
            ("data", os.urandom(padding)),
        ):
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    files.seek(0)
    built = engine.api.build(
        fileobj=files, custom_context=True, labels={"a": "1"}, tag=f"{name}:1", rm=True, decode=True
    )
    assert not [e for e in built if "error" in e]
    assert "error" not in engine.api.push(name, tag="1")
    engine.images.remove(f"{name}:1", force=True)
    return describe(Reference.parse(f"{name}:1")).reference


def test_another_registry_gets_the_same_digest(engine, registry, own_registry):
    source = pushed(engine, f"{registry.address}/copy/one", padding=40_000_000)
    target = Reference.parse(f"{own_registry().address}/elsewhere/two:7")
    assert copy(source, target) is True
    found = describe(target)
    assert (found.reference.digest, found.labels) == (source.digest, {"a": "1"})
    pulled = engine.images.pull(f"{target.repository}", tag="7")
    assert pulled.labels == {"a": "1"}
    engine.images.remove(str(target), force=True)


def test_a_copy_that_is_there_is_not_made_again(engine, registry):
    source = pushed(engine, f"{registry.address}/copy/again")
    target = Reference.parse(f"{registry.address}/copy/again-two:1")
    assert copy(source, target) is True
    assert copy(source, target) is False


def test_a_registry_takes_the_layers_of_its_own_repositories_itself(engine, registry):
    source = pushed(engine, f"{registry.address}/copy/three")
    events = []
    target = Reference.parse(f"{registry.address}/copy/four:1")
    assert copy(source, target, report=events.append) is True
    assert events == [Phase(f"copying the image to {target.repository}")], "no layer was sent"
    assert describe(target).reference.digest == source.digest


def test_a_registry_with_accounts_is_written_with_its_login(
    engine, registry, private_registry, credentials
):
    source = pushed(engine, f"{registry.address}/copy/five")
    target = Reference.parse(f"{private_registry.address}/copy/six:1")
    with pytest.raises(RegistryFailure):
        copy(source, target)
    wrong = Credentials(credentials.username, SecretStr("wrong-password"), "the test")
    with pytest.raises(RegistryError) as caught:
        copy(source, target, target_login=wrong)
    assert "wrong-password" not in str(vars(caught.value))
    assert copy(source, target, target_login=credentials) is True
    assert describe(target, credentials).reference.digest == source.digest
    # and back: a private source
    home = Reference.parse(f"{registry.address}/copy/seven:1")
    private = describe(target, credentials).reference
    assert copy(private, home, source_login=credentials) is True


def test_permission_to_push_is_asked_for_without_storing_anything(
    private_registry, credentials, tmp_path
):
    target = Reference.parse(f"{private_registry.address}/copy/nine:1")
    require_push(target, credentials)
    with pytest.raises(RegistryFailure):
        require_push(target)
    wrong = Credentials(credentials.username, SecretStr("wrong-password"), "the test")
    with pytest.raises(RegistryFailure):
        require_push(target, wrong)
    uploads = private_registry.folder.rglob("_uploads/*")
    assert [path for path in uploads if (path / "data").exists()] == []
    with pytest.raises(RegistryFailure):
        describe(target, credentials)


def test_an_image_that_is_gone_is_an_error_before_anything_is_written(engine, registry):
    source = Reference.parse(f"{registry.address}/copy/gone@sha256:{'0' * 64}")
    target = Reference.parse(f"{registry.address}/copy/eight:1")
    with pytest.raises(RegistryError):
        copy(source, target)
    with pytest.raises(RegistryError):
        describe(target)
