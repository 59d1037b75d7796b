"""Connecting to a real engine."""

from __future__ import annotations

import os

import pytest

from flowship.engine.client import connect

pytestmark = pytest.mark.engine


@pytest.fixture
def docker_config(tmp_path, monkeypatch):
    """Writes docker's ``config.json``; returns the environment to use it with."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))  # docker's library reads it there

    def write(text):
        (tmp_path / "config.json").write_text(text)
        return os.environ

    return write


@pytest.mark.parametrize("text", ['{"currentContext": ""}', '{"auths": {}}', '{"credsStore": "x"}'])
def test_a_configuration_that_docker_accepts_is_accepted(docker_config, text, engine):
    assert connect(docker_config(text)).version
