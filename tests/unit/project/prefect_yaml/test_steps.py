"""Build, push and pull steps as settings."""

from __future__ import annotations

import pytest
import yaml

from flowship.project.prefect_yaml.document import read
from flowship.project.prefect_yaml.steps import translate

DOCKER = "prefect_docker.deployments.steps.build_docker_image"


def found(folder, section, text):
    path = folder / "prefect.yaml"
    path.write_text(text)
    return translate(section, read(path)[section])


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ({"image_name": "ghcr.io/a/b"}, {"repo": "ghcr.io/a/b"}),
        ({"image_name": "{{ $REGISTRY }}/b"}, {"repo": "${REGISTRY}/b"}),
        ({"image_name": "a/b", "dockerfile": "auto"}, {"repo": "a/b"}),
        ({"dockerfile": "./docker/Dockerfile"}, {"dockerfile": "docker/Dockerfile"}),
        ({"platform": "linux/amd64"}, {"platform": "linux/amd64"}),
        ({"buildargs": {"A": 1}}, {"build-args": {"A": "1"}}),
        ({"image_name": None, "platform": None, "buildargs": None, "dockerfile": None}, {}),
        ({"id": "x", "requires": "prefect-docker", "push": True}, {}),
    ],
)
def test_the_options_of_a_docker_build_are_settings(tmp_path, options, settings):
    result = found(tmp_path, "build", yaml.safe_dump({"build": [{DOCKER: options}]}))
    assert (result.settings, result.left) == (settings, ())


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({DOCKER: {"tag": "{{ get-commit-hash.stdout }}"}}, "a tag of its own"),
        ({DOCKER: {"tag": "latest"}}, 'repo = "…:latest"'),
        ({DOCKER: {"tag": "{{ $SHA }}"}}, 'repo = "…:${SHA}"'),
        ({DOCKER: {"path": ".."}}, "set context"),
        ({DOCKER: {"image_name": "{{ image }}"}}, "no counterpart for {{ image }}"),
        ({DOCKER: {"image_name": ["a/b"]}}, "it is not text"),
        ({DOCKER: {"dockerfile": 5}}, "it is not text"),
        ({DOCKER: {"buildargs": ["A=1"]}}, "it is not a mapping"),
        ({DOCKER: {"buildargs": {"A": None}}}, "A: TOML has no null"),
        ({DOCKER: {"network_mode": "host"}}, "does not set this option"),
        ({DOCKER: {"additional_tags": ["a"]}}, "pushes one tag"),
        ({"prefect.deployments.steps.run_shell_script": {"script": "git rev-parse HEAD"}}, "git"),
        ({"prefect.deployments.steps.run_shell_script": {"script": "make"}}, "runs no scripts"),
        ({"prefect_gcp.deployments.steps.push_to_gcs": {"bucket": "b"}}, "the code is in the"),
        ({"prefect.deployments.steps.git_clone": {"repository": "r"}}, "the code is in the"),
        ({"my_steps.do": {}}, "no such step"),
    ],
)
def test_what_has_no_counterpart_is_reported_with_its_line(tmp_path, step, words):
    result = found(tmp_path, "build", yaml.safe_dump({"build": [step]}))
    (left,) = result.left
    assert words in left.reason
    assert left.line in (2, 3)
    assert left.key.startswith("build.")


def test_the_pull_steps_give_the_requirements_and_another_folder_is_reported(tmp_path):
    text = """\
pull:
- prefect.deployments.steps.set_working_directory:
    directory: /opt/prefect/flows
- prefect.deployments.steps.set_working_directory:
    directory: /app
- prefect.deployments.steps.pip_install_requirements:
    directory: /app
    requirements_file: ./requirements/prod.txt
- prefect.deployments.steps.pip_install_requirements:
    directory: flows
"""
    result = found(tmp_path, "pull", text)
    assert result.settings == {"requirements": "flows/requirements.txt"}  # of the last step
    (left,) = result.left
    assert (left.line, left.key) == (4, "pull.set_working_directory")
    assert "/app" in left.reason


def test_one_step_without_a_list_and_no_steps_are_read_too(tmp_path):
    text = f"build:\n  {DOCKER}:\n    image_name: a/b\n"
    assert found(tmp_path, "build", text).settings == {"repo": "a/b"}
    assert found(tmp_path, "build", "build: null\n").settings == {}


def test_the_pushed_image_is_the_repository_unless_it_is_the_output_of_a_step(tmp_path):
    step = "prefect_docker.deployments.steps.push_docker_image"
    named = {"push": [{step: {"image_name": "a/b", "tag": "{{ build.tag }}"}}]}
    assert found(tmp_path, "push", yaml.safe_dump(named)).settings == {"repo": "a/b"}
    other = {"push": [{step: {"image_name": ["a/b"], "tag": "v1", "platform": "linux/amd64"}}]}
    result = found(tmp_path, "push", yaml.safe_dump(other))
    assert result.settings == {}
    assert {left.key: left.reason.partition(",")[0] for left in result.left} == {
        "push.push_docker_image.image_name": "it is not text",
        "push.push_docker_image.tag": "each image has a tag of its own",
        "push.push_docker_image.platform": "flowship does not set this option of a push",
    }
    output = {"push": [{step: {"image_name": "{{ build.image_name }}"}}]}
    assert found(tmp_path, "push", yaml.safe_dump(output)).settings == {}


def test_what_is_not_a_step_is_reported_with_its_line(tmp_path):
    result = found(tmp_path, "build", f"build:\n- {DOCKER}: {{image_name: a/b}}\n- text\n- null\n")
    assert result.settings == {"repo": "a/b"}
    assert [(left.line, left.key, left.reason) for left in result.left] == [
        (3, "build", "it is not a step"),
        (4, "build", "it is not a step"),
    ]
    assert [left.line for left in found(tmp_path, "build", "build: text\n").left] == [1]


def test_a_file_of_requirements_that_is_not_text_is_reported(tmp_path):
    step = {"prefect.deployments.steps.pip_install_requirements": {"requirements_file": ["a"]}}
    result = found(tmp_path, "pull", yaml.safe_dump({"pull": [step]}))
    assert (result.settings, len(result.left)) == ({}, 1)
