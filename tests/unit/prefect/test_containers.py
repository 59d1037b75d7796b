"""What a flow run's container can reach."""

from __future__ import annotations

import hashlib

import pytest

from flowship.prefect.address import LOCAL_URL
from flowship.prefect.containers import container_warnings, network
from support.profiles import written


@pytest.mark.parametrize(
    ("url", "engine", "expected"),
    [
        ("http://127.0.0.1:4200/api", "", ""),
        ("http://localhost:4200/api", "unix:///run/docker.sock", ""),
        ("http://localhost:4200/api", "tcp://127.0.0.1:2375", ""),
        ("http://localhost:4200/api", "ssh://builder", "container engine runs at ssh://builder"),
        (
            "http://127.0.0.1:4200/api",
            "tcp://10.0.0.9:2376",
            "container engine runs at tcp://10.0.0.9",
        ),
        ("http://[::1]:4200/api", "", "recognizes only localhost and 127.0.0.1"),
        ("http://server:4200/api", "ssh://builder", ""),
    ],
)
def test_a_container_that_cannot_reach_the_api_is_a_warning(url, engine, expected, tmp_path):
    environ = {"HOME": str(tmp_path)} | ({"DOCKER_HOST": engine} if engine else {})
    warnings = container_warnings(url, environ)
    assert (expected in warnings[0]) if expected else not warnings


def test_the_engine_may_come_from_a_docker_context(machine):
    _, environ, path = machine
    digest = hashlib.sha256(b"far").hexdigest()
    config = path.parent.parent / ".docker"
    meta = config / "contexts" / "meta" / digest / "meta.json"
    written(config / "config.json", '{"currentContext": "far"}')
    written(meta, '{"Endpoints": {"docker": {"Host": "ssh://far.example.com"}}}')
    assert "ssh://far.example.com" in container_warnings(LOCAL_URL, environ)[0]


def test_an_invalid_engine_address_is_ignored():
    environ = {"DOCKER_HOST": "tcp://[::1:2375"}
    assert container_warnings("http://localhost:4200/api", environ)


@pytest.mark.parametrize("mode", [None, "host", "bridge", "none"])
@pytest.mark.parametrize("networks", [[], ["one"]], ids=["no networks", "networks"])
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:4200/api",
        "http://localhost:4200/api",
        "http://0.0.0.0:4200/api",
        "http://[::1]:4200/api",
        "https://prefect.example.com/api",
        "http://127.0.0.1.example.com:4200/localhost/api",
    ],
)
def test_the_network_is_the_one_that_prefects_own_worker_gives(url, networks, mode, monkeypatch):
    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect_docker.worker import DockerWorkerJobConfiguration

    with temporary_settings({PREFECT_API_URL: url}):
        theirs = DockerWorkerJobConfiguration(
            image="x", networks=networks, network_mode=mode, command="x"
        )
        ours = network(url, networks, mode)
        assert ours.mode == (theirs.get_network_mode() or "")
        assert ours.url == theirs._base_environment()["PREFECT_API_URL"]
