"""The automations that `[[alerts]]` asks for, and what it may not ask for."""

from __future__ import annotations

import json

import pytest
from prefect.server.events.schemas.automations import AutomationCreate

from flowship.config.settings import Settings
from flowship.deployment.alerts import (
    DesiredAlerts,
    DesiredAutomation,
    draft_alerts,
    heartbeat_variable,
    owner_of,
)
from flowship.errors import ConfigError
from support.deploying import settings

OPS = "slack-webhook/ops"
TWO = [{"name": "nightly"}, {"name": "hourly"}]


def project(*alerts: dict, **values) -> Settings:
    return settings(**{"deployments": TWO, "alerts": list(alerts), **values})


def drafted(*alerts: dict, **values) -> tuple[DesiredAutomation, ...]:
    return draft_alerts(project(*alerts, **values)).automations


def refused(*alerts: dict, **values) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        drafted(*alerts, **values)
    return caught.value


def test_without_alerts_there_are_no_automations():
    assert draft_alerts(project()).automations == ()


def test_each_event_has_automations_of_its_own():
    found = drafted({"on": ["failed", "crashed", "late", "stuck"], "notify": OPS})
    assert [a.name for a in found] == [
        "flowship: de-taxi: failed → slack-webhook/ops",
        "flowship: de-taxi: crashed → slack-webhook/ops",
        "flowship: de-taxi: late for 15 minutes → slack-webhook/ops",
        "flowship: de-taxi: end runs without a heartbeat for 15 minutes",
        "flowship: de-taxi: not moving for 15 minutes → slack-webhook/ops",
    ]


def test_a_run_that_was_ended_is_reported_once():
    alone = [a.name for a in drafted({"on": ["stuck"], "notify": OPS})]
    assert "flowship: de-taxi: stuck → slack-webhook/ops" in alone
    both = [a.name for a in drafted({"on": ["stuck", "crashed"], "notify": OPS})]
    assert "flowship: de-taxi: stuck → slack-webhook/ops" not in both


def test_the_report_matches_the_message_of_what_ends_a_run():
    ends, reports, _ = drafted({"on": ["stuck"], "notify": OPS, "after": "1h"})
    assert ends.action["message"].startswith("No heartbeat for 1 hour")
    assert reports.trigger["match"]["prefect.state-message"] == "No heartbeat for *"


def test_the_state_running_does_not_replace_a_heartbeat():
    ends = drafted({"on": ["stuck"], "notify": OPS})[0]
    assert "prefect.flow-run.Running" not in ends.trigger["expect"]
    assert "prefect.flow-run.heartbeat" in ends.trigger["expect"]


@pytest.mark.parametrize("limit", range(1, 11))
def test_each_start_of_a_crashed_run_has_one_automation_for_it(limit):
    from fnmatch import fnmatchcase

    found = drafted({"retry-crashed": limit})
    assert len(found) == limit
    for starts in range(25):
        matching = [
            a
            for a in found
            if any(
                fnmatchcase(str(starts), pattern)
                for pattern in a.trigger["match"].get("prefect.run-count", ["*"])
            )
        ]
        assert matching == [found[min(max(starts, 1), limit) - 1]]


def test_each_automation_starts_a_run_once():
    (found,) = drafted({"retry-crashed": 1})
    assert found.trigger["for_each"] == ["prefect.resource.id"]
    assert found.trigger["threshold"] == 1
    assert found.trigger["within"] == 30 * 86400


def test_an_alert_can_be_about_some_deployments():
    (found,) = drafted({"on": ["failed"], "notify": OPS, "deployments": ["hourly"]})
    assert found.name == "flowship: de-taxi: failed of hourly → slack-webhook/ops"
    assert (found.is_about("hourly"), found.is_about("nightly")) == (True, False)


def test_two_alerts_may_report_the_same_event_to_two_blocks_or_after_two_times():
    late = {"on": ["late"], "notify": OPS, "after": "10m"}
    names = {a.name for a in drafted(late, {**late, "after": "1h"}, {**late, "notify": "x/y"})}
    assert len(names) == 3


def test_the_same_twice_is_refused():
    alert = {"on": ["failed"], "notify": OPS}
    assert refused(alert, alert).code == "alert-duplicated"


def test_two_limits_of_starts_for_a_deployment_are_refused():
    error = refused({"retry-crashed": 1, "deployments": ["nightly"]}, {"retry-crashed": 2})
    assert error.code == "alert-duplicated"
    assert "nightly" in error.message
    assert drafted(
        {"retry-crashed": 1, "deployments": ["nightly"]},
        {"retry-crashed": 2, "deployments": ["hourly"]},
    )


