"""The deploy step against a model of the server: the lock, a conflict, and what is reported."""

from __future__ import annotations

import pytest

from flowship.deploy import deploy
from flowship.errors import ApiError
from flowship.prefect.errors import ConflictError
from support.deploying import desired, settings
from support.server_model import ServerModel

WANTED = desired(settings(deployments=[{"name": "nightly", "cron": "0 5 * * *"}]))


@pytest.fixture
def server() -> ServerModel:
    return ServerModel()


def test_a_deploy_records_a_release_and_gives_the_lock_back(server):
    deploy(WANTED, server.api, "de-taxi")
    assert list(server.artifacts) == ["flowship-release-de-taxi"]
    assert server.variables == {}


def test_a_deploy_that_changes_nothing_takes_no_lock_and_records_nothing(server):
    deploy(WANTED, server.api, "de-taxi")
    server.sent.clear()
    report = deploy(WANTED, server.api, "de-taxi")
    assert (server.sent, report.operations) == ([], ())


def test_what_was_done_before_a_conflict_is_in_the_report(server):
    server.fail("create_flow", ConflictError("it exists"))
    seen: list[str] = []
    report = deploy(WANTED, server.api, "de-taxi", report=lambda event: seen.append(event.text))
    assert report.block.outcome == "created"
    assert [o.resource.value for o in report.operations] == [
        "work-pool", "block-type", "block-type", "block-schema", "block", "flow", "deployment",
        "schedule",
    ]  # fmt: skip
    assert any("comparing again" in text for text in seen)


def test_a_server_that_does_not_keep_what_it_is_sent_is_an_error(server, monkeypatch):
    deploy(WANTED, server.api, "de-taxi")
    monkeypatch.setattr(server, "update_deployment", lambda deployment_id, body: None)
    other = desired(settings(deployments=[{"name": "nightly", "cron": "0 5 * * *", "tags": ["a"]}]))
    with pytest.raises(ApiError) as caught:
        deploy(other, server.api, "de-taxi")
    assert caught.value.code == "deploy-not-verified"
    assert caught.value.details == "update deployment taxi/nightly\n  tags"
    assert server.variables == {}
