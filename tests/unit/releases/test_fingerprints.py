"""What a deploy applied: fingerprints of values, never the values."""

from __future__ import annotations

import json

from flowship.deployment.plan import fingerprint
from flowship.releases.fingerprints import applied
from support.deploying import desired, settings
from support.server_model import ServerModel

SECRET = {"env": {"API_TOKEN": "sk-123"}, "mem-limit": "1g"}
NIGHTLY = {"name": "nightly", "schedules": [{"cron": "0 5 * * *", "parameters": {"year": 2022}}]}
WANTED = desired(settings(deployments=[NIGHTLY], block=SECRET))


def test_every_field_that_was_applied_has_its_fingerprint():
    server = ServerModel()
    server.apply(WANTED)
    fields = applied(WANTED, server.observe(WANTED))
    (schedule,) = server.schedules()
    assert fields["block de-taxi-docker mem_limit"] == fingerprint("1g")
    assert fields["deployment taxi/nightly tags"] == fingerprint([])
    assert fields["deployment taxi/nightly job_variables.image"] == fingerprint(
        "{{ prefect.blocks.docker-container.de-taxi-docker.image }}"
    )
    assert fields[f"schedule {schedule['id']} schedule"] == fingerprint(schedule["schedule"])
    assert fields[f"schedule {schedule['id']} parameters.year"] == fingerprint(2022)
    text = json.dumps(fields)
    assert "sk-123" not in text
    assert "1g" not in text.split('"')


def test_a_deployment_that_does_not_exist_has_no_fingerprints():
    assert applied(WANTED, ServerModel().observe(WANTED)) == {}
