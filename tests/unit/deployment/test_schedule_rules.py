"""What Prefect accepts as a timezone, an interval, a cron or a recurrence rule."""

from __future__ import annotations

import contextlib
import zoneinfo
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowship.deployment import schedule_rules, schedules
from flowship.errors import ConfigError, UsageError


@pytest.mark.parametrize(
    ("written", "seconds", "words"),
    [
        (90, 90, "every 1 minute 30 seconds"),
        ("90", 90, "every 1 minute 30 seconds"),
        ("15m", 900, "every 15 minutes"),
        ("15 minutes", 900, "every 15 minutes"),
        ("1h30m", 5400, "every 1 hour 30 minutes"),
        ("1d", 86400, "every day"),
        ("2w", 1209600, "every 14 days"),
        ("PT15M", 900, "every 15 minutes"),
        ("P1DT2H", 93600, "every 1 day 2 hours"),
        (1.5, 1.5, "every 1.5 seconds"),
        ("2 hrs 5 MINS", 7500, "every 2 hours 5 minutes"),
    ],
)
def test_intervals_are_read_in_the_ways_people_write_them(written, seconds, words):
    spec = schedules.parse(interval=written)
    assert (spec.seconds, spec.words) == (seconds, words)


@pytest.mark.parametrize(
    "written",
    ["", "soon", "15x", "-5", "0", 0, -1, "P", "PT", "3 months", "1month", "2mo", "10ms", "1h30",
     "5 days old", float("nan")],
)  # fmt: skip
def test_an_invalid_interval_is_refused_with_an_example(written):
    with pytest.raises(ConfigError) as caught:
        schedules.parse(interval=written)
    assert "15m" in caught.value.hint


@pytest.mark.parametrize(
    ("cron", "message", "hint"),
    [
        ("0 25 * * *", '"25" is not an hour (0-23)', "0 5 * * *"),
        ("61 5 * * *", '"61" is not a minute (0-59)', "0 5 * * *"),
        ("0 5 * * FUN", '"FUN" is not a day of week', "0 5 * * *"),
        ("0 0 5 * * *", "has 6 fields; a cron expression has 5 fields", '"0 5 * * *"'),
        ("0 5 *", "has 3 fields", "minute, hour"),
        ("", "has 0 fields", "minute, hour"),
        ("0 5 31 2 *", "never runs", "day of month"),
        ("H 5 * * *", "random and hashed", "minute (0-59)"),
        ("R(0-10) 5 * * *", "random and hashed", "minute (0-59)"),
        ("@fortnightly", "not a cron shorthand", "@daily"),
    ],
)
def test_a_wrong_cron_is_an_error_that_names_the_field_and_gives_an_example(cron, message, hint):
    with pytest.raises(UsageError) as caught:
        schedules.parse(cron=cron, where="--cron", error=UsageError)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.where == "--cron"


def test_a_cron_whose_two_days_never_coincide_is_refused_where_both_must_match():
    assert schedules.parse(cron="0 0 30 2 1").next_runs(datetime(2026, 1, 1, tzinfo=timezone.utc))
    with pytest.raises(ConfigError, match="never runs"):
        schedules.parse(cron="0 0 30 2 1", day_or=False)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("pacific/auckland", "Pacific/Auckland"),
        ("Pacific/Aukland", "Pacific/Auckland"),
        ("Auckland", "Pacific/Auckland"),
        ("new york", "America/New_York"),
        ("Mars/Olympus", "IANA name"),
    ],
)
def test_a_wrong_timezone_is_an_error_that_suggests_the_nearest_one(name, nearest):
    with pytest.raises(ConfigError) as caught:
        schedules.parse(cron="0 5 * * *", timezone=name)
    assert nearest in caught.value.hint


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("CEST", 'such as "Europe/Berlin"'),
        ("edt", 'such as "America/New_York"'),
        ("PST", 'such as "America/Los_Angeles"'),
        ("UTC+2", "an offset is not a timezone: use a city"),
        ("GMT -05:00", "an offset is not a timezone: use a city"),
        ("+0200", "an offset is not a timezone: use a city"),
        ("XYT", "use an IANA name"),
        ("utc", 'did you mean "UTC"?'),
    ],
)
def test_an_abbreviation_or_an_offset_is_never_taken_for_a_zone_of_other_hours(name, advice):
    with pytest.raises(ConfigError) as caught:
        schedules.parse(cron="0 5 * * *", timezone=name)
    assert advice in caught.value.hint


