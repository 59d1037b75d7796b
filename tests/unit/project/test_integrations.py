"""The first versions of Prefect's integrations for Prefect 3."""

from __future__ import annotations

import pytest
from packaging.version import Version

from flowship.project.integrations import FIRST_FOR_PREFECT_3, first_version


@pytest.mark.parametrize("name", ["prefect-gcp", "prefect_gcp", "Prefect.GCP"])
def test_an_integration_is_found_under_each_spelling(name):
    assert first_version(name) == "0.6.0"


def test_another_package_has_no_first_version():
    assert first_version("pandas") is None
    assert first_version("prefect") is None


def test_every_entry_is_a_version_of_an_integration():
    for name, version in FIRST_FOR_PREFECT_3.items():
        assert name.startswith("prefect-")
        assert len(Version(version).release) == 3
