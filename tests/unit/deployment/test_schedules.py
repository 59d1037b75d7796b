"""A schedule: its kind, its fingerprint and its timezone."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from flowship.deployment import schedules
from flowship.errors import ConfigError


def test_a_schedule_has_exactly_one_kind():
    for given_ in ({}, {"cron": "0 5 * * *", "interval": 60}):
        with pytest.raises(ConfigError, match="exactly one"):
            schedules.parse(**given_)


def test_a_fingerprint_follows_the_content_and_nothing_else():
    one = schedules.parse(cron="0 5  * * *", timezone="UTC")
    assert one.fingerprint() == schedules.parse(cron="0 5 * * *").fingerprint()
    other = schedules.parse(cron="0 5 * * *", parameters={"year": 2022})
    assert one.fingerprint() != other.fingerprint()
    json.dumps(other.payload())


def test_next_runs_are_in_the_schedules_own_timezone():
    spec = schedules.parse(cron="0 5 * * *", timezone="Pacific/Auckland")
    first, second, third = spec.next_runs(datetime(2026, 6, 1, tzinfo=timezone.utc))
    assert first.isoformat() == "2026-06-02T05:00:00+12:00"
    assert first.tzinfo == ZoneInfo("Pacific/Auckland")
    assert (second - first, third - second) == (timedelta(days=1), timedelta(days=1))


@pytest.mark.parametrize(
    ("given", "slug"),
    [
        ({"cron": "0 5 * * *"}, "daily-0500"),
        ({"cron": "@daily"}, "daily-0000"),
        ({"cron": "30 5,17 * * *"}, "daily-0530-1730"),
        ({"cron": "0 5 * * 1-5"}, "weekdays-0500"),
        ({"cron": "0 5 * * mon,thu"}, "monday-thursday-0500"),
        ({"cron": "0 5 1 * *"}, "day-1-of-every-month-0500"),
        ({"cron": "15 * * * *"}, "hourly-minute-15"),
        ({"cron": "*/15 * * * *"}, "every-15-minutes"),
        ({"cron": "*/7 8-16 * * 1-5"}, "cron-7-8-16-1-5"),
        ({"interval": "1d"}, "daily"),
        ({"interval": "1h30m"}, "every-1-hour-30-minutes"),
        ({"rrule": "FREQ=DAILY;BYHOUR=5"}, "rrule-freq-daily-byhour-5"),
    ],
)
def test_a_slug_says_when_a_schedule_runs(given, slug):
    found = schedules.parse(timezone="Pacific/Auckland", **given).slug
    assert found == slug


def test_a_slug_is_not_longer_than_can_be_read():
    days = ",".join(str(n) for n in range(1, 29))
    assert len(schedules.parse(rrule=f"FREQ=MONTHLY;BYMONTHDAY={days}").slug) <= 60


def test_an_interval_counts_from_its_anchor_in_both_directions():
    anchor = datetime(2026, 1, 5, 6, 0)
    spec = schedules.parse(interval="2 weeks", timezone="Europe/Berlin", anchor_date=anchor)
    assert spec.words == "every 14 days, counted from 2026-01-05 06:00 Europe/Berlin"
    assert spec.slug == "every-14-days"
    assert spec.payload("2020-01-01T00:00:00Z")["anchor_date"] == "2026-01-05T06:00:00+01:00"
    now, stored = (
        datetime(2026, 7, 1, tzinfo=timezone.utc),
        datetime(2020, 1, 1, tzinfo=timezone.utc),
    )
    first, second, _ = spec.next_runs(now, anchor=stored)
    assert [first.isoformat(), second.isoformat()] == [
        "2026-07-06T07:00:00+02:00", "2026-07-20T07:00:00+02:00",
    ]  # fmt: skip
    (before,) = spec.next_runs(datetime(2025, 12, 20, tzinfo=timezone.utc), 1)
    assert before.isoformat() == "2025-12-22T06:00:00+01:00"


def test_an_anchor_with_an_offset_becomes_one_in_the_schedules_timezone():
    utc = datetime(2026, 1, 5, 5, 0, tzinfo=timezone.utc)
    one = schedules.parse(interval=60, timezone="Europe/Berlin", anchor_date=utc)
    wall = datetime(2026, 1, 5, 6, 0)
    two = schedules.parse(interval=60, timezone="Europe/Berlin", anchor_date=wall)
    assert one.fingerprint() == two.fingerprint()
    assert one.fingerprint() != schedules.parse(interval=60, timezone="Europe/Berlin").fingerprint()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"cron": "0 5 * * *", "timezone": "UTC", "day-or": False, "parameters": {}}, ""),
        ({"interval": 60, "anchor-date": datetime(2026, 1, 5, tzinfo=timezone.utc)}, ""),
        ({"cron": "${CRON}", "timezone": "Mars"}, ""),
        ({"cron": "0 5 * *"}, '"0 5 * *" has 4 fields; a cron expression has 5 fields; minute'),
    ],
)
def test_a_schedule_of_the_configuration_is_validated_in_words(table, words):
    found = schedules.problem(table)
    assert found.startswith(words)
    assert bool(found) == bool(words)
