"""Schedules as the server stores them, read as flowship's own."""

from __future__ import annotations

import pytest

from flowship.deployment.stored import stored_schedule


@pytest.mark.parametrize(
    "body",
    [
        {"rrule": "DTSTART:20200101T000000\nFREQ=DAILY;INTERVAL=0", "timezone": "UTC"},
        {"rrule": "FREQ=HOURLY;BYHOUR=25", "timezone": "UTC"},
        {"cron": "0 0 30 2 1", "day_or": False, "timezone": "UTC"},
    ],
)
def test_a_stored_schedule_that_flowship_cannot_count_is_none(body):
    assert stored_schedule({"schedule": body}) is None
