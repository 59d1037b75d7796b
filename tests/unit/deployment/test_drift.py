"""What a deploy keeps although it is not what the configuration says."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from flowship.deployment import drift
from flowship.deployment.drift import LastRelease
from flowship.deployment.plan import Edit
from support.deploying import desired, settings
from support.server_model import ServerModel

NIGHTLY = {"name": "nightly", "cron": "0 5 * * *"}
WANTED = desired(settings(deployments=[NIGHTLY]))
BEFORE, AFTER = "2026-05-01T01:00:00Z", "2026-05-01T03:00:00Z"
LAST = LastRelease(created=datetime(2026, 5, 1, 2, tzinfo=timezone.utc))


@pytest.fixture
def server() -> ServerModel:
    server = ServerModel()
    server.apply(WANTED)
    return server


def kept(server, wanted=WANTED, last=LAST):
    found = drift.kept(wanted, server.observe(wanted), last)
    return [(k.resource.value, k.name, k.field, k.value, k.reason) for k in found]


def test_right_after_a_deploy_nothing_is_kept(server):
    assert kept(server) == []


def test_what_a_person_paused_added_or_set_is_kept(server):
    (stored,) = server.stored.values()
    (schedule,) = server.schedules()
    schedule["active"] = False
    server.add_schedule()
    stored |= {"paused": True, "work_queue_name": "fast", "enforce_parameter_schema": False}
    stored["concurrency_options"] = {"collision_strategy": "CANCEL_NEW"}
    (block,) = server.documents.values()
    block["data"]["privileged"] = True
    server.pools["flowship"]["is_paused"] = True
    of = ("deployment", "taxi/nightly")
    not_set = "the configuration does not set it"
    assert kept(server) == [
        ("work-pool", "flowship", "paused", True, "paused on the server"),
        ("block", "de-taxi-docker", "privileged", True, not_set),
        (*of, "paused", True, "paused on the server"),
        (*of, "work_queue_name", "fast", not_set),
        (*of, "concurrency_options", "cancel-new", not_set),
        (*of, "enforce_parameter_schema", False, not_set),
        ("schedule", "taxi/nightly: every day at 05:00 UTC", "paused", True,
         "paused on the server"),
        ("schedule", "taxi/nightly: every Sunday at 07:07 UTC", "", None, "added on the server"),
    ]  # fmt: skip


def test_a_deployment_that_is_configured_to_begin_paused_and_was_resumed(server):
    wanted = desired(settings(deployments=[{**NIGHTLY, "paused": True}]))
    assert kept(server, wanted) == [
        ("deployment", "taxi/nightly", "paused", False, "resumed on the server")
    ]


def test_an_alert_that_a_person_disabled_is_kept_under_its_new_name_too(server):
    server.add_notification_block()
    alert = {"on": ["failed", "late"], "notify": "slack-webhook/ops"}
    wanted = desired(settings(deployments=[NIGHTLY], alerts=[alert]))
    server.apply(wanted)
    assert kept(server, wanted) == []
    for automation in server.automations.values():
        automation |= {"enabled": "late" not in automation["name"], "updated": AFTER}
    name = "flowship: de-taxi: late for 15 minutes → slack-webhook/ops"
    of = ("enabled", False, "disabled on the server")
    assert kept(server, wanted) == [("automation", name, *of)]
    (found,) = drift.kept(wanted, server.observe(wanted), LAST)
    assert found.edited == Edit(AFTER, None)
    changed = desired(settings(deployments=[NIGHTLY], alerts=[{**alert, "after": "1h"}]))
    name = "flowship: de-taxi: late for 1 hour → slack-webhook/ops"
    assert kept(server, changed) == [("automation", name, *of)]
    assert kept(server) == [], "it is going to be deleted"


def test_a_value_of_a_secret_is_masked(server):
    (block,) = server.documents.values()
    block["data"]["env"] = {"API_TOKEN": "sk-123"}
    assert "sk-123" not in str(kept(server))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"updated": AFTER}, Edit(AFTER, None)),
        ({"updated": AFTER, "updated_by": {"display_value": "ada"}}, Edit(AFTER, "ada")),
        ({"updated": BEFORE}, None),
        ({}, None),
    ],
    ids=["when", "when and who", "before the release", "unknown"],
)
def test_an_edit_has_what_the_server_has(written, expected):
    assert drift.edit_of(written, LAST) == expected
    assert drift.edit_of(written, LastRelease()) is None
