"""A run that the server believes to be at work, and whose container is gone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from docker.models.containers import Container

from flowship import scope
from flowship.doctor import runs
from flowship.doctor.result import Finding, Severity
from flowship.doctor.world import World
from flowship.engine.client import connect
from flowship.prefect.client import PrefectApi
from support.deploying import Target, send_until_accepted

pytestmark = [pytest.mark.engine, pytest.mark.server]


class Run:
    """A run of a deployment of its own, which the server counts as running."""

    def __init__(self, url: str) -> None:
        self.url, name = url, f"run-{uuid.uuid4().hex[:8]}"
        self.worker = f"worker-{name}"
        flow = self.send("/flows/", {"name": name})["id"]
        self.deployment = self.send("/deployments/", {"name": name, "flow_id": flow})
        labels = {"prefect.worker.name": self.worker}
        body = {"flow_id": flow, "deployment_id": self.deployment["id"], "labels": labels}
        made = self.send("/flow_runs/", {**body, "state": {"type": "RUNNING"}})
        self.id, self.name = made["id"], made["name"]
        pid = {"infrastructure_pid": f"http+docker://localhost:{'0' * 64}"}
        send_until_accepted("PATCH", f"{url}/flow_runs/{self.id}", pid)

    def send(self, path: str, body: object) -> dict:
        return dict(send_until_accepted("POST", self.url + path, body).json())

    @contextmanager
    def container(self, engine, image: str, run: str = "") -> Iterator[Container]:
        """A container that the run's worker could have started."""
        labels = {
            "io.prefect.flow-run-id": run or self.id,
            "io.prefect.worker-name": self.worker,
        }
        made = engine.containers.run(
            image, ["sleep", "600"], entrypoint=[], labels=labels, detach=True
        )
        try:
            yield made
        finally:
            made.remove(force=True)

    def examined(self, tmp_path) -> Finding:
        world = World(tmp_path, scope.Scope("trips"), environ={"HOME": str(tmp_path)})
        world.deployments = (self.deployment,)
        world.connected_api = PrefectApi(Target(self.url))
        world.connected_engine = connect()
        return runs.zombies(world)


@pytest.fixture
def run(prefect_server) -> Run:
    return Run(prefect_server)


def test_a_run_whose_container_was_killed(engine, prefect_image, run, tmp_path):
    with run.container(engine, prefect_image) as started:
        assert run.examined(tmp_path).found == "1 at work"
        started.kill("SIGKILL")
        started.wait()
        found = run.examined(tmp_path)
    assert found.severity is Severity.WARNING
    assert run.name in found.found
    assert found.remedy == f"`flowship cancel {run.id}`"


def test_a_run_whose_container_was_removed_from_the_engine_of_its_worker(
    engine, prefect_image, run, tmp_path
):
    with run.container(engine, prefect_image, "00000000-0000-0000-0000-000000000000"):
        assert run.examined(tmp_path).severity is Severity.WARNING


def test_a_run_in_another_engine_is_ok(run, tmp_path):
    assert run.examined(tmp_path).severity is Severity.OK
