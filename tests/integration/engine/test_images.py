"""Images of a real engine: looked up and named."""

from __future__ import annotations

import pytest

from flowship.engine.client import connect
from flowship.engine.images import look_up, tag, tagged, working_directory

pytestmark = pytest.mark.engine


def test_an_image_is_found_by_name_and_by_id(base_image, engine):
    found = look_up(connect(), base_image)
    assert found == look_up(connect(), found.id)
    assert found.id == engine.images.get(base_image).id
    assert base_image in found.tags
    assert working_directory(connect(), base_image) == "/opt/prefect"


@pytest.mark.parametrize("name", ["flowship-test/never:1", "sha256:" + "0" * 64, "Not A Name"])
def test_an_image_that_does_not_exist_is_not_found(name):
    assert look_up(connect(), name) is None
    assert working_directory(connect(), name) is None


def test_a_name_is_removed_again_if_the_block_fails(project, base_image, engine):
    reached = connect()
    image_id = engine.images.get(base_image).id
    name = f"flowship-test/{project.name}:1"

    def fail():
        with tagged(reached, image_id, name):
            assert look_up(reached, name).id == image_id
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert look_up(reached, name) is None
    with tagged(reached, image_id, name):
        pass
    assert look_up(reached, name).id == image_id
    engine.images.remove(name)


def test_a_name_without_a_tag_gets_the_tag_latest(project, base_image, engine):
    name = f"flowship-test/{project.name}"
    tag(connect(), engine.images.get(base_image).id, name)
    assert f"{name}:latest" in engine.images.get(base_image).tags
    engine.images.remove(name)
