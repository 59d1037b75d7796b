"""A run that the server believes to be at work, and whose container is gone."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("doctor")]


def test_a_run_whose_container_is_gone(healthy):
    deployment = healthy.send("GET", "/deployments/name/hello/nightly")
    wanted = {"flow_id": deployment["flow_id"], "deployment_id": deployment["id"]}
    run = healthy.send("POST", "/flow_runs/", {**wanted, "state": {"type": "RUNNING"}})
    path = f"/flow_runs/{run['id']}"
    healthy.send("PATCH", path, {"infrastructure_pid": f"http+docker://localhost:{'0' * 64}"})
    try:
        assert healthy.problems() == {"running-runs": "warning"}
    finally:
        healthy.send("DELETE", path)
    assert run["name"] in healthy.says("running-runs")
