"""What the server has of the project: deployments, blocks and secrets."""

from __future__ import annotations

import pytest

from support.commands import ask

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("doctor")]


def test_a_value_that_no_engine_accepts(healthy):
    with healthy.block_with(mem_limit="much"):
        assert healthy.problems() == {"block": "error"}
    assert '"much" is not an amount of memory' in healthy.says("block")


def test_a_secret_that_is_missing(healthy):
    assert healthy.run("secret", "rm", "API_TOKEN", "--force").code == 0
    try:
        assert healthy.problems() == {"secrets": "error"}
    finally:
        done = healthy.run("secret", "set", "API_TOKEN", "--from-env", "TOKEN", TOKEN="x")
    assert done.code == 0, done.stderr
    assert "flowship secret set API_TOKEN" in healthy.says("secrets")


def test_a_deployment_that_is_configured_and_not_there(healthy):
    config = healthy.folder / "flowship.toml"
    text = config.read_text()
    config.write_text(text + '[[deployments]]\nname = "hourly"\ninterval = "1h"\n')
    try:
        assert healthy.problems() == {"deployments": "warning"}
    finally:
        config.write_text(text)
    assert "does not have hourly" in healthy.says("deployments")


def test_a_deployment_that_someone_deleted_is_named_once(healthy):
    stored = ask(healthy.url, "/deployments/name/hello/nightly")
    healthy.send("DELETE", f"/deployments/{stored['id']}")
    try:
        found = healthy.doctor()["deployments"]
        assert found["severity"] == "warning"
        assert found["found"] == "the server does not have hello/nightly"
    finally:
        healthy.ship()
