"""The report of a deploy as JSON."""

from __future__ import annotations

import json

from flowship.deployment.report import jsonable
from support.deploying import desired, dry_run, settings

NIGHTLY = {"name": "nightly", "cron": "0 5 * * *", "tags": ["a"]}
REPORT = dry_run(desired(settings(deployments=[NIGHTLY], block={"env": {"API_TOKEN": "sk-1"}})))


def test_tuples_become_lists_at_every_depth():
    assert jsonable({"a": (1, {"b": (2,)}), 3: [(4,)]}) == {"a": [1, {"b": [2]}], "3": [[4]]}


def test_a_report_as_json_survives_the_way_through_text():
    document = REPORT.to_json()
    assert json.loads(json.dumps(document)) == document


def test_a_report_as_json_has_its_operations_without_what_they_send():
    operations = REPORT.to_json()["operations"]
    assert len(operations) == len(REPORT.operations)
    assert {tuple(sorted(o)) for o in operations} == {
        ("action", "changes", "edited", "name", "reason", "resource")
    }
    assert "sk-1" not in json.dumps(operations)


def test_the_fields_of_a_report_are_these():
    document = REPORT.to_json()
    assert sorted(document) == [
        "alerts", "api_url", "block", "deployments", "dry_run", "image", "kept", "left", "moved",
        "operations", "platform", "pool", "pushed", "release", "warnings",
    ]  # fmt: skip
    assert sorted(document["deployments"][0]["schedules"][0]) == [
        "active", "id", "next_runs", "outcome", "parameters", "source", "timezone", "words",
    ]  # fmt: skip
