"""The flows with deployments on a block, and its image, recorded on the server."""

from __future__ import annotations

import pytest

from flowship.deployment import block_users
from support.server_model import ServerModel


def test_what_is_recorded_is_read_again():
    server = ServerModel()
    assert block_users.flows(server.api, "taxi-docker") is None
    block_users.record(server.api, "taxi-docker", {"taxi", "rides"})
    assert block_users.flows(server.api, "taxi-docker") == {"taxi", "rides"}
    assert block_users.flows(server.api, "other-docker") is None
    block_users.record(server.api, "taxi-docker", {"taxi"}, image="user/taxi:1@sha256:ab")
    found = block_users.read(server.api, "taxi-docker")
    assert (found.flows, found.image) == ({"taxi"}, "user/taxi:1@sha256:ab")


@pytest.mark.parametrize(
    "data", [None, "x", {}, {"format": 2, "flows": []}, {"format": 1}, {"format": 1, "image": 5}]
)
def test_a_record_in_another_format_does_not_count(data):
    server = ServerModel()
    server.recorded[block_users.artifact_key("taxi-docker")] = [{"data": data}]
    assert block_users.read(server.api, "taxi-docker") == block_users.Recorded(None, "")


def test_a_server_without_artifacts_does_not_stop_a_deploy():
    server = ServerModel()
    server.broken = True
    block_users.record(server.api, "taxi-docker", {"taxi"})
    assert block_users.flows(server.api, "taxi-docker") is None


def test_the_owners_of_alerts_are_recorded_for_each_project_of_a_block():
    server = ServerModel()
    block_users.record(server.api, "taxi-docker", {"taxi"}, alerts={"a", "b"})
    assert block_users.read(server.api, "taxi-docker").alerts == {"a", "b"}
