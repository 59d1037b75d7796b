"""`flowship cancel` as a process, against a real Prefect server. There is no worker."""

from __future__ import annotations

import pytest

from flowship.runs.find import find
from flowship.runs.start import start
from support.commands import misfits, one_object
from support.deploying import Project
from support.running import Container
from support.shapes import CANCEL

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    made = Project(prefect_server)
    made.deploy()
    return made


@pytest.fixture
def container(project: Project) -> Container:
    run = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
    return Container(project, run.id)


@pytest.fixture
def cancel(cli, project):
    def run(*arguments: str):
        return cli("cancel", *arguments, env={"PREFECT_API_URL": project.api.url})

    return run


def test_a_run_that_has_not_started_is_canceled_at_once(cancel, project, container):
    done = cancel(f"flow-{project.tag}/nightly")
    assert (done.code, done.stdout) == (0, "CANCELLED\n"), done.stderr
    assert project.api.run(container.run_id)["state"]["type"] == "CANCELLED"


def test_a_run_that_has_ended_stays_as_it_is(cancel, project, container):
    container.state("COMPLETED")
    done = cancel(container.run_id)
    assert (done.code, done.stdout) == (0, "COMPLETED\n")
    assert "has already ended: Completed; nothing was canceled" in done.stderr


def test_force_ends_a_run_on_another_machine_and_its_child_runs(cancel, project, container):
    container.state("RUNNING")
    flow = project.api.create_flow(f"flow-{project.tag}")["id"]
    task = {"flow_run_id": container.run_id, "task_key": "child", "dynamic_key": "0"}
    task_id = container.post("/task_runs/", task)["id"]
    body = {"flow_id": flow, "parent_task_run_id": task_id, "state": {"type": "RUNNING"}}
    child = container.post("/flow_runs/", body)["id"]
    done = cancel(container.run_id[:8], "--force", "--json")
    assert done.code == 0, done.stderr
    assert misfits(one_object(done.stdout), CANCEL) == []
    assert one_object(done.stdout)["outcome"] == "forced"
    for run in (container.run_id, child):
        assert project.api.run(run)["state"]["type"] == "CANCELLED"


def test_without_a_worker_the_run_stays_canceling_and_the_error_says_how_to_force_it(
    cancel, project, container
):
    container.state("RUNNING")
    done = cancel(container.run_id, "--json")
    assert done.code == 8
    error = one_object(done.stdout)["error"]
    assert error["code"] == "run-still-cancelling"
    assert f"flowship cancel {container.run_id} --force" in error["hint"]
    assert project.api.run(container.run_id)["state"]["type"] == "CANCELLING"
