"""Push with a real engine to real registries."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace

import docker.errors
import pytest
import requests

from flowship import image, pipeline
from flowship import registry as registries
from flowship.config import loading
from flowship.engine.client import connect
from flowship.errors import RegistryError
from flowship.events import Output
from flowship.push import published
from flowship.push import push as push_image
from support.projects import FLOW, build, write
from support.registry_server import ACCOUNTS

pytestmark = pytest.mark.engine


@pytest.fixture
def built(project, base_image):
    return build(write(project, base_image))


def push(built, text, credentials=None, report=lambda event: None, sleep=lambda seconds: None):
    target = registries.push_target(text)
    return push_image(connect(), built, target, credentials=credentials, report=report, sleep=sleep)


def test_a_push_answers_with_the_digest_that_the_registry_holds(built, project, registry, engine):
    repository = f"{registry.address}/{project.name}"
    pushed = push(built, repository)
    assert pushed.reference == f"{repository}:{built.inputs[:12]}@{pushed.digest}"
    assert engine.images.get_registry_data(pushed.reference).id == pushed.digest
    again = push(image.inspect(connect(), built.reference), repository)
    assert again.already
    assert again.digest == pushed.digest
    found = image.inspect(connect(), built.reference)
    assert image.pinned(found, repository) == pushed.reference
    engine.images.remove(built.id, force=True)
    # a second laptop: no engine has the image, and none is needed
    described = image.remote(pushed.reference)
    assert described.probe == built.probe
    assert described.platform == built.platform
    assert image.pinned(described, pushed.reference).endswith(f"@{pushed.digest}")
    assert not engine.images.list(repository)


def test_a_registry_with_accounts_takes_the_right_password_only(
    built, project, private_registry, monkeypatch
):
    repository = f"{private_registry.address}/{project.name}:v1"
    with pytest.raises(RegistryError, match=r"log in|signed in|sign in|credentials"):
        push(built, repository)
    ((user, password),) = ACCOUNTS.items()
    monkeypatch.setenv("FLOWSHIP_REGISTRY_USER", user)
    for word, works in (("wrong", False), (password, True)):
        monkeypatch.setenv("FLOWSHIP_REGISTRY_PASSWORD", word)
        credentials = registries.credentials_for(registries.push_target(repository))
        if works:
            assert push(built, repository, credentials).digest
        else:
            with pytest.raises(RegistryError) as caught:
                push(built, repository, credentials)
            assert word not in str(vars(caught.value))


def test_a_refused_push_leaves_no_name_that_says_it_was_pushed(
    built, project, private_registry, engine
):
    with pytest.raises(RegistryError):
        push(built, f"{private_registry.address}/{project.name}:v1")
    assert engine.images.get(built.id).tags == [built.reference]


def test_a_registry_that_goes_away_and_comes_back_gets_the_image(built, project, own_registry):
    running = own_registry()
    running.stop()
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            running.start()

    pushed = push(built, f"{running.address}/{project.name}:v1", sleep=sleep)
    assert pushed.digest
    assert len(waits) == 2


def test_a_registry_stopped_in_the_middle_of_a_push_gets_the_image_when_it_is_back(
    project, base_image, own_registry
):
    write(project, base_image)
    (project / "ballast.bin").write_bytes(os.urandom(60_000_000))
    big = build(project)
    running = own_registry()
    cut = threading.Event()

    def interrupt(event):
        if getattr(event, "status", "") == "Pushing" and event.current > 0 and not cut.is_set():
            cut.set()
            running.kill()
            threading.Timer(1.5, running.start).start()

    told = []
    pushed = push(
        big,
        f"{running.address}/{project.name}:v1",
        report=lambda e: (told.append(e), interrupt(e)),
        sleep=time.sleep,
    )
    assert cut.is_set()
    assert pushed.digest


def test_a_registry_gone_for_good_is_told_after_the_last_attempt(built, project, own_registry):
    running = own_registry()
    running.stop()
    told, waits = [], []
    with pytest.raises(RegistryError) as caught:
        push(built, f"{running.address}/{project.name}:v1", report=told.append, sleep=waits.append)
    assert running.address in str(vars(caught.value))
    assert len(waits) == registries.ATTEMPTS - 1
    assert [e for e in told if isinstance(e, Output) and "trying again" in e.text]


def test_files_changed_since_the_build_are_not_pushed(built, project, registry, cli):
    (project / "flow.py").write_text(FLOW + "# changed\n")
    code, stdout, stderr = cli("push", "--repo", f"{registry.address}/x:1", cwd=project)
    assert code == 3
    assert not stdout
    assert "flowship build" in stderr


def test_a_failed_push_gives_a_name_back_to_the_image_that_had_it(built, own_registry, engine):
    running = own_registry()
    running.stop()
    name = f"{running.address}/taken"
    before = engine.images.get(image.inspect(connect(), built.reference).id).attrs["Parent"]
    engine.api.tag(before, name, "v1")
    with pytest.raises(RegistryError):
        push(built, f"{name}:v1")
    assert engine.images.get(f"{name}:v1").id == before
    engine.images.remove(f"{name}:v1")


class PushOnly:
    """An engine whose registry takes what is pushed and answers no question about it."""

    def __init__(self, engine, refusal):
        self._api, self._refusal = engine.api, refusal
        self.asked = 0

    def __getattr__(self, name):
        return getattr(self._api, name)

    def inspect_distribution(self, *arguments, **options):
        self.asked += 1
        response = requests.Response()
        response.status_code = 500 if "EOF" in self._refusal else 403
        raise docker.errors.APIError(self._refusal, response, explanation=self._refusal)


def test_a_registry_that_lets_nobody_read_back_has_the_image_all_the_same(built, project, registry):
    engine = connect()
    api = PushOnly(engine, "denied: requested access to the resource is denied")
    told = []
    target = registries.push_target(f"{registry.address}/{project.name}:v1")
    pushed = push_image(replace(engine, api=api), built, target, report=told.append)
    assert pushed.digest.startswith("sha256:")
    assert api.asked == 1  # a refusal is not asked again
    assert [e for e in told if isinstance(e, Output) and "not compared" in e.text]


def test_a_registry_that_is_lost_right_after_the_push_is_told_as_that(built, project, registry):
    engine = connect()
    api = PushOnly(engine, "Get https://x/v2/: EOF")
    target = registries.push_target(f"{registry.address}/{project.name}:v1")
    with pytest.raises(RegistryError) as caught:
        push_image(replace(engine, api=api), built, target, sleep=lambda seconds: None)
    assert api.asked == registries.ATTEMPTS
    assert "at the same time" not in caught.value.hint


# --- known again by another laptop ---------------------------------------------------------------


def forget(engine, built):
    """Make this engine one that never built the image."""
    for name in engine.images.get(built.id).tags:
        engine.images.remove(name, force=True)


def test_what_another_laptop_built_and_pushed_is_neither_built_nor_sent_again(
    built, project, registry, engine
):
    target = registries.push_target(f"{registry.address}/{project.name}")
    pushed = push(built, str(target))
    forget(engine, built)
    told = []
    again = build(
        project, told.append, elsewhere=lambda inputs: published(connect(), target, inputs)
    )
    assert told == []
    assert again.unchanged
    assert again.probe == built.probe
    assert push(again, str(target), report=told.append).reference == pushed.reference
    assert told == []
    # the same for a deploy, which builds nothing
    more = f'repo = "{target}"\n'
    settings = loading.load(write(project, base_image_of(project), more=more), environ={})
    found, reference = pipeline.image_to_deploy(None, settings)
    assert (found.inputs, reference) == (built.inputs, pushed.reference)


def base_image_of(project):
    return loading.load(project, environ={}).base_image


def test_an_image_of_other_inputs_under_the_same_tag_is_not_taken(built, project, registry):
    target = registries.push_target(f"{registry.address}/{project.name}:prod")
    push(built, str(target))
    assert published(connect(), target, built.inputs).probe == built.probe
    assert published(connect(), target, "f" * 64) is None
    nowhere = registries.push_target(f"{registry.address}/{project.name}-never")
    assert published(connect(), nowhere, built.inputs) is None
