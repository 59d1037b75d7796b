"""A registry that is stopped, and one that rejects the credentials."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from flowship.doctor.catalog import CHECKS
from flowship.doctor.examination import examine
from flowship.doctor.world import World
from flowship.scope import Scope
from support.deploying import settings

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("doctor")]


def test_a_registry_that_is_stopped(healthy):
    healthy.registry.stop()
    try:
        assert healthy.problems() == {"registry-reachable": "error"}
    finally:
        healthy.registry.start()
    assert healthy.registry.address in healthy.says("registry-reachable")


def test_a_registry_that_accepts_connections_and_never_answers_is_named(tmp_path):
    """The limit is shorter here than in `CHECKS`."""
    (check,) = (each for each in CHECKS if each.code == "registry-reachable")
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        address = f"127.0.0.1:{hangs.getsockname()[1]}"
        about = Scope("trips", settings=settings(repo=f"{address}/trips"))
        (result,) = examine(World(tmp_path, about), [replace(check, after=(), limit=1.0)]).results
    assert result.finding.found == f"no answer from the registry {address} within 1 s"
    assert result.finding.remedy.endswith(f"restart the registry {address}")


def test_a_wrong_password(healthy):
    wrong = {"FLOWSHIP_REGISTRY_PASSWORD": "wrong-password"}
    assert healthy.problems(**wrong) == {"registry-credentials": "error"}
    assert "rejected the credentials" in healthy.says("registry-credentials")
    assert "wrong-password" not in str(healthy.found)


def test_no_login_at_all(healthy):
    absent = {"FLOWSHIP_REGISTRY_PASSWORD": "", "FLOWSHIP_REGISTRY_USER": ""}
    assert healthy.problems(**absent) == {"registry-credentials": "error"}
    assert "flowship login" in healthy.says("registry-credentials")
