"""Engines that are not there, or not reached: told with what to do."""

from __future__ import annotations

import hashlib
import os

import pytest

from flowship.engine.client import connect
from flowship.errors import ConfigError, EngineError


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"DOCKER_HOST": "unix:///nowhere/docker.sock"}, "no container engine answers"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:9"}, "no container engine answers"),
        ({"DOCKER_CONTEXT": "not-there"}, "context not-there"),
    ],
)
def test_a_missing_engine_is_told_with_what_to_do(monkeypatch, environ, words):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EngineError, match=words) as caught:
        connect(os.environ)
    assert caught.value.hint


@pytest.mark.parametrize("address", ["garbage", "foo://x", "tcp://host:99999"])
def test_a_docker_host_that_is_no_address_is_told_as_such(address):
    with pytest.raises(EngineError, match="is not an engine's address") as caught:
        connect({"DOCKER_HOST": address})
    assert caught.value.where == "DOCKER_HOST"


@pytest.fixture
def docker_config(tmp_path, monkeypatch):
    """Writes docker's ``config.json``; the environment to use it with."""
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
def test_a_fault_in_dockers_configuration_is_not_blamed_on_the_engine(docker_config, text):
    environ = docker_config(text)
    with pytest.raises(ConfigError) as caught:
        connect(environ)
    assert caught.value.where.startswith(f"{environ['DOCKER_CONFIG']}/config.json")
    assert caught.value.hint


@pytest.mark.parametrize("text", ['{"currentContext": ""}', '{"auths": {}}', '{"credsStore": "x"}'])
@pytest.mark.engine
def test_a_configuration_that_docker_reads_is_no_hindrance(docker_config, text, engine):
    assert connect(docker_config(text)).version


def test_a_damaged_context_is_told_as_such(docker_config, tmp_path, monkeypatch):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    meta = tmp_path / "contexts" / "meta" / hashlib.sha256(b"far").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    for text in ("[]", "{", "{}"):
        meta.write_text(text)
        with pytest.raises(EngineError, match="context far cannot be read"):
            connect(docker_config('{"currentContext": "far"}'))
