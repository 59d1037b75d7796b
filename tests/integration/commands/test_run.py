"""`flowship run` as a process, against a real Prefect server."""

from __future__ import annotations

import re

import pytest

from support.commands import Running, ask, one_object
from support.deploying import Project

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    project = Project(prefect_server)
    project.deploy()
    return project


def test_a_run_is_started_with_its_parameters_and_stdout_is_its_id(cli, project):
    env = {"PREFECT_API_URL": project.api.url}
    done = cli("run", f"flow-{project.tag}/nightly", "-p", "months=[3]", env=env)
    assert done.code == 0, done.stderr
    run = project.api.run(done.stdout.strip())
    assert run["parameters"]["months"] == [3]
    assert f"started {run['name']} of flow-{project.tag}/nightly" in done.stderr


def test_an_unknown_deployment_is_a_usage_error_with_its_code(cli, project):
    env = {"PREFECT_API_URL": project.api.url}
    done = cli("run", f"flow-{project.tag}/nightli", "--json", env=env)
    assert done.code == 2
    error = one_object(done.stdout)["error"]
    assert error["code"] == "deployment-not-found"
    assert "nightly" in error["hint"]


@pytest.mark.parametrize(("state", "code"), [("COMPLETED", 0), ("FAILED", 8)])
def test_a_watched_run_gives_its_state_and_its_exit_code(project, tmp_path, state, code):
    env = {"PREFECT_API_URL": project.api.url}
    name = f"flow-{project.tag}/nightly"
    with Running("run", name, "--watch", cwd=tmp_path, env=env) as running:
        running.until("• Scheduled")
        deployment = project.stored()["id"]
        runs = project.api.runs_of(deployment)
        (run,) = [run for run in runs if not run["auto_scheduled"]]
        body = {"state": {"type": state, "name": state.capitalize()}, "force": True}
        ask(project.api.url, f"/flow_runs/{run['id']}/set_state", body)
        ended = running.ended()
    assert (ended.code, ended.stdout) == (code, f"{state}\n")
    assert [line for line in ended.stderr.splitlines() if line != line.rstrip()] == []


def test_ctrl_c_stops_the_watching_and_says_how_to_cancel_the_run(project, tmp_path):
    env = {"PREFECT_API_URL": project.api.url}
    with Running("run", f"flow-{project.tag}/nightly", "-w", cwd=tmp_path, env=env) as running:
        running.until("• Scheduled")
        ended = running.interrupt()
    assert ended.code == 130
    assert "stopped watching; the run continues" in ended.stderr
    assert re.search(r"cancel: `flowship cancel [0-9a-f-]{36}`", ended.stderr)
