"""The lockfile of a uv workspace: found from a member, and only from one."""

from __future__ import annotations

import pytest

from flowship.project.locks import choice, workspace

LOCK = """\
version = 1

[[package]]
name = "root"
version = "1"
source = { virtual = "." }

[[package]]
name = "taxi-flows"
source = { virtual = "packages/taxi" }

[[package]]
name = "trips"
version = "2.0"
source = { editable = "packages/trips" }

[[package]]
name = "prefect"
version = "3.6.13"
source = { registry = "https://packages.example.com/simple" }
"""


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "repository"
    for name in ("taxi", "trips", "stranger", "taxi/inner"):
        (root / "packages" / name).mkdir(parents=True)
    (root / "uv.lock").write_text(LOCK)
    return root


@pytest.mark.parametrize(("folder", "name"), [("taxi", "taxi-flows"), ("trips", "trips")])
def test_a_member_finds_the_lockfile_and_its_name_in_it(repository, folder, name):
    member = repository / "packages" / folder
    assert workspace.lock_of(member) == repository / "uv.lock"
    assert workspace.member_of(repository / "uv.lock", member) == name


def test_a_folder_that_is_not_a_member_has_no_lockfile(repository):
    assert workspace.lock_of(repository / "packages" / "stranger") is None
    assert workspace.lock_of(repository / "packages" / "taxi" / "inner") is None
    assert workspace.lock_of(repository) is None, "that is the project's own lockfile"
    assert workspace.member_of(repository / "uv.lock", repository) == ""


def test_a_repository_of_its_own_does_not_use_the_lockfile_of_another(repository):
    (repository / "packages" / "taxi" / ".git").mkdir()
    assert workspace.lock_of(repository / "packages" / "taxi") is None


def test_a_lockfile_of_the_project_comes_first(repository):
    member = repository / "packages" / "taxi"
    assert choice.pinned(member, "prefect") == ("../../uv.lock", "3.6.13")
    (member / "pylock.toml").write_text("")
    assert choice.pinned(member, "prefect") == ("pylock.toml", "")
