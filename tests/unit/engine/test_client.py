"""Engines that do not answer, and where an engine is."""

from __future__ import annotations

import hashlib
import os

import pytest

from flowship.engine.client import Engine, connect
from flowship.errors import ConfigError, EngineError


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"DOCKER_HOST": "unix:///nowhere/docker.sock"}, "cannot connect to a container engine"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:9"}, "cannot connect to a container engine"),
        ({"DOCKER_CONTEXT": "not-there"}, "context not-there does not exist"),
    ],
)
def test_the_error_for_a_missing_engine_says_what_to_do(monkeypatch, environ, words):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EngineError, match=words) as caught:
        connect(os.environ)
    assert caught.value.hint


@pytest.mark.parametrize("address", ["garbage", "foo://x", "tcp://host:99999"])
def test_an_invalid_docker_host_is_reported_as_that(address):
    with pytest.raises(EngineError, match="is not a valid engine address") as caught:
        connect({"DOCKER_HOST": address})
    assert caught.value.where == "DOCKER_HOST"
    assert caught.value.code == "invalid-docker-host"


@pytest.fixture
def docker_config(tmp_path, monkeypatch):
    """Writes docker's ``config.json``; returns the environment to use it with."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))  # docker's library reads it there

    def write(text):
        (tmp_path / "config.json").write_text(text)
        return os.environ

    return write


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "null", '"text"', '{"auths": "x"}', '{"currentContext": 5}', '{"proxies": 5}'),
        *('{"auths": {"x.io": "text"}}', '{"auths": {"x.io": {"auth": "%%"}}}', "{"),
        *('{"auths": {"x.io": {"auth": 5}}}', '{"proxies": null}', '{"HttpHeaders": {"X": 5}}'),
    ],
)
def test_an_error_in_dockers_configuration_is_not_reported_as_the_engines(docker_config, text):
    environ = docker_config(text)
    with pytest.raises(ConfigError) as caught:
        connect(environ)
    assert caught.value.where.startswith(f"{environ['DOCKER_CONFIG']}/config.json")
    assert caught.value.hint


def test_a_damaged_context_is_reported_as_that(docker_config, tmp_path, monkeypatch):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    meta = tmp_path / "contexts" / "meta" / hashlib.sha256(b"far").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    for text in ("[]", "{", "{}"):
        meta.write_text(text)
        with pytest.raises(EngineError, match="cannot read the Docker context far"):
            connect(docker_config('{"currentContext": "far"}'))


@pytest.mark.parametrize(
    ("address", "remote"),
    [
        ("unix:///var/run/docker.sock", False),
        ("http+docker://localhost", False),
        ("npipe:////./pipe/docker_engine", False),
        ("tcp://127.0.0.1:2375", False),
        ("tcp://localhost:2375", False),
        ("tcp://[::1]:2375", False),
        ("tcp://192.0.2.1:2376", True),
        ("https://engine.example.com:2376", True),
        ("ssh://ada@engine.example.com", True),
    ],
)
def test_an_engine_on_another_machine_is_recognized_by_its_address(address, remote):
    assert Engine(None, "1", "linux/amd64", address).is_remote is remote
