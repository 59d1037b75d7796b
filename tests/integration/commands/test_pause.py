"""`flowship pause` and `flowship resume` as a user types them, against a real server."""

from __future__ import annotations

import pytest

from support.commands import flowship, misfits, one_object, world
from support.deploying import Project
from support.shapes import ERROR, PAUSE

pytestmark = pytest.mark.server


@pytest.fixture
def deployed(prefect_server: str) -> Project:
    made = Project(prefect_server)
    made.deploy()
    return made


@pytest.fixture
def run(deployed, tmp_path, prefect_server):
    """Runs a command in the project's folder, with a half-edited configuration."""
    folder = tmp_path / "project"
    folder.mkdir()
    text = f'name = "{deployed.values["name"]}"\nbase-imge = "half edited"\n'
    (folder / "flowship.toml").write_text(text)
    env = world(tmp_path / "home", PREFECT_API_URL=prefect_server)

    def run(*arguments: str, cwd=folder):
        return flowship(*arguments, cwd=cwd, env=env, timeout=60)

    return run


def test_the_projects_only_deployment_is_paused_and_resumed_with_half_done_edits(run, deployed):
    name = f"flow-{deployed.tag}/nightly"
    done = run("pause")
    assert (done.code, done.stdout) == (0, f"{name}\n")
    assert "warning: " in done.stderr
    assert 'unknown key "base-imge"' in done.stderr
    assert f"✓ paused {name}" in done.stderr
    assert deployed.stored()["paused"]
    assert f"{name} is already paused" in run("pause", "nightly").stderr
    done = run("resume", name)
    assert f"✓ resumed {name}" in done.stderr
    assert "next run: " in done.stderr
    assert not deployed.stored()["paused"]
    assert f"{name} is not paused" in run("resume").stderr


def test_one_schedule(run, deployed):
    done = run("pause", "--schedule", "daily-0500")
    assert (done.code, deployed.stored()["paused"]) == (0, False)
    assert not deployed.schedules()[0]["active"]
    assert "every day at 05:00 Pacific/Auckland" in done.stderr
    done = run("resume")
    assert "the schedule daily-0500 is still paused" in done.stderr
    run("resume", "--schedule", "daily-0500")
    assert deployed.schedules()[0]["active"]
    assert run("pause", "--schedule", "hourly").code == 2


def test_in_any_folder_with_the_name_of_the_project_or_of_the_deployment(run, deployed, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "other.py").write_text("")
    project, name = deployed.values["name"], f"flow-{deployed.tag}/nightly"
    assert run("pause", "--project", project, cwd=elsewhere).code == 0
    assert deployed.stored()["paused"]
    assert run("resume", name, cwd=elsewhere).code == 0
    assert not deployed.stored()["paused"]
    done = run("pause", cwd=elsewhere)
    assert (done.code, "--project NAME" in done.stderr) == (3, True)


def test_all_deployments_of_the_project(run, deployed):
    deployed.values["deployments"] = [{"name": "nightly"}, {"name": "hourly"}]
    deployed.deploy()
    done = run("pause", "--json")
    error = one_object(done.stdout)
    assert misfits(error, ERROR) == []
    assert error["error"]["code"] == "deployment-name-required"
    done = run("pause", "--all", "--json")
    found = one_object(done.stdout)
    assert misfits(found, PAUSE) == []
    assert [each["name"].rpartition("/")[2] for each in found["deployments"]] == [
        "hourly",
        "nightly",
    ]
    assert all(each["changed"] and each["paused"] for each in found["deployments"])
    for more in (["nightly"], ["--schedule", "x"]):
        assert run("resume", "--all", *more).code == 2


def test_a_project_that_demands_an_environment_is_not_changed_without_one(run, deployed, tmp_path):
    config = tmp_path / "project" / "flowship.toml"
    named = '[[deployments]]\nname = "nightly"\n'  # a release of this environment has none
    config.write_text(f"require-env = true\n{config.read_text()}[env.production]\n{named}")
    done = run("pause")
    assert (done.code, "no environment is chosen" in done.stderr) == (2, True)
    assert not deployed.stored()["paused"]
    assert run("pause", "--env", "production").code == 0
