"""An image that is newer than its server, and one that is in no registry."""

from __future__ import annotations

import io

import pytest

from flowship.probe import flow_labels

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("doctor")]


def test_an_image_that_is_newer_than_the_server(healthy, engine):
    image = engine.images.get(healthy.block()["data"]["image"].partition("@")[0])
    key = flow_labels.key("flow.py:hello")
    newer = image.labels[key].replace('"prefect":"3.', '"prefect":"3.9')
    assert newer != image.labels[key]
    quoted = newer.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    text = f'FROM {image.id}\nLABEL {key}="{quoted}"\n'
    name = f"{healthy.registry.address}/{healthy.name}:newer"
    engine.images.build(fileobj=io.BytesIO(text.encode()), tag=name, rm=True)
    try:
        login = {"username": "ada", "password": "right-password"}
        assert "error" not in engine.images.push(name, auth_config=login)
        with healthy.block_with(image=name):
            assert healthy.problems() == {"prefect-versions": "warning"}
    finally:
        engine.images.remove(name, force=True)
    assert "newer than the server" in healthy.says("prefect-versions")
    assert "base-image" in healthy.says("prefect-versions")


def test_an_image_that_only_this_engine_has(healthy, engine):
    name = f"{healthy.registry.address}/{healthy.name}:local"
    image = engine.images.get(healthy.block()["data"]["image"].partition("@")[0])
    image.tag(name)
    try:
        with healthy.block_with(image=name):
            assert healthy.problems() == {"deployed-image": "warning"}
            assert "Only workers on this engine" in healthy.says("deployed-image")
            assert "`flowship deploy` sets the image of the project" in healthy.says(
                "deployed-image"
            )
            engine.images.remove(name, noprune=True)
            assert healthy.problems() == {"deployed-image": "error"}
            assert "every run crashes" in healthy.says("deployed-image")
            remedy = healthy.found["deployed-image"]["remedy"]
            assert remedy.startswith("`flowship deploy` sets the image of the project again")
            assert "flowship push" not in remedy
    finally:
        if engine.images.list(name):
            engine.images.remove(name, noprune=True)


def test_a_base_image_that_does_not_exist(healthy):
    base = {"FLOWSHIP_BASE_IMAGE": f"{healthy.registry.address}/no/such:image"}
    assert healthy.problems(**base) == {"base-image": "error"}
    assert "is not in the engine, and cannot be pulled" in healthy.says("base-image")
