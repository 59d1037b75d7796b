"""The classic builder with a real engine."""

from __future__ import annotations

import pytest

from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.engine.builder import LABEL_LINE, ClassicBuilder, Finish
from flowship.engine.client import connect
from flowship.engine.images import look_up
from flowship.errors import RegistryError
from flowship.events import silent
from support.projects import write

pytestmark = pytest.mark.engine

ODD = "a\"b\\c $HOME ${X} 'd' # e"
LABELS = {"io.example.odd": ODD, "io.flowship.project": ""}


@pytest.fixture
def builder():
    return ClassicBuilder(connect())


def request_of(project, base_image, more=""):
    return prepare_build(loading.load(write(project, base_image, more=more), environ={}))


@pytest.mark.parametrize(
    "value", [ODD, "two\nlines", "x" * (LABEL_LINE + 1), "é ✓", ""], ids=range(5)
)
def test_every_label_arrives_as_it_is_in_one_request_or_two(
    builder, project, base_image, engine, value
):
    labels = {"io.example.odd": value, "io.flowship.project": project.name}
    name = f"{project.name}:built"
    image_id = builder.build(request_of(project, base_image), silent, finish=Finish(labels, name))
    found = look_up(builder.engine, name)
    assert found.labels["io.example.odd"] == value
    builder.label(image_id, Finish(labels, f"{project.name}:labelled"), None)
    assert look_up(builder.engine, f"{project.name}:labelled").labels["io.example.odd"] == value


def test_a_label_adds_no_layer(builder, project, base_image, engine):
    labels = {"io.flowship.project": project.name}
    image_id = builder.build(request_of(project, base_image), silent)
    builder.label(image_id, Finish(labels, f"{project.name}:1"), None)
    one, two = (engine.images.get(name).attrs["RootFS"] for name in (image_id, f"{project.name}:1"))
    assert one == two


def test_a_build_without_a_name_has_none(builder, project, base_image, engine):
    (project / "unique.txt").write_text(project.name)  # the same files would be the same image
    image_id = builder.build(request_of(project, base_image), silent)
    assert engine.images.get(image_id).tags == []
    engine.images.remove(image_id)


def test_a_base_is_identified_by_its_fingerprint(builder, base_image):
    found = look_up(builder.engine, base_image)
    assert builder.identify(base_image, None, silent) == found.fingerprint
    assert builder.identify(base_image, found.platform, silent) == found.fingerprint


def test_a_base_for_another_platform_is_pulled(builder, project, base_image, engine):
    name = f"127.0.0.1:9/{project.name}:1"
    engine.images.get(base_image).tag(name)
    assert builder.identify(name, None, silent)
    with pytest.raises(RegistryError):
        builder.identify(name, "linux/s390x", silent)
    engine.images.remove(name)
