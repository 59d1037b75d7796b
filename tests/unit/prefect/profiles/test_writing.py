"""Editing the profiles file: one value changes, and everything else stays."""

from __future__ import annotations

import errno
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowship.errors import ConfigError
from flowship.prefect.profiles import editing, writing
from support.profiles import COMMENTED, set_api, written

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_only_the_necessary_lines_change(machine):
    *_, path = machine
    written(path, COMMENTED)
    done = set_api(machine, "http://new:4200/api")
    assert path.read_text() == COMMENTED.replace("http://old", "http://new")
    assert (done.profile, done.previous_url) == ("staging", "http://old:4200/api")
    assert done.changed
    assert not done.switched_from


def test_setting_the_same_address_again_changes_nothing(machine):
    *_, path = machine
    set_api(machine, "http://new:4200/api")
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    assert not set_api(machine, "http://new:4200/api/").changed
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_symlink_stays_a_symlink_and_a_mode_stays(machine, tmp_path):
    *_, path = machine
    dotfiles = tmp_path / "dotfiles.toml"
    written(dotfiles, COMMENTED)
    dotfiles.chmod(0o640)
    path.parent.mkdir()
    path.symlink_to(dotfiles)
    set_api(machine, "http://new:4200/api")
    assert path.is_symlink()
    assert "http://new" in dotfiles.read_text()
    assert dotfiles.stat().st_mode & 0o777 == 0o640


def test_a_new_file_is_private(machine):
    *_, path = machine
    set_api(machine)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    [
        'active = "a"\nprofiles.a.PREFECT_API_URL = "http://old/api"\n',
        'active = "a"\nprofiles = { a = { PREFECT_API_URL = "http://old/api" } }\n',
        "active = \"a\"\n[profiles.'a']\n'PREFECT_API_URL' = 'http://old/api'\n",
        'active = "a"\r\n[profiles.a]\r\nPREFECT_API_URL = "http://old/api"\r\n',
        'active = "a"\n[profiles.a]\nX = """\n[profiles.a]\nPREFECT_API_URL = "no"\n"""\n',
        '[profiles.a]\nPREFECT_API_URL = "http://old/api"',
        '[profiles]\n[profiles.a]\n[profiles.b]\nY = "1"\n',
    ],
)
def test_any_spelling_of_the_file_is_edited(machine, text):
    *_, path = machine
    written(path, "")
    path.write_bytes(text.encode())
    expected = tomllib.loads(text)
    set_api(machine, "http://new:4200/api", profile="a")
    expected["profiles"]["a"]["PREFECT_API_URL"] = "http://new:4200/api"
    assert tomllib.loads(path.read_bytes().decode()) == expected


NAMES = st.text(min_size=1, max_size=8).filter(lambda n: n.strip() and n != "ephemeral")


@settings(max_examples=150, deadline=None)
@given(
    document=st.dictionaries(
        NAMES, st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=3)
    ),
    name=NAMES,
    noise=st.text(alphabet="# \n\ta", max_size=10),
)
def test_an_edit_changes_one_value_and_no_other(tmp_path_factory, document, name, noise):
    home = tmp_path_factory.mktemp("home")
    path = home / "profiles.toml"
    text = writing.dump({"active": "x", "profiles": document})
    assert tomllib.loads(text) == {"active": "x", "profiles": document} or not document
    noisy = "".join(f"{line}\n# {noise!r}\n" for line in text.split("\n"))
    path.write_bytes(noisy.encode())
    environ = {"PREFECT_PROFILES_PATH": str(path), "HOME": str(home)}
    editing.set_api("http://new/api", name, check=False, folder=home, environ=environ)
    expected = {"active": "x", "profiles": {k: dict(v) for k, v in document.items()}}
    expected["profiles"].setdefault(name, {})["PREFECT_API_URL"] = "http://new/api"
    assert tomllib.loads(path.read_bytes().decode()) == expected
    assert f"# {noise!r}" in path.read_bytes().decode()


def test_a_folder_that_cannot_be_written_is_an_error_with_the_path(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", fail)
    path = tmp_path / "profiles.toml"
    with pytest.raises(ConfigError) as error:
        writing.write_profile(path, "local", {"A": "1"}, activate=True)
    assert (error.value.code, error.value.where) == ("unwritable-file", str(path))
