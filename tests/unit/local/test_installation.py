"""The command that installs a package where flowship is installed."""

from __future__ import annotations

import shlex
import subprocess
import venv
from pathlib import Path

import pytest

from flowship.local import installation

REQUIREMENT = "fastapi<0.151"


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """An environment that flowship seems to be installed in, with pip on PATH."""
    programs = tmp_path / "flowship" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "pip"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setattr(installation.sys, "prefix", str(programs.parent))
    monkeypatch.setattr(installation.sys, "executable", str(programs / "python"))
    monkeypatch.setattr(installation, "find_spec", lambda name: object())
    monkeypatch.setenv("PATH", str(programs))
    return programs.parent


def test_pip_of_the_active_environment(environment):
    assert installation.install_command(REQUIREMENT) == "pip install 'fastapi<0.151'"


@pytest.mark.parametrize("path", ["", "/usr/bin:/bin"])
def test_pip_of_an_environment_that_is_not_active(environment, monkeypatch, path):
    monkeypatch.setenv("PATH", path)
    command = installation.install_command(REQUIREMENT)
    assert command == f"{environment}/bin/python -m pip install 'fastapi<0.151'"


def test_pipx_adds_the_package_to_its_environment(environment):
    (environment / "pipx_metadata.json").write_text("{}")
    command = installation.install_command(REQUIREMENT)
    assert command == "pipx inject flowship 'fastapi<0.151'"


def test_an_environment_of_uv_has_no_pip(environment, monkeypatch):
    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    command = installation.install_command(REQUIREMENT)
    assert command == f"uv pip install --python {environment}/bin/python 'fastapi<0.151'"


def test_the_command_works_in_a_real_environment(tmp_path):
    """It is run by a shell, for a package that is a file here."""
    package = tmp_path / "a package"
    package.mkdir()
    (package / "setup.py").write_text("from setuptools import setup\nsetup(name='x')\n")
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    source = Path(installation.__file__)
    asked = "from installation import install_command as i; import sys; print(i(sys.argv[1]))"
    command = subprocess.run(
        [python, "-c", asked, str(package)],
        cwd=source.parent, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    assert command == f"{python} -m pip install {shlex.quote(str(package))}"
    done = subprocess.run(
        ["sh", "-c", f"{command} --dry-run --no-deps --no-index --no-build-isolation"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Processing" in done.stdout


def test_a_module_is_found_among_the_requirements():
    assert installation.requirement_of("prefect_docker.worker").startswith("prefect-docker")
    assert installation.requirement_of("typer").startswith("typer")
    assert installation.requirement_of("prefect_dask") == ""  # only an extra has it
    assert installation.requirement_of("yaml") == ""
