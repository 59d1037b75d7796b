"""Removing images of a project from a real engine."""

from __future__ import annotations

import io
import uuid
from dataclasses import replace

import pytest

from flowship.engine.client import connect
from flowship.errors import ApiError
from flowship.operate import prune
from flowship.releases import store
from support.projects import remove_images
from support.releases import OWN, RELEASE
from support.server_model import ServerModel

pytestmark = pytest.mark.engine


@pytest.fixture
def name(engine):
    made = f"t{uuid.uuid4().hex[:10]}"
    yield made
    for each in (made, f"{made}-heavy", f"{made}-other"):
        remove_images(engine, each)


def build(engine, base, name, inputs, project=None):
    """An image with flowship's labels, and a layer of its own."""
    labels = f"io.flowship.project={project or name} io.flowship.inputs={inputs}"
    text = f"FROM {base}\nENV OWN={inputs}\nLABEL {labels}\n"
    image, _ = engine.images.build(
        fileobj=io.BytesIO(text.encode()), tag=f"{project or name}:{inputs}", rm=True
    )
    return image


def record(server, name, number, inputs, label="own", environment="staging"):
    image = replace(OWN, label=label, inputs=inputs, reference=f"{name}:{inputs}")
    release = replace(RELEASE, project=name, environment=environment, number=number)
    store.record(server.api, replace(release, images=(image,)))


def plan(server, name, keep=5, labels=()):
    found = prune.plan(connect(), server.api, name, labels, keep)
    return {each.names[0].rpartition(":")[2]: each.kept for each in found}


def test_images_of_the_last_releases_of_each_environment_stay(engine, base_image, name):
    server = ServerModel()
    for number, inputs in enumerate(("aa", "bb", "cc", "dd", "ee"), 1):
        build(engine, base_image, name, inputs)
        environment = "production" if inputs == "aa" else "staging"
        record(server, name, number, inputs, environment=environment)
    kept = plan(server, name, keep=2)
    assert kept == {
        "aa": "release 1", "bb": "", "cc": "", "dd": "release 4", "ee": "release 5",
    }  # fmt: skip
    found = prune.plan(connect(), server.api, name, (), 2)
    prune.remove(connect(), [each for each in found if not each.kept])
    assert plan(server, name, keep=2) == {k: v for k, v in kept.items() if v}


def test_what_a_container_uses_and_what_was_built_last_stays(engine, base_image, name):
    server = ServerModel()
    first = build(engine, base_image, name, "aa")
    build(engine, base_image, name, "bb")
    container = engine.containers.create(first.id, "true")
    kept = plan(server, name)
    assert (kept["aa"], kept["bb"]) in {
        ("a container uses it", "built last"),
        ("a container uses it", ""),  # both were built within one second
    }
    container.remove()


def test_only_images_of_this_project_count(engine, base_image, name):
    server = ServerModel()
    for project in (f"{name}-heavy", f"{name}-other"):
        build(engine, base_image, name, "aa", project)
        build(engine, base_image, name, "bb", project)
    assert plan(server, name) == {}
    assert len(plan(server, name, labels=("heavy",))) == 2
    record(server, name, 1, "zz", label="heavy")
    assert len(plan(server, name)) == 2


def test_without_an_answer_of_the_server_nothing_is_removed(engine, base_image, name):
    server = ServerModel()
    build(engine, base_image, name, "aa")
    server.broken = True
    with pytest.raises(ApiError):
        plan(server, name)


def test_an_image_with_several_names_is_removed_with_all_of_them(engine, base_image, name):
    server = ServerModel()
    image = build(engine, base_image, name, "aa")
    image.tag(f"{name}-pushed", "one")
    found = prune.plan(connect(), server.api, name, (), 1)
    prune.remove(connect(), found)
    assert engine.images.list(filters={"label": f"io.flowship.project={name}"}) == []
