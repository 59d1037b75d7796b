"""Schedules of a ``prefect.yaml``."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
import yaml

from flowship.deployment.schedules import problem
from flowship.project.prefect_yaml.document import read
from flowship.project.prefect_yaml.schedules import of_deployment


def translated(folder, schedule):
    path = folder / "prefect.yaml"
    path.write_text(yaml.safe_dump({"schedules": [schedule]}))
    return of_deployment(read(path), "deployments.x", problem)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"cron": "0 5 * * *"}, {"cron": "0 5 * * *"}),
        (
            {"cron": "0 5 * * *", "timezone": "Europe/Berlin", "day_or": False},
            {"cron": "0 5 * * *", "timezone": "Europe/Berlin", "day-or": False},
        ),
        ({"cron": "0 5 * * *", "day_or": "no"}, {"cron": "0 5 * * *", "day-or": False}),
        ({"interval": 3600, "active": True}, {"interval": 3600}),
        ({"interval": 1.5}, {"interval": 1.5}),
        (
            {"interval": 60, "anchor_date": "2026-01-05T06:00:00+01:00"},
            {"interval": 60, "anchor-date": datetime(2026, 1, 5, 5, tzinfo=timezone.utc)},
        ),
        (
            {"interval": 60, "anchor_date": "2026-01-05", "timezone": "Europe/Berlin"},
            {
                "interval": 60,
                "timezone": "Europe/Berlin",
                "anchor-date": datetime(2026, 1, 5, tzinfo=timezone.utc),
            },
        ),
        ({"cron": "{{ $CRON }}"}, {"cron": "${CRON}"}),
        ({"interval": "{{ $EVERY }}"}, {"interval": "${EVERY}"}),
        (
            {"interval": 60, "anchor_date": "{{ $FROM }}"},
            {"interval": 60, "anchor-date": "${FROM}"},
        ),
        ({"interval": "PT1H30M"}, {"interval": 5400}),
        ({"interval": "01:00:00"}, {"interval": 3600}),
        ({"rrule": "FREQ=DAILY"}, {"rrule": "FREQ=DAILY"}),
        (
            {"rrule": '{"rrule": "FREQ=DAILY", "timezone": "UTC"}'},
            {"rrule": "FREQ=DAILY", "timezone": "UTC"},
        ),
        ({"interval": 60, "parameters": {"a": 1}}, {"interval": 60, "parameters": {"a": 1}}),
    ],
)  # fmt: skip
def test_a_schedule_is_imported(tmp_path, schedule, expected):
    assert translated(tmp_path, schedule) == ([expected], [])


@pytest.mark.parametrize(
    ("schedule", "key", "words"),
    [
        ({"cron": "0 5 * * *", "active": False}, "active", "does not pause"),
        ({"cron": "0 5 * * *", "anchor_date": "2024-09-01"}, "anchor_date", "only an interval"),
        ({"cron": "0 5 * * *", "slug": "daily"}, "slug", "names its own"),
        ({"cron": "0 5 * * *", "active": "{{ x }}"}, "active", "does not pause"),
        ({"cron": "0 5 * * *", "bogus": 1}, "bogus", "does not read this key of a schedule"),
        ({"cron": "0 5 * * *", "parameters": {"a": None}}, "parameters", "a: TOML has no null"),
        ({"cron": "0 5 * * *", "parameters": [1]}, "parameters", "it is not a mapping"),
    ],
)
def test_what_has_no_counterpart_is_reported(tmp_path, schedule, key, words):
    [taken], [left] = translated(tmp_path, schedule)
    assert key not in taken
    assert left.key == f"deployments.x.schedules.{key}"
    assert words in left.reason


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"cron": "0 5 * * *", "interval": 60}, "exactly one"),
        ({"timezone": "UTC"}, "exactly one"),
        ({"cron": "{{ prefect.variables.cron }}"}, "{{ prefect.variables.cron }}"),
        ({"interval": "soon"}, 'the interval is not valid: must be seconds, or text such as "'),
        ({"interval": [5]}, "the interval is not valid: must be seconds"),
        ({"interval": "nan"}, "the interval is not valid: must be seconds"),
        ({"interval": 1e300}, "the interval is not valid: must be seconds"),
        ({"cron": "0 5 * * *", "day_or": "maybe"}, "the day_or is not valid: must be true or"),
        ({"cron": ["0 5 * * *"]}, "the cron is not valid: must be text"),
        ({"rrule": {"a": 1}}, "the rrule is not valid: must be text"),
        ({"cron": "0 5 * * *", "timezone": ["UTC"]}, "the timezone is not text"),
        ({"rrule": '{"timezone": "UTC"}'}, "rrule is not valid"),
    ],
)
def test_a_schedule_that_cannot_be_imported_is_left_behind_whole(tmp_path, schedule, words):
    taken, [left] = translated(tmp_path, schedule)
    assert taken == []
    assert words in left.reason


@pytest.mark.parametrize("value", [{}, None, []])
def test_an_empty_schedule_gives_no_schedule(tmp_path, value):
    path = tmp_path / "prefect.yaml"
    path.write_text(yaml.safe_dump({"schedule": value, "schedules": value}))
    assert of_deployment(read(path), "x", problem) == ([], [])


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (
            {"cron": "0 5 * * *", "timezone": "Mars/Olympus"},
            '"Mars/Olympus" is not a timezone',
        ),
        ({"interval": 60, "timezone": "../etc"}, '"../etc" is not a timezone'),
        ({"interval": 60, "timezone": 5}, '"5" is not a timezone'),
        ({"rrule": '{"rrule": "FREQ=DAILY", "timezone": "X"}'}, '"X" is not a timezone'),
        ({"cron": "61 5 * * *"}, '"61" is not a minute (0-59)'),
        ({"cron": "0 0 30 2 *"}, "never runs"),
        ({"cron": "0 0 5 * * *"}, "remove the first field"),
        ({"rrule": "FREQ=DAILY;BYHOUR=25"}, "BYHOUR"),
        ({"interval": 0}, "at least one second"),
        ({"interval": -60}, "at least one second"),
        ({"interval": 0.5}, "at least one second"),
        ({"interval": 60, "anchor_date": "soon"}, "the anchor_date is not valid: must be a date"),
        ({"interval": 60, "anchor_date": 5}, "the anchor_date is not valid: must be a date"),
    ],
)
def test_what_flowship_would_refuse_is_not_imported(tmp_path, schedule, words):
    found, [left] = translated(tmp_path, schedule)
    assert found == []
    assert words in left.reason


def test_a_schedule_that_is_not_valid_is_reported_with_the_line_of_its_times(tmp_path):
    path = tmp_path / "prefect.yaml"
    path.write_text("schedules:\n- timezone: UTC\n  cron: '61 5 * * *'\n")
    _, [left] = of_deployment(read(path), "x", problem)
    assert (left.line, left.key) == (3, "x.schedules")
