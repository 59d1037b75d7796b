"""The network of the runs: containers that do not reach the API, or do not start."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("doctor")]


def test_containers_on_a_bridge_do_not_reach_an_api_on_loopback(healthy, engine):
    network = engine.networks.create(f"doctor-{healthy.name}", driver="bridge")
    try:
        with healthy.block_with(networks=[network.name]):
            assert healthy.problems() == {"api-from-containers": "error"}
    finally:
        network.remove()
    assert "host.docker.internal" in healthy.says("api-from-containers")
    assert f"on the network {network.name}" in healthy.says("api-from-containers")
    assert "--host 0.0.0.0" in healthy.says("api-from-containers")


def test_a_network_that_the_engine_does_not_have(healthy):
    with healthy.block_with(networks=["no-such-network"]):
        assert healthy.problems() == {"api-from-containers": "error"}
    assert "no-such-network" in healthy.says("api-from-containers")


def test_an_address_that_the_project_gives_to_its_runs(healthy):
    with healthy.block_with(env={"PREFECT_API_URL": "http://127.0.0.1:9/api"}):
        assert healthy.problems() == {"api-from-containers": "error"}
    assert "http://127.0.0.1:9/api does not answer" in healthy.says("api-from-containers")
