"""`flowship delete` as a user types it, against a real server."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from support.commands import PROGRAM, flowship, misfits, world
from support.deploying import Project
from support.shapes import DELETE

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server) -> Project:
    made = Project(prefect_server)
    made.deploy()
    return made


@pytest.fixture
def env(tmp_path, prefect_server):
    return world(tmp_path / "home", PREFECT_API_URL=prefect_server)


def test_a_dry_run_shows_what_would_be_deleted(project, env, tmp_path):
    options = ("--project", project.values["name"], "--dry-run", "--json")
    done = flowship("delete", *options, cwd=tmp_path, env=env, ok=True)
    assert [m for m in misfits(done.json, DELETE) if "is empty" not in m] == []
    assert (done.json["dry_run"], done.json["release"]) == (True, None)
    assert "nothing was changed (--dry-run)" in done.stderr
    assert project.stored()


def test_without_a_terminal_it_needs_yes(project, env, tmp_path):
    options = ("delete", "--project", project.values["name"], "--json")
    done = flowship(*options, cwd=tmp_path, env=env)
    assert (done.code, done.json["error"]["code"]) == (2, "confirmation-required")
    assert project.stored()
    done = flowship(*options, "--yes", cwd=tmp_path, env=env, ok=True)
    assert done.json["release"] == 2
    assert done.stderr.count("delete deployment ") == 1, "the plan is shown once"
    assert project.api.deployment_by_name(project.facts["flow_name"], "nightly") is None


def test_what_the_configuration_still_has_is_named_with_its_place(project, env, tmp_path):
    name = project.values["name"]
    file = tmp_path / "flowship.toml"
    file.write_text(
        f'name = "{name}"\nentrypoint = "flow.py:flow"\n\n[[deployments]]\nname = "nightly"\n'
    )
    place = f"{file}:5:1"
    note = f"so the next deploy creates it again: remove it at {place}"
    full = f"{project.facts['flow_name']}/nightly"
    done = flowship("delete", "nightly", "--dry-run", "--json", cwd=tmp_path, env=env, ok=True)
    assert done.json["configured"] == {full: place}
    assert f"note: the configuration still has {full}, {note}" in done.stderr
    options = ("--project", name, "--dry-run", "--json")
    (tmp_path / "elsewhere").mkdir()
    done = flowship("delete", *options, cwd=tmp_path / "elsewhere", env=env, ok=True)
    assert done.json["configured"] == {}
    file.write_text(file.read_text().replace("nightly", "other"))
    done = flowship("delete", "--dry-run", "--json", cwd=tmp_path, env=env, ok=True)
    assert (done.json["deployments"], done.json["configured"]) == ([full], {})
    file.write_text(file.read_text().replace("other", "nightly"))
    done = flowship("delete", "nightly", "--yes", cwd=tmp_path, env=env, ok=True)
    assert done.stderr.count(note) == 1
    assert done.stderr.rstrip().endswith(note)


def test_on_a_terminal_only_a_yes_deletes(project, env, tmp_path):
    master, slave = pty.openpty()
    asking = subprocess.Popen(
        [str(PROGRAM), "delete", "--project", project.values["name"]], cwd=tmp_path, env=env,
        stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.write(master, b"n\n")
    stdout, stderr = asking.communicate(timeout=60)
    os.close(master)
    os.close(slave)
    assert (asking.returncode, stdout) == (0, "")
    assert "Delete? [y/N]" in stderr
    assert project.stored()
