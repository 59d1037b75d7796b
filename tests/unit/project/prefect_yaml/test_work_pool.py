"""Work pools of a ``prefect.yaml``; the rows of their fields are in ``test_deployments.py``."""

from __future__ import annotations

import pytest

from flowship.project.prefect_yaml.document import read
from flowship.project.prefect_yaml.work_pool import translate


def translated(folder, text):
    path = folder / "prefect.yaml"
    path.write_text(f"work_pool: {text}\n")
    return translate(read(path), "deployments.x")


def test_a_pool_has_a_name_a_queue_and_variables(tmp_path):
    text = '{name: "{{ $POOL }}", work_queue_name: high, job_variables: {env: {A: true, B: 1}}}'
    assert translated(tmp_path, text) == (
        "${POOL}",
        {"work-queue": "high", "job-variables": {"env": {"A": "true", "B": "1"}}},
        [],
    )


@pytest.mark.parametrize("text", ["null", "{}", "{name: null, job_variables: null}"])
def test_a_pool_can_be_missing(tmp_path, text):
    assert translated(tmp_path, text) == ("", {}, [])


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ('"{{ build-image.image }}"', False),
        ('"{{ build.image_name }}:{{ build.tag }}"', False),
        ("null", False),
        ("a/b:1", True),
        ('"{{ $IMAGE }}"', True),
        ('"{{ prefect.variables.image }}"', True),
    ],
)
def test_only_an_image_that_a_step_builds_is_the_image_that_flowship_builds(tmp_path, image, told):
    _, table, left = translated(tmp_path, f"{{name: p, job_variables: {{image: {image}}}}}")
    assert (table, bool(left)) == ({}, told)