def test_every_city_in_the_advice_is_a_timezone():
    cities = schedule_rules._CITIES
    assert [schedule_rules.check_timezone(city) for city in cities.values()] == list(
        cities.values()
    )
    assert [name for name in cities if name in zoneinfo.available_timezones()] == []


@pytest.mark.parametrize(
    ("cron", "advice"),
    [
        ("0 5 * * * UTC", 'cron "0 5 * * *", timezone "UTC"'),
        ("0 5 * * 1-5 Europe/Berlin", 'cron "0 5 * * 1-5", timezone "Europe/Berlin"'),
        ("CRON_TZ=Asia/Tokyo 0 5 * * *", 'cron "0 5 * * *", timezone "Asia/Tokyo"'),
        ("0 5 * * * CEST", 'cron "0 5 * * *"; an abbreviation is not a timezone'),
        ("0 5 * * * UTC+2", 'cron "0 5 * * *"; an offset is not a timezone'),
        ("0 0 5 * * MON", 'remove the first field, "0 5 * * MON"'),
    ],
)
def test_a_timezone_in_a_cron_belongs_into_its_own_key(cron, advice):
    with pytest.raises(ConfigError) as caught:
        schedules.parse(cron=cron)
    assert advice in caught.value.hint


@pytest.mark.parametrize(
    "rule",
    ["", "FREQ=SOMETIMES", "every day", "FREQ=DAILY;BYDAY=XX", "RRULE:", "DTSTART:20260101T000000",
     "BYDAY=MO", "FREQ=DAILY;UNTIL=99999999999999999999", "FREQ=MONTHLY;BYDAY=9MO",
     "FREQ=HOURLY;INTERVAL=24;BYHOUR=5", "FREQ=DAILY;BYEASTER=99999"],
)  # fmt: skip
def test_a_wrong_rrule_is_refused_with_an_example(rule):
    with pytest.raises(ConfigError) as caught:
        schedules.parse(rrule=rule)
    assert "FREQ=WEEKLY" in caught.value.hint


@pytest.mark.parametrize(
    ("rule", "message", "hint"),
    [
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0", "1 or more"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL=-1", "1 or more"),
        ("FREQ=DAILY;COUNT=0", "COUNT=0", "1 or more"),
        ("RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY;INTERVAL=0", "INTERVAL=0", "1 or more"),
        ("FREQ=HOURLY;BYHOUR=5,25", "BYHOUR=25", "0 to 23"),
        ("FREQ=HOURLY;BYMINUTE=61", "BYMINUTE=61", "0 to 59"),
        ("FREQ=MINUTELY;BYSECOND=60", "BYSECOND=60", "0 to 59"),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH=13", "1 to 12"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY=0", "1 to 31"),
        ("FREQ=YEARLY;BYYEARDAY=-367", "BYYEARDAY=-367", "1 to 366"),
    ],
)
def test_a_number_of_a_rule_that_is_out_of_range_is_named(rule, message, hint):
    with pytest.raises(UsageError) as caught:
        schedules.parse(rrule=rule, where="--rrule", error=UsageError)
    assert f"{message} is out of range" in caught.value.message
    assert caught.value.hint.endswith(hint)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYHOUR=5;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;BYSETPOS=2",
        "FREQ=HOURLY;BYMINUTE=0,30;BYSETPOS=3",
        "RRULE:FREQ=DAILY\nEXRULE:FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
    ],
)
def test_a_rule_that_never_runs_is_refused_without_walking_through_every_minute(rule):
    with pytest.raises(ConfigError, match="never runs"):
        schedules.parse(rrule=rule)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_no_text_makes_the_parsers_crash(text):
    for kind in ("cron", "interval", "rrule", "timezone"):
        extra = {"cron": "0 5 * * *"} if kind == "timezone" else {}
        with contextlib.suppress(ConfigError):
            schedules.parse(**{kind: text}, **extra)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"interval": "1000000000d"}, "at most ten years"),
        ({"interval": int("9" * 401)}, "at most ten years"),
        ({"interval": "9" * 401}, "at most ten years"),
        ({"interval": float("inf")}, "at most ten years"),
        ({"rrule": "FREQ=DAILY;UNTIL=20301231T000000Z"}, "does not support an UNTIL in UTC"),
    ],
)
def test_a_schedule_that_prefect_cannot_count_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        schedules.parse(**given, timezone="UTC")
