"""The environments of the other Pythons; uv is replaced by a recorder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from parts import pythons


@pytest.fixture
def uv(tmp_path, monkeypatch):
    """The uv commands that would run; environments are created in a temporary folder."""
    commands: list[tuple[str, ...]] = []

    def record(*arguments: str) -> None:
        commands.append(arguments)
        if arguments[0] == "venv":
            Path(arguments[-1]).mkdir(parents=True)

    monkeypatch.setattr(pythons, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(pythons, "_uv", record)
    return commands


def interpreter(path: Path, version: str, code: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\nexit {code}\n")
    path.chmod(0o755)


def test_the_running_python_is_not_one_of_the_others():
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert {running, *pythons.OTHERS} == {running, *pythons.VERSIONS}
    assert running not in pythons.OTHERS


def test_an_interpreter_on_the_path_is_found(tmp_path, monkeypatch):
    interpreter(tmp_path / "bin" / "python3.12", "3.12")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert pythons.find("3.12") == str(tmp_path / "bin" / "python3.12")


def test_a_pyenv_shim_that_fails_is_skipped_in_favour_of_the_installed_version(
    tmp_path, monkeypatch
):
    interpreter(tmp_path / "shims" / "python3.12", "not selected", code=127)
    installed = tmp_path / "pyenv" / "versions" / "3.12.7" / "bin" / "python"
    interpreter(installed, "3.12")
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert pythons.find("3.12") == str(installed)


def test_a_version_that_is_not_installed_is_not_found(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert pythons.find("3.12") is None


def test_an_environment_is_created_once_from_the_lock_with_hashes(uv):
    assert not pythons.is_ready("3.12")
    pythons.prepare("3.12", "/usr/bin/python3.12")
    assert pythons.is_ready("3.12")
    assert [command[:2] for command in uv] == [
        ("venv", "--clear"),
        ("pip", "sync"),
        ("pip", "install"),
    ]
    assert "--require-hashes" in uv[1]
    pythons.prepare("3.12", "/usr/bin/python3.12")
    assert len(uv) == 3


def test_a_changed_lock_creates_the_environment_again(uv, monkeypatch):
    pythons.prepare("3.12", "/usr/bin/python3.12")
    monkeypatch.setattr(pythons, "_fingerprint", lambda: "changed")
    assert not pythons.is_ready("3.12")


def test_a_python_that_cannot_be_prepared_is_reported_and_the_others_follow(
    uv, monkeypatch, capsys
):
    def prepare(version: str, _interpreter: str) -> None:
        prepared.append(version)
        if version == "3.12":
            raise pythons.CannotPrepare("uv venv: no such file")

    prepared: list[str] = []
    monkeypatch.setattr(pythons, "OTHERS", ("3.10", "3.12", "3.13", "3.14"))
    monkeypatch.setattr(pythons, "find", lambda version: None if version == "3.10" else "python")
    monkeypatch.setattr(pythons, "prepare", prepare)
    assert pythons.main() == 0
    assert prepared == ["3.12", "3.13", "3.14"]
    assert "!!! Python 3.12 cannot be tested: uv venv: no such file" in capsys.readouterr().err
