"""Engines that are not there, or not reached: told with what to do."""

from __future__ import annotations

import os

import pytest

from flowship.engine import connect
from flowship.errors import EngineError


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
