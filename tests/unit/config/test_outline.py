"""The outline of a project whose configuration is half edited."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowship.config import outline
from flowship.errors import ConfigError, UsageError

ENTRYPOINT = 'entrypoint = "flow.py:main"\n'
HALF_EDITED = """
name = "trips"
profile = "work"
bse-image = "typo"
memory = [1]

[block]
mem-limit = 3

[[deployments]]
name = "nightly"
corn = "0 5 * * *"

[[deployments]]
name = "hourly"
cron = "every hour"
interval = false

[env.production]
profile = "prod"
colour = "red"
deployments.nightly.paused = "maybe"
"""


def read(folder: Path, text: str, env: str | None = None, **environ: str):
    (folder / "flowship.toml").write_text(text)
    return outline.read(folder, env, environ)


def test_a_half_edited_configuration_still_has_a_name_a_server_and_deployments(
    tmp_path: Path,
) -> None:
    found = read(tmp_path, HALF_EDITED)
    assert (found.name, found.profile, found.environment) == ("trips", "work", None)
    assert found.deployment_names == ("nightly", "hourly")
    assert found.block_name == "trips-docker"
    assert found.place("profile").endswith("flowship.toml:3:1")


def test_an_environment_and_variables_count_as_ever(tmp_path: Path) -> None:
    found = read(tmp_path, HALF_EDITED, "production")
    assert (found.profile, found.environment) == ("prod", "production")
    assert read(tmp_path, HALF_EDITED, FLOWSHIP_ENV="production").profile == "prod"
    assert read(tmp_path, HALF_EDITED, FLOWSHIP_PROFILE="mine").profile == "mine"
    text = HALF_EDITED.replace('"work"', '"${TEAM}"')
    assert read(tmp_path, text, TEAM="blue", FLOWSHIP_MEMORY="[").profile == "blue"
    with pytest.raises(UsageError) as caught:
        read(tmp_path, HALF_EDITED, "prodction")
    assert caught.value.code == "environment-unknown"


@pytest.mark.parametrize(
    "broken",
    [
        '[[deployments]]\nname = "a"\n[[deployments]]\nname = "a"\n',
        '[[deployments]]\nname = "a"\nimage = "none"\n',
        "deployments = 3\n",
        '[[deployments]]\ncron = "* * * * *"\n[[deployments]]\nname = 4\n',
        '[deployments]\nname = "a"\n[images]\nx = 1\n',
    ],
)
def test_deployments_that_cannot_be_read_are_left_out(tmp_path: Path, broken: str) -> None:
    found = read(tmp_path, f'name = "trips"\nprofile = "work"\n{broken}[block]\nname = "mine"\n')
    assert (found.name, found.profile, found.block_name) == ("trips", "work", "mine")


def test_a_block_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, 'name = "trips"\nwork-pool = 3\n[block]\nname = "Not A Block"\n')
    assert (found.block_name, found.work_pool) == ("trips-docker", "flowship")


@pytest.mark.parametrize("line", ["name = 3", 'name = "Not a name"', 'name = "${ABSENT_NAME}"'])
def test_a_name_that_cannot_be_read_is_an_error(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError):
        read(tmp_path, f"{line}\n")


def test_a_profile_that_cannot_be_read_is_an_error_or_the_server_would_be_another(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, 'name = "trips"\nprofile = 3\n')
    assert caught.value.where.endswith("flowship.toml:2:1")


def test_a_file_that_is_not_toml_is_an_error_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, 'name = "trips"\nprofile = \n')
    assert caught.value.code == "invalid-toml"
    assert caught.value.where.endswith("flowship.toml:2:11")


def test_the_table_of_a_pyproject_that_is_wrong_elsewhere_is_read(tmp_path: Path) -> None:
    text = '[project]\nname = 3\n[tool.flowship]\nname = "trips"\nprofile = "work"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert outline.read(tmp_path, None, {}).profile == "work"
    assert read(tmp_path, 'name = "own"\n').name == "own"  # of two files, flowship.toml
    (tmp_path / "pyproject.toml").write_text("[project\n")
    assert read(tmp_path, 'name = "own"\n').name == "own"


def test_a_project_without_a_name_has_the_one_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "My Trips"
    folder.mkdir()
    assert read(folder, "profile = 'work'\nunknown = 1\n").name == "my-trips"
