"""What deserves a look before it runs, though it can be deployed."""

from __future__ import annotations

import json

import pytest

from flowship.config.settings import Settings
from flowship.deployment.desired import Flags
from flowship.deployment.draft import draft
from support.deploying import NOW, SCHEMA, dry_run, image, planned, settings


def reported(project: Settings | None = None, flags: Flags | None = None, **facts):
    """The deployments as a dry run on an empty server reports them."""
    wanted = draft(project or settings(), flags or Flags(), now=NOW)
    return dry_run(wanted.bind(image(**facts))).deployments


def test_an_image_that_only_this_machine_can_run_is_warned_of():
    (spec,) = reported(pushed=False, platform="linux/arm64")
    assert any("never pushed" in warning for warning in spec.warnings)
    assert any("arm64" in warning for warning in spec.warnings)


def test_a_secret_parameter_is_warned_of_and_never_shown():
    secret = {"type": "string", "format": "password", "writeOnly": True}
    schema = {**SCHEMA, "properties": {"token": secret}}
    project = settings(
        deployments=[
            {
                "name": "a",
                "job-variables": {"env": {"API_TOKEN": "sk-123", "URL": "http://u:pw@host"}},
                "schedules": [{"interval": 3600, "parameters": {"token": "hunter3"}}],
            }
        ]
    )
    flags = Flags(parameters={"token": "hunter2"})
    (spec,) = planned(project, flags, parameters=schema)
    assert spec.parameters == {"token": "hunter2"}
    assert any('"token" is a secret' in warning for warning in spec.warnings)
    (stored,) = [w for w in draft(project, flags, now=NOW).warnings if "API_TOKEN" in w]
    assert stored == (
        'deployment "a", job-variables.env: "API_TOKEN" looks like a secret and is stored in clear'
        ' text; move it to secrets = ["API_TOKEN"], and store it:'
        " `flowship secret set API_TOKEN`"
    )
    wanted = draft(project, flags, now=NOW).bind(image(parameters=schema))
    described = json.dumps(dry_run(wanted).to_json())
    assert not [s for s in ("hunter2", "hunter3", "sk-123", "u:pw") if s in described]


@pytest.mark.parametrize("probed", [True, False])
def test_a_plain_text_that_is_a_secret_by_its_name_or_form_is_warned_of_and_never_shown(probed):
    text = {"type": "string"}
    names = ("db_password", "dsn", "api_key", "year")
    schema = {**SCHEMA, "properties": dict.fromkeys(names, text)} if probed else None
    given = {"db_password": "hunter2", "dsn": "postgres://ada:hunter3@db/x", "year": "y2021"}
    schedule = {"interval": 3600, "parameters": {"api_key": "hunter4"}}
    project = settings(deployments=[{"name": "a", "parameters": given, "schedules": [schedule]}])
    report = dry_run(draft(project, Flags(), now=NOW).bind(image(parameters=schema)))
    (spec,) = report.deployments
    warned = [w.split('"')[1] for w in spec.warnings if "is a secret" in w]
    assert warned == ["db_password", "dsn", "api_key"]
    described = json.dumps(report.to_json())
    assert "y2021" in described
    assert "hunter" not in described


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"rrule": "FREQ=DAILY;UNTIL=20200101"}, "has no upcoming runs"),
        ({"interval": "1s"}, "a run every 1 s"),
        ({"rrule": "FREQ=SECONDLY"}, "a run every 1 s"),
    ],
)
def test_a_schedule_that_is_over_or_runs_too_often_is_warned_of(schedule, words):
    (spec,) = planned(settings(deployments=[{"name": "a", **schedule}]))
    assert any(words in warning for warning in spec.warnings)
    (calm,) = planned(settings(deployments=[{"name": "a", "interval": "1m"}]))
    assert calm.warnings == ()


def test_a_timezone_inside_a_rule_is_warned_of_because_prefect_ignores_it():
    rule = "DTSTART;TZID=Europe/Berlin:20261001T023000\nRRULE:FREQ=DAILY"
    (spec,) = planned(settings(deployments=[{"name": "a", "rrule": rule}]))
    assert any("TZID=Europe/Berlin" in warning for warning in spec.warnings)
    meant = {"name": "a", "rrule": rule, "timezone": "Europe/Berlin"}
    assert planned(settings(deployments=[meant]))[0].warnings == ()
