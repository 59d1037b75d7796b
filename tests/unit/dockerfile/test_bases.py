"""What is known about base images by their names."""

from __future__ import annotations

import pytest

from flowship.dockerfile.bases import is_known_base, is_prefect_base, repository_of


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
