"""Which versions of Prefect work together."""

from __future__ import annotations

import sys

import pytest

from flowship.errors import ConfigError
from flowship.prefect import versions

# Each pair was tried on real servers, with a deploy and a run by a docker worker: does the run
# complete? Prefect 3.6.14 was tried with `prefect flow-run execute`.
VERSIONS = ("3.2.15", "3.4.25", "3.6.13", "3.6.29", "3.8.8", "3.9.1")
CRASHED = {(i, s) for i in VERSIONS[3:] for s in VERSIONS[:3]}
TRIED = [(i, s, (i, s) not in CRASHED) for s in VERSIONS for i in VERSIONS]
TRIED += [("3.6.14", "3.6.13", False), ("3.6.14", "3.6.14", True), ("3.8.8", "3.6.14", True)]


@pytest.mark.parametrize(("image", "server", "runs"), TRIED)
def test_what_crashes_on_real_servers_is_refused_and_nothing_else(image, server, runs):
    if runs:
        versions.validate(image, server)
        return
    with pytest.raises(ConfigError) as caught:
        versions.validate(image, server)
    assert caught.value.code == "prefect-versions-incompatible"
    assert f"the image has Prefect {image}, but the server has {server}" in caught.value.message
    assert f'base-image = "prefecthq/prefect:{server}-python3.' in caught.value.hint


@pytest.mark.parametrize(
    ("image", "server"), [(None, "3.2.15"), ("3.8.8", "cloud"), ("3.8.8", ""), ("?", "3.6.29")]
)
def test_versions_that_are_not_known_are_not_compared(image, server):
    versions.validate(image, server)
    assert versions.newer_image(image, server) is None


@pytest.mark.parametrize(
    ("worker", "server"), [("3.8.8", "3.6.13"), ("3.6.29", "3.6.13"), ("3.8.8", "3.2.15")]
)
def test_a_worker_whose_events_are_lost_is_warned_of(worker, server):
    warning = versions.worker_warning(worker, server)
    assert warning is not None
    assert f"Prefect {worker}, but the server has {server}" in warning
    assert "its events are lost" in warning


@pytest.mark.parametrize(
    ("worker", "server"), [("3.8.8", "3.6.29"), ("3.6.13", "3.2.15"), ("3.8.8", "cloud")]
)
def test_a_worker_whose_events_arrive_is_not_warned_of(worker, server):
    assert versions.worker_warning(worker, server) is None


def test_an_image_that_is_newer_than_the_server_is_warned_of():
    warning = versions.newer_image("3.8.8", "3.6.29")
    assert warning is not None
    assert "newer than the server's 3.6.29" in warning
    assert "prefecthq/prefect:3.6.29-python3." in warning
    assert versions.newer_image("3.8.8", "3.8.8") is None
    assert versions.newer_image("3.6.29", "3.8.8") is None


@pytest.mark.parametrize(
    ("version", "supported"),
    [("3.2", True), ("3.2.0", True), ("3.9.1", True), ("3.2.0rc1", True), ("3.10.0", True),
     ("3.1.15", False), ("3.0.0", False), ("2.20.1", False), ("4.0.0", False), ("", False)],
)  # fmt: skip
def test_servers_from_3_2_on_are_supported(version, supported):
    assert versions.is_supported_server(version) is supported


def test_parts_after_the_numbers_do_not_count():
    assert versions.numbers("3.6.13rc1") == versions.numbers("3.6.13+2.gabc") == (3, 6, 13)
    assert versions.numbers("cloud") == ()


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("prefecthq/prefect:3.8.8-python3.11", "3.8.8"),
        ("docker.io/prefecthq/prefect:3.6.13", "3.6.13"),
        ("prefecthq/prefect:3.8.8-python3.11@sha256:ab", "3.8.8"),
        ("prefecthq/prefect:3-latest", None),
        ("prefecthq/prefect:3.6-python3.11", None),  # moves with each release
        ("python:3.11.4-slim", None),
        ("registry.example.com/prefect:3.8.8", None),
    ],
)
def test_the_version_of_a_base_image_is_in_its_tag(image, version):
    assert versions.version_of_base(image) == version


def test_an_old_image_has_a_python_that_existed(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert versions.fitting_image("3.2.15") == "prefecthq/prefect:3.2.15-python3.12"
    assert versions.fitting_image("3.6.13") == "prefecthq/prefect:3.6.13-python3.14"


@pytest.mark.parametrize(
    ("prefect", "requires_python", "expected"),
    [
        ("3.6.13", "", "prefecthq/prefect:3.6.13-python{here}"),
        ("3.6.13", ">=3.12.4,<3.13", "prefecthq/prefect:3.6.13-python3.12"),
        ("3.6.13", ">=3.13", "prefecthq/prefect:3.6.13-python3.13"),
        ("3.2.15", ">=3.13", None),
        ("3.6.13", "nonsense", "prefecthq/prefect:3.6.13-python{here}"),
        ("3.6.13", ">=3.99", None),
        ("3.6.13rc1", "", None),
        ("2.20.1", "", None),
    ],
)
def test_the_image_of_a_version_has_a_python_that_the_project_allows(
    prefect, requires_python, expected
):
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    found = versions.image_with(prefect, requires_python)
    assert found == (expected.format(here=here) if expected else None)
