"""`flowship history` as a user types it, against a real server."""

from __future__ import annotations

import pytest

from support.commands import flowship, misfits, world
from support.deploying import Project
from support.shapes import HISTORY, RELEASE

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server) -> Project:
    return Project(prefect_server)


@pytest.fixture
def env(tmp_path, prefect_server):
    return world(tmp_path / "home", PREFECT_API_URL=prefect_server)


def test_it_lists_releases_of_a_project_in_any_folder(project, env, tmp_path):
    project.deploy()
    project.configure(tags=["x"])
    project.deploy()
    name = project.values["name"]
    done = flowship("history", "--project", name, cwd=tmp_path, env=env, ok=True)
    assert "taxi" not in done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == ["2", "1"]
    assert f"    flow-{project.tag}/nightly: tags" in lines
    found = flowship("history", "--project", name, "--json", cwd=tmp_path, env=env, ok=True).json
    # The operations of a release may change no field, and its deployments have no labels.
    assert [m for m in misfits(found, HISTORY) if "is empty" not in m] == []
    assert [each["number"] for each in found["releases"]] == [2, 1]
    short = flowship("history", "--project", name, "-n", "1", cwd=tmp_path, env=env, ok=True)
    assert len(short.stdout.splitlines()) == 3


def test_one_release_is_shown_in_full(project, env, tmp_path):
    project.deploy()
    options = ("--project", project.values["name"])
    done = flowship("history", "1", *options, cwd=tmp_path, env=env, ok=True)
    for part in ("release 1 of", "every day at 05:00 Pacific/Auckland", "/artifacts/artifact/"):
        assert part in done.stdout
    found = flowship("history", "1", *options, "--json", cwd=tmp_path, env=env, ok=True).json
    assert [m for m in misfits(found["release"], RELEASE) if "is empty" not in m] == []


def test_a_release_that_does_not_exist_is_an_error(project, env, tmp_path):
    project.deploy()
    options = ("--project", project.values["name"], "--json")
    done = flowship("history", "7", *options, cwd=tmp_path, env=env)
    assert (done.code, done.json["error"]["code"]) == (2, "release-not-found")


def test_a_project_without_a_release_says_so(env, tmp_path):
    (tmp_path / "flowship.toml").write_text('name = "never-shipped"\nentrypoint = "f.py:f"\n')
    done = flowship("history", cwd=tmp_path, env=env, ok=True)
    assert "never-shipped has no release" in done.stdout
