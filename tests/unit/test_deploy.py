"""The deploy step against a model of the server: the lock, a conflict, and what is reported."""

from __future__ import annotations

import pytest

from flowship.deploy import deploy, preflight, validate_image
from flowship.deployment.desired import Flags
from flowship.deployment.draft import draft
from flowship.deployment.observed import Ground
from flowship.errors import ApiError, ConfigError
from flowship.prefect.errors import ConflictError
from support.deploying import desired, settings
from support.server_model import ServerModel

WANTED = desired(settings(deployments=[{"name": "nightly", "cron": "0 5 * * *"}]))


@pytest.fixture
def server() -> ServerModel:
    return ServerModel()


def test_a_deploy_records_a_release_and_gives_the_lock_back(server):
    deploy(WANTED, server.api, "de-taxi")
    assert list(server.recorded) == ["flowship-block-de-taxi-docker", "flowship-release-de-taxi"]
    assert server.variables == {}


def test_a_deploy_that_changes_nothing_takes_no_lock_and_records_nothing(server):
    deploy(WANTED, server.api, "de-taxi")
    server.sent.clear()
    report = deploy(WANTED, server.api, "de-taxi")
    assert (server.sent, report.operations) == ([], ())


def test_what_was_done_before_a_conflict_is_in_the_report(server):
    server.fail("create_flow", ConflictError("it exists"))
    seen: list[str] = []
    report = deploy(WANTED, server.api, "de-taxi", report=lambda event: seen.append(str(event)))
    assert report.block.outcome == "created"
    assert [o.resource.value for o in report.operations] == [
        "work-pool", "block-type", "block-type", "block-schema", "block", "flow", "deployment",
        "schedule",
    ]  # fmt: skip
    assert any("comparing again" in text for text in seen)


def test_only_the_deployments_of_the_blocks_own_flows_are_read(server):
    deploy(WANTED, server.api, "de-taxi")
    assert "deployments" not in server.asked
    assert server.recorded["flowship-block-de-taxi-docker"][-1]["data"]["flows"] == ["taxi"]


def test_where_no_flow_is_recorded_all_deployments_are_read_once(server):
    deploy(WANTED, server.api, "de-taxi")
    renamed = desired(settings(deployments=[{"name": "nightly"}]), flow_name="rides")
    server.recorded.clear()  # as after a deploy by an earlier version
    report = deploy(renamed, server.api, "de-taxi")
    assert not [o for o in report.operations if o.name == "taxi/nightly"]
    assert server.asked.count("deployments") == 2  # before and under the lock
    assert server.recorded["flowship-block-de-taxi-docker"][-1]["data"]["flows"] == [
        "rides",
        "taxi",
    ]


def test_a_server_that_does_not_keep_what_it_is_sent_is_an_error(server, monkeypatch):
    deploy(WANTED, server.api, "de-taxi")
    monkeypatch.setattr(server, "update_deployment", lambda deployment_id, body: None)
    other = desired(settings(deployments=[{"name": "nightly", "cron": "0 5 * * *", "tags": ["a"]}]))
    with pytest.raises(ApiError) as caught:
        deploy(other, server.api, "de-taxi")
    assert caught.value.code == "deploy-not-verified"
    assert caught.value.details == "update deployment taxi/nightly\n  tags"
    assert server.variables == {}


def test_an_image_that_would_crash_on_the_server_is_refused_before_anything_is_made(server):
    server.version = "3.6.13"
    project = draft(settings(deployments=[{"name": "nightly"}]), Flags())
    with pytest.raises(ConfigError) as caught:
        preflight(project, server.api, "3.8.8")  # the base image says it before the build
    assert caught.value.code == "prefect-versions-incompatible"
    ground = preflight(project, server.api, None)
    for refuse in (
        lambda: validate_image(WANTED, server.api, ground),  # before the push
        lambda: deploy(WANTED, server.api, "de-taxi", ground=ground),
    ):
        with pytest.raises(ConfigError, match=r"the image has Prefect 3\.8\.8"):
            refuse()
    assert server.sent == []


def test_an_image_that_is_newer_than_the_server_is_deployed_with_a_warning(server):
    report = deploy(WANTED, server.api, "de-taxi", ground=Ground(None, None, "3.6.29"))
    assert [w for w in report.warnings if "newer than the server's 3.6.29" in w]
