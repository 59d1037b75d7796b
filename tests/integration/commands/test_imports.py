"""Start-up time: what each command may import, read from `sys.modules` when it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid

import pytest

from support.commands import flowship, world
from support.projects import FLOW, remove_images, write

# Writes the names of all imported modules when the command ends, also after an error.
DRIVER = """
import atexit, json, os, sys
from pathlib import Path
target, *sys.argv[1:] = sys.argv[1:]
atexit.register(lambda: Path(target).write_text(json.dumps(sorted(sys.modules))))
from flowship.cli import main
main()
"""

NEVER = {"prefect", "prefect_docker", "prefect_gcp", "pandas", "pyarrow", "numpy"}
NETWORK = {"docker", "httpx", "requests", "urllib3"}
HEAVY = {"jinja2", "croniter", "tomllib", "rich.live"}


@pytest.fixture
def imported(tmp_path):
    """Runs a command in its own Python process; returns the modules that it has imported."""

    def run(*arguments, cwd, env=None, codes=(0,)):
        target = tmp_path / "modules.json"
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, str(target), *arguments],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in codes, done.stderr
        modules = set(json.loads(target.read_text()))
        assert "flowship.cli" in modules
        return modules

    return run


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["ship", "--help"], ["profile", "--help"]], ids=str
)
def test_help_imports_nothing_slow(imported, tmp_path, arguments):
    modules = imported(*arguments, cwd=tmp_path)
    assert modules & (NEVER | NETWORK | HEAVY) == set()
    if len(arguments) == 1:  # Typer itself may import pydantic for the help of a command
        assert "pydantic" not in modules


def test_the_check_of_a_correct_file_needs_no_engine_and_no_network(imported, tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "Dockerfile").write_text(
        "FROM python:3.11\nCOPY flow.py /opt/prefect/flows/flow.py\n"
    )
    modules = imported("check", cwd=tmp_path)
    assert "flowship.dockerfile" in modules
    assert modules & (NEVER | NETWORK) == set()
    modules = imported("check", "Dockerfile", cwd=tmp_path)
    assert modules & (NEVER | NETWORK) == set()


def test_the_check_of_a_project_imports_neither_its_flow_nor_prefect(imported, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder, "python:3.11", {"flow.py": "import pandas\n" + FLOW})
    assert imported("check", cwd=folder) & (NEVER | NETWORK) == set()


@pytest.mark.engine
@pytest.mark.server
def test_doctor_imports_neither_prefect_nor_pandas(imported, tmp_path, prefect_server):
    env = world(tmp_path, PREFECT_API_URL=prefect_server)
    # What else is wrong on this machine, such as a full disk, is not this test's subject.
    modules = imported("doctor", cwd=tmp_path, env=env, codes=(0, 3))
    assert "flowship.doctor.catalog" in modules
    assert modules & NEVER == set()
    assert (
        imported("unlock", "--project", "x", cwd=tmp_path, env=env, codes=(2,))
        & (NEVER | {"docker"})
        == set()
    )


def test_profiles_are_read_without_prefect(imported, tmp_path):
    assert imported("profile", "ls", cwd=tmp_path) & (NEVER | NETWORK) == set()


@pytest.mark.engine
@pytest.mark.server
def test_deploy_of_a_probed_image_imports_neither_prefect_nor_pandas(
    imported, tmp_path, base_image, engine, prefect_server
):
    folder = tmp_path / f"t{uuid.uuid4().hex[:10]}"
    folder.mkdir()
    env = world(tmp_path, PREFECT_API_URL=prefect_server, FLOWSHIP_WORK_POOL=folder.name)
    try:
        flowship("build", cwd=write(folder, base_image), env=env, ok=True)
        modules = imported("deploy", "--cron", "0 5 * * *", cwd=folder, env=env)
        assert {"docker", "httpx", "flowship.deploy"} <= modules
        assert modules & NEVER == set()
        modules = imported("run", cwd=folder, env=env)
        assert modules & (NEVER | {"docker"}) == set()
        modules = imported("logs", cwd=folder, env=env)
        assert modules & (NEVER | {"docker"}) == set()
        assert imported("ps", cwd=folder, env=env) & NEVER == set()
        modules = imported("cancel", folder.name, cwd=folder, env=env)
        assert modules & (NEVER | {"docker"}) == set()
    finally:
        remove_images(engine, folder.name)
