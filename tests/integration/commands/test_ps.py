"""`flowship ps` as a process, against a real Prefect server."""

from __future__ import annotations

import uuid

import pytest

from flowship.runs.find import find
from flowship.runs.start import start
from support.commands import misfits, one_object
from support.deploying import Project
from support.shapes import PS

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    made = Project(prefect_server)
    made.deploy()
    return made


def test_a_run_without_an_engine_is_listed_with_a_warning(cli, project):
    env = {"PREFECT_API_URL": project.api.url, "DOCKER_HOST": "unix:///no/such.sock"}
    name = f"flow-{project.tag}/nightly"
    assert "no run is going on" not in cli("ps", name, env=env).stderr
    run = start(project.api, find(project.api, name))
    done = cli("ps", name, env=env)
    assert done.code == 0
    assert done.stdout.splitlines() == [
        f"{run.name} of {name}: Scheduled",
        f"  run         {run.id}",
        "  container   unknown",
    ]
    assert "the containers are unknown: cannot connect to a container engine" in done.stderr
    answer = one_object(cli("ps", name, "--json", env=env).stdout)
    assert misfits(answer, PS) == []


@pytest.mark.engine
def test_nothing_that_goes_on_is_an_empty_list(cli, project, engine):
    done = cli("ps", f"flow-{project.tag}/nightly", env={"PREFECT_API_URL": project.api.url})
    assert (done.code, done.stdout) == (0, "")
    assert "no run is going on" in done.stderr


@pytest.mark.engine
def test_without_a_server_the_containers_are_listed_with_a_warning(cli, engine, base_image):
    run = str(uuid.uuid4())
    made = engine.containers.run(
        base_image, ["sleep", "600"], entrypoint="", labels={"io.prefect.flow-run-id": run},
        detach=True,
    )  # fmt: skip
    try:
        done = cli("ps", "--json", env={"PREFECT_API_URL": "http://127.0.0.1:9/api"})
    finally:
        made.remove(force=True)
    assert done.code == 0, done.stderr
    answer = one_object(done.stdout)
    assert run in {row["id"] for row in answer["runs"]}
    (warning,) = answer["warnings"]
    assert warning.startswith("the states of the runs are unknown: the Prefect API at http")
    assert warning.endswith("; `flowship up` starts a local server")


def test_without_a_server_and_an_engine_it_is_an_error(cli):
    env = {"PREFECT_API_URL": "http://127.0.0.1:9/api", "DOCKER_HOST": "unix:///no/such.sock"}
    assert cli("ps", env=env).code == 7
