"""A registry that is stopped, and one that rejects the credentials."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("doctor")]


def test_a_registry_that_is_stopped(healthy):
    healthy.registry.stop()
    try:
        assert healthy.problems() == {"registry-reachable": "error"}
    finally:
        healthy.registry.start()
    assert healthy.registry.address in healthy.says("registry-reachable")


def test_a_wrong_password(healthy):
    wrong = {"FLOWSHIP_REGISTRY_PASSWORD": "wrong-password"}
    assert healthy.problems(**wrong) == {"registry-credentials": "error"}
    assert "rejected the credentials" in healthy.says("registry-credentials")
    assert "wrong-password" not in str(healthy.found)


def test_no_login_at_all(healthy):
    absent = {"FLOWSHIP_REGISTRY_PASSWORD": "", "FLOWSHIP_REGISTRY_USER": ""}
    assert healthy.problems(**absent) == {"registry-credentials": "error"}
    assert "flowship login" in healthy.says("registry-credentials")
