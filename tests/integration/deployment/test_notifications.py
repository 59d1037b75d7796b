"""The notification blocks of alerts, on a real server."""

from __future__ import annotations

import pytest

from flowship.errors import ConfigError
from support.deploying import Project

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


@pytest.mark.parametrize(
    ("block", "code", "hint"),
    [
        ("custom-webhook/none", "notification-block-not-found",
         "create it: {}/blocks/catalog/custom-webhook/create"),
        ("custom-webhok/ops", "notification-block-not-found",
         'did you mean "custom-webhook/ops"?'),
        ("secret/s-{}", "block-not-notification",
         "name a notification block, or create one: {}/blocks/catalog"),
    ],
    ids=["missing", "misspelled-type", "other-type"],
)  # fmt: skip
def test_a_block_that_cannot_notify_is_refused_before_anything_is_built(
    project, prefect_server, block, code, hint
):
    project.create_block("secret", f"s-{project.tag}", {"value": "x"})
    alert = {"on": ["failed"], "notify": block.format(project.tag)}
    project.values["alerts"] = [alert]
    with pytest.raises(ConfigError) as caught:
        project.deploy()
    assert caught.value.code == code
    assert caught.value.hint == hint.format(prefect_server.removesuffix("/api"))
    assert project.network.writes == []
