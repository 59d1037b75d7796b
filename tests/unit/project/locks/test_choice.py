"""Which lockfile is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowship.config import loading
from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.project import requirements
from flowship.project.locks import choice
from support.lock_tools import pylock

PYLOCK = pylock("prefect", "3.6.13")


def settings(folder: Path, more: str = "", **environ: str) -> Settings:
    (folder / "flowship.toml").write_text(f'entrypoint = "flow.py:f"\n{more}')
    return loading.load(folder, environ=environ)


def chosen(folder: Path, more: str = "", **environ: str) -> str | None:
    path = choice.chosen(settings(folder, more, **environ))
    return path.relative_to(folder).as_posix() if path else None


@pytest.mark.parametrize(
    "name", ["uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml"]
)
def test_a_lockfile_in_the_project_is_found(tmp_path, name):
    assert chosen(tmp_path) is None
    (tmp_path / name).write_text("")
    assert chosen(tmp_path) == name
    assert chosen(tmp_path, "lock = false\n") is None
    assert chosen(tmp_path, FLOWSHIP_LOCK="false") is None


def test_two_lockfiles_are_both_named(tmp_path):
    (tmp_path / "uv.lock").write_text("")
    (tmp_path / "poetry.lock").write_text("")
    with pytest.raises(ConfigError, match=r"uv\.lock, poetry\.lock") as caught:
        chosen(tmp_path)
    assert caught.value.code == "lock-ambiguous"
    assert 'lock = "uv.lock"' in caught.value.hint
    assert chosen(tmp_path, 'lock = "poetry.lock"\n') == "poetry.lock"


def test_a_named_lockfile_may_be_in_a_folder_of_the_project(tmp_path):
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "pylock.flows.toml").write_text(PYLOCK)
    more = 'lock = "envs/pylock.flows.toml"\n'
    assert chosen(tmp_path, more) == "envs/pylock.flows.toml"
    found = requirements.read(settings(tmp_path, more))
    assert found.text == "prefect==3.6.13 --hash=sha256:aa\n"
    assert found.shown == "envs/pylock.flows.toml (PEP 751)"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nope.lock", "lock-not-found"),
        ("other.lock", "lock-unknown"),
        ("../uv.lock", "outside-project"),
    ],
)
def test_a_named_lockfile_that_cannot_be_used_is_an_error(tmp_path, name, code):
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "other.lock").write_text("")
    (tmp_path / "uv.lock").write_text("")
    with pytest.raises(ConfigError) as caught:
        chosen(folder, f'lock = "{name}"\n')
    assert caught.value.code == code
    assert caught.value.where.endswith("flowship.toml:2:1")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", '[[package]]\nname = "prefect"\nversion = "3.6.13"\n'),
        ("pylock.toml", PYLOCK),
        ("Pipfile.lock", '{"default": {"prefect": {"hashes": ["x"], "version": "==3.6.13"}}}'),
    ],
)
def test_the_locked_version_of_a_package_is_known_without_a_tool(tmp_path, name, text):
    assert choice.pinned(tmp_path, "prefect") is None
    (tmp_path / name).write_text(text)
    assert choice.pinned(tmp_path, "prefect") == (name, "3.6.13")
    assert choice.pinned(tmp_path, "pandas") == (name, "")


def test_an_unchanged_lockfile_is_exported_once(tmp_path, monkeypatch):
    (tmp_path / "pylock.toml").write_text(PYLOCK)
    first = requirements.read(settings(tmp_path))
    monkeypatch.setattr(choice, "EXPORTERS", ())  # nothing can export it a second time
    here = settings(tmp_path)
    with pytest.raises(ConfigError):
        choice.exporter_of(tmp_path / "pylock.toml")
    assert choice.export(tmp_path / "pylock.toml", here).pinned == (first.text.strip(),)
