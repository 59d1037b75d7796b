"""A whole ``prefect.yaml``."""

from __future__ import annotations

import pytest

from flowship.errors import ConfigError
from flowship.project.prefect_yaml.translation import translate

WHOLE = """\
name: My Flows
prefect-version: 2.14.20
build:
- prefect_docker.deployments.steps.build_docker_image:
    image_name: acme/flows
extra: 1
deployments:
- name: nightly
  entrypoint: flows/a.py:nightly
  work_pool: {name: docker}
- name: nightly
  entrypoint: flows/b.py:load_all
  work_pool: {name: docker}
- name: big
  entrypoint: flows/b.py:load_all
  work_pool: {name: kubernetes}
- name: other-image
  entrypoint: flows/b.py:load_all
  work_pool: {name: docker}
  build:
  - prefect_docker.deployments.steps.build_docker_image:
      image_name: acme/other
"""


def written(folder, text):
    path = folder / "prefect.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def whole(tmp_path):
    return translate(written(tmp_path, WHOLE))


def test_the_project_gets_the_name_the_pool_and_the_repository(whole):
    assert whole.name == "my-flows"
    assert whole.settings["work-pool"] == "docker"
    assert whole.settings["repo"] == "acme/flows"


def test_a_deployment_with_another_build_gets_an_image_of_its_own(whole):
    assert whole.settings["images"] == {"other-image": {"repo": "acme/other"}}
    assert whole.deployments[-1]["image"] == "other-image"
    assert "image" not in whole.deployments[0]


def test_a_build_that_has_less_than_the_projects_cannot_be_an_image(tmp_path):
    step = "prefect_docker.deployments.steps.build_docker_image"
    text = (
        f"build:\n- {step}: {{image_name: a/b, dockerfile: D}}\n"
        "deployments:\n- {name: a, entrypoint: f.py:m}\n"
        f"- name: b\n  entrypoint: f.py:m\n  build: [{{{step}: {{image_name: a/c}}}}]\n"
    )
    taken = translate(written(tmp_path, text))
    assert taken.settings["dockerfile"] == "D"
    [(_, reason)] = taken.unusable
    assert "no dockerfile" in reason


def test_of_two_entries_of_one_name_and_flow_the_later_one_counts(tmp_path):
    text = (
        "deployments:\n- {name: a, entrypoint: f.py:m, tags: [one]}\n"
        "- {name: a, entrypoint: f.py:m, tags: [two]}\n"
    )
    taken = translate(written(tmp_path, text))
    assert [each["tags"] for each in taken.deployments] == [["two"]]
    assert "a later entry" in taken.unusable[0][1]


def test_a_second_deployment_of_a_name_gets_its_functions_name_before_it(whole):
    names = [each["name"] for each in whole.deployments]
    assert names == ["nightly", "load-all-nightly", "other-image"]
    assert any('it is now "load-all-nightly"' in left.reason for left in whole.left)


def test_a_deployment_in_another_work_pool_is_not_deployed(whole):
    [(table, reason)] = whole.unusable
    assert table["name"] == "big"
    assert '"kubernetes"' in reason


def test_what_is_left_is_in_the_order_of_the_lines(whole):
    assert [left.line for left in whole.left] == sorted(left.line for left in whole.left)
    reasons = {left.key: (left.line, left.reason) for left in whole.left}
    assert reasons["prefect-version"][0] == 2
    assert reasons["extra"] == (6, "Prefect does not read this key")


def test_steps_of_the_only_deployment_are_the_projects(tmp_path):
    taken = translate(
        written(
            tmp_path,
            "deployments:\n- name: a\n  entrypoint: f.py:m\n  build:\n"
            "  - prefect_docker.deployments.steps.build_docker_image: {image_name: a/b}\n",
        )
    )
    assert taken.settings == {"repo": "a/b"}
    assert taken.left == ()


@pytest.mark.parametrize("text", ["name: x\n", "deployments: []\n", "deployments:\n- null\n"])
def test_a_file_without_deployments_is_refused(tmp_path, text):
    with pytest.raises(ConfigError, match="no deployments"):
        translate(written(tmp_path, text))
