"""The checks of this machine."""

from __future__ import annotations

import pytest

from flowship import scope
from flowship.doctor import machine
from flowship.doctor.result import Severity
from flowship.doctor.world import World
from flowship.errors import ConfigError


@pytest.mark.parametrize(
    ("free", "severity"),
    [
        (0, Severity.ERROR),
        (machine.FULL - 1, Severity.ERROR),
        (machine.FULL, Severity.WARNING),
        (machine.LOW, Severity.OK),
    ],
)
def test_free_space_has_two_limits(free, severity):
    assert machine.by_free_space(free, "x free", "meaning", "remedy").severity is severity


def test_a_folder_that_does_not_exist_yet_is_on_the_disk_of_the_one_above(tmp_path):
    world = World(tmp_path, scope.Scope(None), environ={"PREFECT_HOME": str(tmp_path / "a/b/c")})
    assert machine.disk_space(world).severity in (Severity.OK, Severity.WARNING)


def test_a_configuration_is_valid_invalid_or_absent(tmp_path):
    assert machine.configuration(World(tmp_path, scope.Scope(None))).severity is Severity.SKIPPED
    config = tmp_path / "flowship.toml"
    config.write_text('name = "trips"\nentrypoint = "flow.py:main"\n')
    finding = machine.configuration(World(tmp_path, scope.choose(tmp_path)))
    assert (finding.severity, finding.found) == (Severity.OK, "project trips (flowship.toml)")
    config.write_text(config.read_text() + 'color = "red"\n')
    finding = machine.configuration(World(tmp_path, scope.choose(tmp_path)))
    assert finding.severity is Severity.ERROR
    assert "flowship.toml:3:1" in finding.found
    broken = World(tmp_path, scope.Scope(None), unreadable=ConfigError("not TOML"))
    assert machine.configuration(broken).found == "not TOML"


def test_an_invalid_configuration_does_not_matter_to_another_project(tmp_path):
    (tmp_path / "flowship.toml").write_text('name = "taxi"\nx = [1,\ny = 2\n')
    with pytest.raises(ConfigError) as caught:
        scope.choose(tmp_path)
    assert caught.value.hint.startswith("correct it at this place")
    assert "add --project NAME" in caught.value.hint
    found = machine.configuration(World(tmp_path, scope.choose(tmp_path, project="taxi")))
    assert found.severity is Severity.WARNING
    assert "flowship.toml:3:1: the file is not valid TOML" in found.found
    assert found.remedy.startswith("correct it at this place")
    assert "--project" not in found.remedy