def test_a_deployment_that_is_not_configured_is_refused():
    error = refused({"on": ["failed"], "notify": OPS, "deployments": ["nightly", "dayly"]})
    assert error.code == "deployment-unknown"
    assert '"dayly"' in error.message
    assert error.hint == "configured: nightly, hourly"


@pytest.mark.parametrize(
    ("alert", "least"),
    [
        ({"on": ["late"], "after": 9}, "10 seconds"),
        ({"on": ["stuck"], "after": "89s"}, "1 minute 30 seconds"),
        ({"on": ["late", "stuck"], "after": "1m"}, "1 minute 30 seconds"),
    ],
)
def test_a_time_that_is_too_short_is_refused(alert, least):
    error = refused({**alert, "notify": OPS})
    assert error.code == "alert-after-too-short"
    assert error.hint == f"use at least {least}"


def test_a_text_that_does_not_say_how_long_is_refused():
    assert refused({"on": ["late"], "after": "soon", "notify": OPS}).code == "interval-invalid"


@pytest.mark.parametrize(
    ("after", "seconds"), [("90s", 30), ("5m", 100), ("15m", 180), ("1d", 180)]
)
def test_heartbeats_are_so_frequent_that_some_may_be_missed(after, seconds):
    found = draft_alerts(project({"on": ["stuck"], "notify": OPS, "after": after}))
    assert found.heartbeats == {"nightly": seconds, "hourly": seconds}


def test_only_runs_with_the_alert_stuck_need_heartbeats():
    alert = {"on": ["stuck"], "notify": OPS, "deployments": ["nightly"]}
    assert set(draft_alerts(project(alert)).heartbeats) == {"nightly"}
    assert draft_alerts(project({"on": ["late"], "notify": OPS})).heartbeats == {}


def test_an_image_of_several_has_the_alerts_of_its_own_deployments():
    whole = settings(
        images={"ml": {"apt": ["libgomp1"]}},
        deployments=[{"name": "nightly"}, {"name": "train", "image": "ml"}],
        alerts=[
            {"on": ["failed"], "notify": OPS},
            {"on": ["late"], "notify": OPS, "deployments": ["nightly"]},
        ],
    )
    own, ml = (draft_alerts(image) for image in whole.per_image())
    assert [a.name for a in own.automations] == [
        "flowship: de-taxi: failed → slack-webhook/ops",
        "flowship: de-taxi: late for 15 minutes of nightly → slack-webhook/ops",
    ]
    assert [a.name for a in ml.automations] == ["flowship: de-taxi/ml: failed → slack-webhook/ops"]
    assert (own.owner, ml.owner) == (
        owner_of("de-taxi", "de-taxi-docker"),
        owner_of("de-taxi", "de-taxi-docker-ml"),
    )


def test_an_environment_is_in_the_name():
    (found,) = drafted({"on": ["failed"], "notify": OPS}, environment="staging")
    assert found.name == "flowship: de-taxi (staging): failed → slack-webhook/ops"


def test_the_notification_blocks_are_each_known_once():
    alert = {"on": ["failed", "crashed"], "notify": OPS}
    found = draft_alerts(project(alert, {"on": ["late"], "notify": "custom-webhook/pager"}))
    assert list(found.notify) == [OPS, "custom-webhook/pager"]


def test_json_keeps_everything():
    alert = {"on": ["failed", "stuck"], "notify": OPS, "retry-crashed": 2}
    found = draft_alerts(project(alert, {"on": ["late"], "notify": OPS, "deployments": ["hourly"]}))
    assert DesiredAlerts.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_release_without_alerts_has_none():
    assert DesiredAlerts.from_json({}) == DesiredAlerts()


def test_prefect_accepts_every_trigger_action_and_template():
    alert = {"on": ["failed", "crashed", "late", "stuck"], "notify": OPS, "retry-crashed": 3}
    for found in drafted(alert, {"on": ["stuck"], "notify": "x/y"}):
        block = {"block_document_id": "00000000-0000-0000-0000-000000000000"}
        action = {**found.action, **(block if found.notify else {})}
        sent = AutomationCreate.model_validate(
            {"name": found.name, "trigger": dict(found.trigger), "actions": [action]}
        )
        assert sent.actions[0].type == found.action["type"]


@pytest.mark.parametrize(
    ("prefect", "variable"),
    [
        (None, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"),
        ("3.8.8", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"),
        ("3.6.13", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"),
        ("3.4.25", "PREFECT_RUNNER_HEARTBEAT_FREQUENCY"),
    ],
)
def test_the_variable_of_the_heartbeat_has_the_name_that_the_image_knows(prefect, variable):
    assert heartbeat_variable(prefect) == variable
