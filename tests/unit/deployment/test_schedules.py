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
