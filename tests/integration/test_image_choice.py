"""Which image a command works on, with a real engine."""

from __future__ import annotations

import pytest

from flowship import image_choice
from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.config.settings import Settings
from flowship.engine.client import connect
from flowship.errors import ConfigError
from support.projects import FLOW, build, write

pytestmark = pytest.mark.engine


def settings_of(project):
    return loading.load(project, environ={})


def test_the_image_of_the_current_files_is_the_default(project, base_image):
    built = build(write(project, base_image))
    settings = settings_of(project)
    assert image_choice.of_current_files(connect(), prepare_build(settings)).id == built.id
    assert image_choice.to_push(connect(), None, settings).id == built.id
    assert image_choice.to_deploy(None, settings)[1] is None  # never pushed


def test_files_changed_since_the_build_have_no_image(project, base_image):
    build(write(project, base_image))
    (project / "flow.py").write_text(FLOW + "# changed\n")
    with pytest.raises(ConfigError) as caught:
        image_choice.to_push(connect(), None, settings_of(project))
    assert caught.value.code == "image-not-built"


def test_a_named_image_needs_no_project(project, base_image):
    built = build(write(project, base_image))
    assert image_choice.to_push(connect(), built.reference, None).id == built.id
    with pytest.raises(ConfigError) as caught:
        image_choice.to_push(connect(), f"{project.name}:other", None)
    assert (caught.value.code, caught.value.where) == ("image-not-found", "--image")


def test_the_image_of_another_project_is_not_deployed(project, base_image):
    built = build(write(project, base_image))
    other = settings_of(project).model_copy(update={"name": "other"})
    with pytest.raises(ConfigError) as caught:
        image_choice.to_deploy(built.reference, other)
    assert caught.value.code == "image-of-another-project"


def test_what_the_probe_found_is_what_the_deployment_uses(project, base_image):
    built = build(write(project, base_image))
    facts = image_choice.facts_of(built, None)
    assert (facts.reference, facts.pushed, facts.flow_name) == (built.reference, False, "hello")
    assert set(facts.parameters["properties"]) == {"name", "months"}
    assert image_choice.facts_of(built, "repo:1@sha256:0").pushed


@pytest.mark.parametrize(
    ("base", "requirements", "expected"),
    [
        ("prefecthq/prefect:3.6.13-python3.11", "pandas\nprefect-docker\n", "3.6.13"),
        ("prefecthq/prefect:3.6.13-python3.11", "prefect==3.8.8\n", None),  # pip replaces it
        ("prefecthq/prefect:3.6.13-python3.11", "-r missing.txt\n", None),  # the build's error
        ("python:3.11", "pandas\n", None),
    ],
)
def test_the_base_image_says_which_prefect_a_new_image_has(tmp_path, base, requirements, expected):
    (tmp_path / "requirements.txt").write_text(requirements)
    settings = Settings(root=tmp_path, entrypoint="flow.py:f", name="x", **{"base-image": base})
    assert image_choice.planned_prefect(settings) == expected


def test_a_dockerfile_of_its_own_does_not_say_which_prefect_its_image_has(tmp_path):
    base = {"base-image": "prefecthq/prefect:3.6.13-python3.11"}
    settings = Settings(
        root=tmp_path, entrypoint="flow.py:f", name="x", dockerfile="Dockerfile", **base
    )
    assert image_choice.planned_prefect(settings) is None
