"""Schedules in words."""

from __future__ import annotations

import pytest

from flowship.deployment import schedules


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 5 * * *", "every day at 05:00 Pacific/Auckland"),
        ("0 5,17 * * *", "every day at 05:00 and 17:00 Pacific/Auckland"),
        ("* * * * *", "every minute Pacific/Auckland"),
        ("*/15 * * * *", "every 15 minutes Pacific/Auckland"),
        ("7 * * * *", "every hour at minute 7 Pacific/Auckland"),
        ("0 */6 * * *", "every 6 hours Pacific/Auckland"),
        ("30 8 * * 1-5", "every weekday (Monday to Friday) at 08:30 Pacific/Auckland"),
        ("30 8 * * MON,thu", "every Monday and Thursday at 08:30 Pacific/Auckland"),
        ("0 0 * * 0", "every Sunday at 00:00 Pacific/Auckland"),
        ("0 4 1 * *", "day 1 of every month at 04:00 Pacific/Auckland"),
        ("0 4 24 12 *", "every 24 December at 04:00 Pacific/Auckland"),
        ("@daily", "every day at 00:00 Pacific/Auckland"),
        ("*/7 3-5 * * 2", "cron '*/7 3-5 * * 2' Pacific/Auckland"),
        ("*/25 * * * *", "cron '*/25 * * * *' Pacific/Auckland"),
    ],
)
def test_a_cron_is_put_into_words_or_left_as_it_is(cron, words):
    assert schedules.parse(cron=cron, timezone="Pacific/Auckland").words == words
