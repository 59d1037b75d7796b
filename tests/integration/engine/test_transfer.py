"""What the engine does at registries."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from flowship.engine import transfer
from flowship.engine.client import connect
from flowship.engine.images import look_up, tag
from flowship.errors import RegistryError
from flowship.events import Transfer
from flowship.registry import Credentials, Fault, Reference
from flowship.registry.client import RegistryClient
from support.projects import build, write
from support.registry_server import ACCOUNTS

pytestmark = pytest.mark.engine


@pytest.fixture
def scratch(project, engine):
    """A tiny image with a Dockerfile of its own, and its name."""
    (project / "Dockerfile").write_text(f"FROM scratch\nCOPY Dockerfile /{project.name}\n")
    built, _ = engine.images.build(path=str(project), rm=True)
    yield built
    engine.images.remove(built.id, force=True)


def test_a_pushed_image_can_be_pulled_again(project, scratch, registry, engine):
    reached = connect()
    target = Reference.parse(f"{registry.address}/{project.name}:1")
    tag(reached, scratch.id, str(target))
    events = []
    digest = transfer.push(reached, target, None, events.append)
    assert [e for e in events if isinstance(e, Transfer)]
    with RegistryClient(registry.address) as client:
        assert client.digest(target) == digest
    engine.images.remove(str(target))
    pinned = target.with_tag(None).with_digest(digest)
    transfer.pull(reached, str(pinned), None, events.append)
    assert look_up(reached, str(pinned)).id == scratch.id


def test_a_refused_pull_names_the_registrys_fault(registry, project):
    with pytest.raises(RegistryError) as caught:
        transfer.pull(connect(), f"{registry.address}/{project.name}:1", None, lambda event: None)
    assert caught.value.fault is Fault.UNKNOWN_IMAGE


def test_the_engine_verifies_a_login(private_registry):
    ((user, password),) = ACCOUNTS.items()
    right = Credentials(user, SecretStr(password), "a test")
    assert transfer.verify_login(connect(), private_registry.address, right) == ""
    wrong = Credentials(user, SecretStr("guess"), "a test")
    with pytest.raises(RegistryError) as caught:
        transfer.verify_login(connect(), private_registry.address, wrong)
    assert caught.value.fault is Fault.WRONG_PASSWORD


def test_a_base_image_is_pulled_when_the_engine_does_not_have_it(
    project, base_image, registry, engine
):
    name = f"{registry.address}/{project.name}-base:1"
    engine.images.get(base_image).tag(name)
    target = Reference.parse(name)
    transfer.push(connect(), target, None, lambda event: None)
    engine.images.remove(name)
    assert build(write(project, name), probe=False).inputs
    engine.images.remove(name, force=True)
