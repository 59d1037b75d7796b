"""Advice that names Prefect's program works on this machine."""

from __future__ import annotations

import shlex
import subprocess
import sys

from flowship.prefect.command import choose_profile, prefect_command, set_api_command, up_command


def test_where_prefect_is_on_path_the_advice_is_short(tmp_path, monkeypatch):
    program = tmp_path / "prefect"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert prefect_command("worker start --pool a") == "prefect worker start --pool a"


def test_elsewhere_the_advice_runs_the_prefect_that_flowship_is_installed_with(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    command = prefect_command("--help")
    assert shlex.split(command) == [sys.executable, "-m", "prefect", "--help"]
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
    assert "prefect" in done.stdout


def test_an_installation_in_a_folder_with_blanks_can_be_pasted(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/opt/my tools/bin/python")
    assert shlex.split(prefect_command("version"))[0] == "/opt/my tools/bin/python"


def test_a_profile_that_is_not_the_active_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "python")
    choose_profile("my staging")
    try:
        assert (
            prefect_command("version") == "PREFECT_PROFILE='my staging' python -m prefect version"
        )
        assert up_command() == "PREFECT_PROFILE='my staging' flowship up"
        assert set_api_command() == "flowship profile set-api URL --profile 'my staging'"
    finally:
        choose_profile("")
    assert prefect_command("version") == "python -m prefect version"
    assert up_command("down") == "flowship down"
