"""A run that the server believes to be at work, and whose container is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from docker.models.containers import Container

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("doctor")]


@pytest.fixture
def run(healthy):
    """A run that the server counts as running, by a worker of this engine."""
    deployment = healthy.send("GET", "/deployments/name/hello/nightly")
    wanted = {"flow_id": deployment["flow_id"], "deployment_id": deployment["id"]}
    labels = {"prefect.worker.name": "taker"}
    body = {**wanted, "state": {"type": "RUNNING"}, "labels": labels}
    made = healthy.send("POST", "/flow_runs/", body)
    path = f"/flow_runs/{made['id']}"
    healthy.send("PATCH", path, {"infrastructure_pid": f"http+docker://localhost:{'0' * 64}"})
    yield made
    healthy.send("DELETE", path)


@contextmanager
def container(engine, healthy, command: list[str], run: str) -> Iterator[Container]:
    """A container that a docker worker could have started."""
    image = engine.images.get(healthy.block()["data"]["image"].partition("@")[0]).id
    labels = {"io.prefect.flow-run-id": run, "io.prefect.worker-name": "taker"}
    made = engine.containers.run(image, command, entrypoint=[], labels=labels, detach=True)
    try:
        yield made
    finally:
        made.remove(force=True)


def test_a_run_whose_container_was_killed(healthy, engine, run):
    with container(engine, healthy, ["sleep", "600"], run["id"]) as started:
        assert healthy.problems() == {}
        assert healthy.says("running-runs").strip() == "1 at work"
        started.kill("SIGKILL")
        assert healthy.problems() == {"running-runs": "warning"}
    assert run["name"] in healthy.says("running-runs")
    assert f"flowship cancel {run['id']}" in healthy.says("running-runs")


def test_a_run_whose_container_was_removed_from_the_engine_of_its_worker(healthy, engine, run):
    with container(engine, healthy, ["sleep", "600"], "00000000-0000-0000-0000-000000000000"):
        assert healthy.problems() == {"running-runs": "warning"}


def test_a_run_in_another_engine_is_ok(healthy, run):
    assert healthy.problems() == {}
