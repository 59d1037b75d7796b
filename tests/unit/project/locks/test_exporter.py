"""Running the tool of a lockfile."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from flowship.errors import ConfigError
from flowship.project.locks import exporter


def tool(folder: Path, text: str) -> Path:
    """A program called uv in `folder`; returns a lockfile."""
    folder.mkdir(exist_ok=True)
    path = folder / "uv"
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{text}\n")
    path.chmod(0o755)
    return folder.parent / "uv.lock"


def test_what_a_failing_tool_prints_is_shown_without_colors_and_secrets(tmp_path, monkeypatch):
    lock = tool(
        tmp_path / "bin",
        "sys.stderr.write('\\x1b[31mbad\\x1b[0m https://me:hunter2@example.com/x'); sys.exit(3)",
    )
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    done = exporter.run(lock, "uv")
    with pytest.raises(ConfigError) as caught:
        exporter.require_success(lock, done, "uv export")
    assert caught.value.code == "lock-export-failed"
    assert caught.value.details.startswith("bad https://me:")
    assert "hunter2" not in caught.value.details
    assert "\x1b" not in caught.value.details


def test_a_tool_that_hangs_is_ended(tmp_path, monkeypatch):
    lock = tool(tmp_path / "bin", "time.sleep(60)")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(exporter, "SECONDS", 0.5)
    with pytest.raises(ConfigError, match="took longer than"):
        exporter.run(lock, "uv", "export")


def test_the_project_s_own_program_is_never_run(tmp_path, monkeypatch):
    lock = tool(tmp_path / "p", "print('attack')")
    monkeypatch.chdir(tmp_path / "p")
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", str(tmp_path / "nothing")]))
    monkeypatch.setattr("sys.executable", str(tmp_path / "bin" / "python"))
    with pytest.raises(ConfigError) as caught:
        exporter.run(lock, "uv")
    assert caught.value.code == "lock-tool-missing"


def test_a_tool_gets_neither_the_environment_of_flowship_nor_its_variables(tmp_path, monkeypatch):
    lock = tool(tmp_path / "bin", "print(*sorted(os.environ))")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("VIRTUAL_ENV", "FLOWSHIP_REGISTRY_PASSWORD", "PREFECT_API_KEY", "UV_INDEX_URL"):
        monkeypatch.setenv(name, "x")
    names = exporter.run(lock, "uv").stdout.split()
    assert "UV_INDEX_URL" in names
    assert not {"VIRTUAL_ENV", "FLOWSHIP_REGISTRY_PASSWORD", "PREFECT_API_KEY"} & set(names)


def test_a_copy_has_only_the_named_files(tmp_path):
    for name in ("pdm.lock", "pyproject.toml", ".env", "pdm.toml"):
        (tmp_path / name).write_text("x")
    with exporter.copied(tmp_path / "pdm.lock", "pyproject.toml") as copy:
        assert sorted(p.name for p in copy.folder.iterdir()) == ["pdm.lock", "pyproject.toml"]
    assert not copy.top.exists()
    with (
        pytest.raises(ConfigError, match=r"pdm\.lock was made from Pipfile"),
        exporter.copied(tmp_path / "pdm.lock", "Pipfile"),
    ):
        pass
