"""Extras and dependency groups without a lockfile."""

from __future__ import annotations

import pytest

from flowship.config import loading
from flowship.errors import ConfigError
from flowship.project import requirements

PYPROJECT = """\
[project]
name = "My_Project"
dependencies = ["six"]

[project.optional-dependencies]
gcs = ["prefect-gcp"]
all = ["my-project[gcs]", "toolz"]

[dependency-groups]
base = ["iniconfig"]
Flow_s = [{ include-group = "base" }, "pandas>=2"]
round = [{ include-group = "round" }]
broken = [{ include = "base" }]
"""


def read(folder, more):
    (folder / "flowship.toml").write_text(f'entrypoint = "flow.py:f"\n{more}')
    return requirements.read(loading.load(folder, environ={}))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", ["six"]),
        ('groups = ["flow-s"]', ["six", "iniconfig", "pandas>=2"]),
        ('extras = ["gcs"]', ["six", "prefect-gcp"]),
        ('extras = ["all"]\ngroups = ["base"]', ["six", "prefect-gcp", "toolz", "iniconfig"]),
    ],
)
def test_groups_and_extras_are_added_with_what_they_include(tmp_path, more, expected):
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    assert read(tmp_path, more).text.splitlines() == expected


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ('groups = ["bas"]', "dependency-group-unknown"),
        ('extras = ["gcp"]', "dependency-group-unknown"),
        ('groups = ["round"]', "dependency-group-invalid"),
        ('groups = ["broken"]', "dependency-group-invalid"),
    ],
)
def test_a_group_that_cannot_be_used_is_an_error(tmp_path, more, code):
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, more)
    assert caught.value.code == code
    assert caught.value.hint


def test_groups_have_no_effect_on_a_requirements_file(tmp_path):
    (tmp_path / "requirements.txt").write_text("six\n")
    with pytest.raises(ConfigError, match="groups has no effect") as caught:
        read(tmp_path, 'groups = ["flows"]')
    assert caught.value.code == "dependency-group-unused"
