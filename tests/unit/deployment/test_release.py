"""What a deploy applied: fingerprints of values, never the values."""

from __future__ import annotations

import json

import pytest

from flowship import __version__
from flowship.deployment import release
from flowship.deployment.plan import fingerprint
from support.deploying import desired, settings
from support.server_model import ServerModel

SECRET = {"env": {"API_TOKEN": "sk-123"}, "mem-limit": "1g"}
NIGHTLY = {"name": "nightly", "schedules": [{"cron": "0 5 * * *", "parameters": {"year": 2022}}]}
WANTED = desired(settings(deployments=[NIGHTLY], block=SECRET))


@pytest.fixture
def server() -> ServerModel:
    server = ServerModel()
    server.apply(WANTED)
    return server


def record(server: ServerModel, wanted=WANTED, before=None) -> None:
    release.record(server.api, "de-taxi", wanted, server.observe(wanted), before or {})


def test_every_field_that_was_applied_has_its_fingerprint(server):
    fields = release.applied(WANTED, server.observe(WANTED))
    (schedule,) = server.schedules()
    assert fields["block de-taxi-docker mem_limit"] == fingerprint("1g")
    assert fields["deployment taxi/nightly tags"] == fingerprint([])
    assert fields["deployment taxi/nightly job_variables.image"] == fingerprint(
        "{{ prefect.blocks.docker-container.de-taxi-docker.image }}"
    )
    assert fields[f"schedule {schedule['id']} schedule"] == fingerprint(schedule["schedule"])
    assert fields[f"schedule {schedule['id']} parameters.year"] == fingerprint(2022)


def test_what_was_recorded_is_read_back(server):
    record(server)
    assert release.last_applied(server.api, "de-taxi") == release.applied(
        WANTED, server.observe(WANTED)
    )
    assert release.last_applied(server.api, "another-project") == {}


def test_a_release_names_the_image_and_the_version_and_holds_no_value(server):
    record(server)
    artifact = server.artifacts["flowship-release-de-taxi"]
    assert artifact["data"]["image"] == WANTED.image.reference
    assert artifact["data"]["flowship"] == __version__
    text = json.dumps(artifact["data"]["applied"])
    assert "sk-123" not in text
    assert "1g" not in text.split('"')


def test_a_release_keeps_what_is_known_of_deployments_that_it_leaves_alone(server):
    other = {"deployment taxi/hourly tags": "00000000", "schedule other-1 schedule": "11111111"}
    gone = {"deployment taxi/nightly parameters.gone": "22222222"}
    record(server, before=other | gone)
    fields = release.last_applied(server.api, "de-taxi")
    assert other.items() <= fields.items()
    assert not gone.keys() & fields.keys()


def test_a_deployment_that_does_not_exist_has_no_fingerprints():
    assert release.applied(WANTED, ServerModel().observe(WANTED)) == {}


def test_a_release_that_cannot_be_recorded_or_read_raises_nothing(server):
    record(server)
    server.broken = True
    record(server)
    assert release.last_applied(server.api, "de-taxi") == {}


@pytest.mark.parametrize(
    "data", [None, "text", [], {}, {"format": 99, "applied": {"a": "b"}}, {"format": 1}]
)
def test_an_artifact_in_another_format_is_as_none(server, data):
    server.artifacts["flowship-release-de-taxi"] = {"data": data}
    assert release.last_applied(server.api, "de-taxi") == {}
