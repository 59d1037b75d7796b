"""The files that Prefect reads, and the mistakes in them."""

from __future__ import annotations

import pytest

from flowship.errors import ConfigError
from flowship.prefect.profiles import editing, showing
from flowship.prefect.profiles.files import open_profiles
from flowship.prefect.profiles.resolution import resolve
from support.profiles import COMMENTED, set_api, written


def test_a_tilde_that_prefect_does_not_expand_is_a_warning_and_no_place_to_write(machine):
    folder, environ, _ = machine
    environ["PREFECT_HOME"] = "~/own"
    assert "expands neither" in resolve(folder, environ).warnings[0]
    with pytest.raises(ConfigError, match="does not expand"):
        editing.use("local", folder, environ)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('profiles = "x"\n', "profiles is not a table"),
        ('profiles = ["x"]\nactive = "x"\n', "profiles is not a table"),
        ('active = ["local"]\n', "active is not a profile name"),
        ("[profiles]\nb = 5\n[profiles.a]\n", r"\[profiles.b\] is not a table"),
    ],
)
def test_a_profiles_file_of_another_shape_is_an_error_and_stays(machine, text, reason):
    folder, environ, path = machine
    written(path, text)
    for command in (
        lambda: resolve(folder, environ),
        lambda: showing.list_profiles(folder, environ),
        lambda: editing.use("local", folder, environ),
        lambda: set_api(machine, profile="b"),
    ):
        with pytest.raises(ConfigError, match=reason) as error:
            command()
        assert error.value.code == "prefect-file-invalid"
        assert error.value.where == str(path)
    assert path.read_text() == text


def test_broken_toml_is_an_error_with_its_line_and_stays(machine):
    *_, path = machine
    written(path, "active = \n")
    with pytest.raises(ConfigError) as error:
        set_api(machine)
    assert error.value.where.endswith("profiles.toml:1:10")
    assert path.read_text() == "active = \n"


def test_the_file_to_edit_is_the_one_that_prefect_reads(machine, tmp_path):
    folder, environ, path = machine
    assert open_profiles(folder, environ).path == path
    assert open_profiles(folder, environ).active == "ephemeral"
    environ["PREFECT_PROFILES_PATH"] = str(tmp_path / "own.toml")
    written(tmp_path / "own.toml", COMMENTED)
    found = open_profiles(folder, environ)
    assert (found.path, found.active) == (tmp_path / "own.toml", "staging")
    assert set(found.profiles) == {"staging", "other"}


def test_a_file_that_cannot_be_read_is_an_error_with_its_path(machine):
    folder, environ, path = machine
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot read") as error:
        open_profiles(folder, environ)
    assert (error.value.code, error.value.where) == ("prefect-file-unreadable", str(path))
