"""What a release changed, in short."""

from __future__ import annotations

from dataclasses import replace

from flowship.releases import words
from support.releases import NIGHTLY, OWN, RELEASE


def operation(action, resource, name, *fields, reason="configuration"):
    changes = [{"field": field, "reason": reason} for field in fields]
    return {"action": action, "resource": resource, "name": name, "changes": changes}


def changes(*operations) -> list[str]:
    return words.changes(replace(RELEASE, operations=operations))


def test_each_change_is_listed_once():
    assert changes(
        operation("update", "block", "taxi-docker", "image", "mem_limit"),
        operation("update", "deployment", "taxi/nightly", "version", reason="new image"),
        operation("create", "deployment", "taxi/hourly"),
        operation("create", "schedule", "taxi/hourly: every hour UTC"),
        operation("update", "deployment", "taxi/daily", "tags", "parameters.year"),
        operation("update", "schedule", "taxi/daily: every day at 05:00 UTC"),
        operation("create", "schedule", "taxi/daily: every hour UTC"),
        operation("delete", "deployment", "taxi/old"),
    ) == [
        "new image",
        "block: mem_limit",
        "+ taxi/hourly",
        "taxi/daily: tags, parameters.year",
        "taxi/daily: schedule",
        "- taxi/old",
    ]


def test_changed_alerts_are_named_without_their_project():
    alert = "flowship: taxi/heavy (production): late for 1 hour → slack-webhook/ops"
    assert changes(
        operation("create", "automation", "flowship: taxi: failed → slack-webhook/ops"),
        operation("update", "automation", alert, "name", "trigger.within"),
        operation("update", "automation", "flowship: taxi: stuck → a/b", "deployments"),
        operation("delete", "automation", "renamed by hand"),
    ) == [
        "+ alert failed → slack-webhook/ops",
        "alert late for 1 hour → slack-webhook/ops: name, trigger.within",
        "alert stuck → a/b: deployments",
        "- alert renamed by hand",
    ]


def test_that_an_alert_is_about_a_new_deployment_too_goes_without_saying():
    assert changes(
        operation("create", "deployment", "taxi/hourly"),
        operation("update", "automation", "flowship: taxi: stuck → a/b", "deployments"),
        operation("update", "automation", "flowship: taxi: late → a/b", "deployments", "name"),
    ) == ["+ taxi/hourly", "alert late → a/b: name"]


def test_a_damaged_record_has_words_too():
    assert changes({}, {"changes": 3}, {"resource": "block", "changes": [1, {}]}) == ["block: None"]
    assert changes() == ["only recorded"]
    incomplete = replace(RELEASE, operations=(), incomplete="refused")
    assert words.changes(incomplete) == ["incomplete"]


def test_releases_differ_by_what_they_deployed():
    same = replace(RELEASE, number=8, who="x", images=(replace(OWN, files={}), RELEASE.images[1]))
    assert not words.differ(RELEASE, same)
    paused = tuple(replace(s, active=False) for s in NIGHTLY.schedules)
    paused_one = replace(NIGHTLY, schedules=paused, paused=True)
    assert not words.differ(
        RELEASE, replace(RELEASE, deployments=(paused_one, RELEASE.deployments[1]))
    )
    assert words.differ(RELEASE, replace(RELEASE, deployments=(NIGHTLY,)))
    assert words.differ(RELEASE, replace(RELEASE, images=(OWN,)))
