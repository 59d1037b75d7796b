"""What is known about base images by their names."""

from __future__ import annotations

import pytest

from flowship.dockerfile.bases import (
    is_known_base,
    is_prefect_base,
    python_version,
    repository_of,
)


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("python", "python"),
        ("python:3.11", "python"),
        ("host:5000/a/b:tag@sha256:ab", "host:5000/a/b"),
        ("host:5000/a", "host:5000/a"),
    ],
)
def test_the_repository_is_the_name_without_tag_and_digest(image, repository):
    assert repository_of(image) == repository


@pytest.mark.parametrize(
    ("image", "prefect", "known"),
    [
        ("prefecthq/prefect:3", True, True),
        ("mirror.example.com/hub/prefecthq/prefect:3", True, True),
        ("flowship/base:1", True, True),
        ("notprefecthq/prefect:3", False, False),
        ("python:3.11-slim", False, True),
        ("docker.io/library/debian", False, True),
        ("scratch", False, True),
        ("company/python:3", False, False),
        (None, False, False),
    ],
)
def test_only_well_known_images_contain_no_project_files(image, prefect, known):
    assert is_prefect_base(image) == prefect
    assert is_known_base(image) == known


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("prefecthq/prefect:3.8.8-python3.11", "3.11"),
        ("flowship/base:prefect3.8.8-python3.9", "3.9"),
        ("host:5000/hub/prefecthq/prefect:3-python3.12-kubernetes@sha256:ab", "3.12"),
        ("python:3.13-slim", "3.13"),
        ("docker.io/library/python:3.10.4", "3.10"),
        ("python:latest", ""),
        ("python", ""),
        ("prefecthq/prefect:3-latest", ""),
        ("debian:3.11", ""),
        ("company/own:python3.11", ""),
        (None, ""),
    ],
)
def test_the_tag_of_a_known_image_says_which_python_it_has(image, version):
    assert python_version(image) == version
