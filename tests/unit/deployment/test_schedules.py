"""Schedules: what is refused, how they are told, and that the next runs are Prefect's own."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flowship.deployment import recurrence, schedules
from flowship.errors import ConfigError, UsageError

ZONES = ["Pacific/Auckland", "America/New_York", "Europe/London", "UTC", "Australia/Lord_Howe"]
# The days around which both of each year's clock changes fall, and ordinary ones.
MOMENTS = st.one_of(
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31)),
    st.sampled_from(
        ["2026-04-04T11:00", "2026-09-26T11:00", "2026-03-08T04:00", "2026-11-01T03:00"]
    )
    .map(datetime.fromisoformat)
    .flatmap(lambda d: st.integers(0, 36 * 3600).map(lambda s: d + timedelta(seconds=s))),
).map(lambda d: d.replace(tzinfo=timezone.utc))


def prefect_dates(body: dict, now: datetime, n: int) -> list[datetime]:
    from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

    kind = {"cron": CronSchedule, "interval": IntervalSchedule, "rrule": RRuleSchedule}
    model = next(kind[key] for key in body if key in kind)
    return asyncio.run(model(**body).get_dates(n=n, start=now))


def same(ours, theirs) -> None:
    assert [d.isoformat() for d in ours] == [d.isoformat() for d in theirs]


def cron_field(low: int, high: int):
    one = st.integers(low, high)
    return st.one_of(
        st.just("*"),
        one.map(str),
        st.lists(one, min_size=1, max_size=3, unique=True).map(lambda v: ",".join(map(str, v))),
        st.tuples(one, one).map(lambda p: f"{min(p)}-{max(p)}" if p[0] != p[1] else str(p[0])),
        st.integers(2, 10).map(lambda n: f"*/{n}"),
    )


CRONS = st.tuples(
    cron_field(0, 59), cron_field(0, 23), cron_field(1, 28), cron_field(1, 12), cron_field(0, 6)
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(CRONS, st.sampled_from(ZONES), MOMENTS, st.booleans())
def test_the_next_runs_of_a_cron_are_those_that_prefect_will_make(cron, zone, now, day_or):
    try:
        spec = schedules.parse(cron=cron, timezone=zone, day_or=day_or)
    except ConfigError:
        assume(False)
    same(spec.next_runs(now, 4), prefect_dates(spec.payload(), now, 4))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cron", ["30 1 * * *", "30 2 * * *", "0 * * * *", "*/20 1-3 * * *"])
@pytest.mark.parametrize("day", ["2026-04-04", "2026-09-26", "2026-03-07", "2026-10-31"])
def test_crons_near_a_clock_change_run_when_prefect_says(cron, zone, day):
    spec = schedules.parse(cron=cron, timezone=zone)
    for hour in (0, 11, 13, 14, 15, 23):
        now = datetime.fromisoformat(f"{day}T{hour:02}:17:03.500+00:00")
        same(spec.next_runs(now, 6), prefect_dates(spec.payload(), now, 6))


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(st.integers(60, 200_000), st.sampled_from([3600, 86400, 90000, 604800])),
    st.sampled_from(ZONES),
    MOMENTS,
    st.integers(0, 400 * 86400),
)
def test_the_next_runs_of_an_interval_are_those_that_prefect_will_make(seconds, zone, now, ago):
    anchor = now - timedelta(seconds=ago)
    spec = schedules.parse(interval=seconds, timezone=zone)
    body = spec.payload(anchor.isoformat())
    ours = spec.next_runs(now, 4, anchor=anchor)
    same(ours, prefect_dates(body, now, 4))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(
        [
            "FREQ=DAILY;BYHOUR=2;BYMINUTE=30",
            "FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=5",
            "RRULE:FREQ=MONTHLY;BYDAY=2TU",
            "FREQ=HOURLY;INTERVAL=7",
            "FREQ=MINUTELY;INTERVAL=17",
            "FREQ=DAILY;COUNT=3000",
            "DTSTART:20240101T093000\nRRULE:FREQ=DAILY;INTERVAL=3",
            "FREQ=WEEKLY;UNTIL=20300101T000000",
            "RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY;BYDAY=SU",
            "RRULE:FREQ=HOURLY;BYMINUTE=15,45\nEXRULE:FREQ=HOURLY;INTERVAL=2;BYMINUTE=15",
            "DTSTART:20240101T013000Z\nRRULE:FREQ=MINUTELY;INTERVAL=131",
        ]
    ),
    st.sampled_from(ZONES),
    MOMENTS,
)
def test_the_next_runs_of_an_rrule_are_those_that_prefect_will_make(rule, zone, now):
    from prefect._internal.schemas.validators import normalize_rrule_string

    spec = schedules.parse(rrule=rule, timezone=zone)
    yesterday = now - timedelta(days=1)
    stored = normalize_rrule_string(rule, now=yesterday, timezone=zone)  # as the server keeps it
    assert schedules.same_rrule(stored, rule)
    theirs = prefect_dates({"rrule": stored, "timezone": zone}, now, 4)
    same(spec.next_runs(now, 4), theirs)
    same(schedules.parse(rrule=stored, timezone=zone).next_runs(now, 4), theirs)


def test_a_rule_that_has_ended_has_no_next_runs():
    spec = schedules.parse(rrule="FREQ=DAILY;UNTIL=20200201T000000")
    assert spec.next_runs(datetime(2026, 1, 1, tzinfo=timezone.utc)) == ()


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
def test_a_cron_is_told_in_words_or_left_as_it_is(cron, words):
    assert schedules.parse(cron=cron, timezone="Pacific/Auckland").words == words


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
def test_an_interval_that_is_none_is_refused_with_an_example(written):
    with pytest.raises(ConfigError) as caught:
        schedules.parse(interval=written)
    assert "15m" in caught.value.hint


@pytest.mark.parametrize(
    ("cron", "message", "hint"),
    [
        ("0 25 * * *", '"25" is not an hour (0-23)', "0 5 * * *"),
        ("61 5 * * *", '"61" is not a minute (0-59)', "0 5 * * *"),
        ("0 5 * * FUN", '"FUN" is not a day of week', "0 5 * * *"),
        ("0 0 5 * * *", "has 6 fields; a cron has five", '"0 5 * * *"'),
        ("0 5 *", "has 3 fields", "minute, hour"),
        ("", "has 0 fields", "minute, hour"),
        ("0 5 31 2 *", "never runs", "day of month"),
        ("H 5 * * *", "random and hashed", "minute (0-59)"),
        ("R(0-10) 5 * * *", "random and hashed", "minute (0-59)"),
        ("@fortnightly", "not a cron shorthand", "@daily"),
    ],
)
def test_a_wrong_cron_names_the_field_and_the_way_out(cron, message, hint):
    with pytest.raises(UsageError) as caught:
        schedules.parse(cron=cron, where="--cron", error=UsageError)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.where == "--cron"


def test_a_cron_whose_two_days_never_meet_is_refused_where_both_must_hold():
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
def test_a_wrong_timezone_names_the_nearest_right_one(name, nearest):
    with pytest.raises(ConfigError) as caught:
        schedules.parse(cron="0 5 * * *", timezone=name)
    assert nearest in caught.value.hint


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
def test_a_rule_that_never_comes_is_refused_without_looking_through_every_minute(rule):
    with pytest.raises(ConfigError, match="never runs"):
        schedules.parse(rrule=rule)


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-06-30T00:00:00+00:00"),
        ("FREQ=HOURLY;BYMINUTE=0,30;BYSETPOS=2", "2026-06-01T00:30:00+00:00"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2028-02-29T00:00:00+00:00"),
        ("DTSTART:20010101T000000\nRRULE:FREQ=SECONDLY;INTERVAL=3", "2026-06-01T00:00:00+00:00"),
        ("RDATE:20300101T000000", "2030-01-01T00:00:00+00:00"),
    ],
)
def test_a_rule_that_seldom_comes_or_began_long_ago_is_counted(rule, first):
    runs = schedules.parse(rrule=rule).next_runs(datetime(2026, 6, 1, tzinfo=timezone.utc), 1)
    assert [run.isoformat() for run in runs] == [first]


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=MINUTELY\nEXRULE:FREQ=MINUTELY",
        "RRULE:FREQ=DAILY\nEXRULE:FREQ=SECONDLY",
        "FREQ=SECONDLY;COUNT=99999999999",
        "DTSTART:99991231T000000\nRRULE:FREQ=DAILY;UNTIL=99991231T000000\nEXDATE:99991231T000000",
        "FREQ=MINUTELY;INTERVAL=" + "9" * 400,
    ],
)
def test_a_rule_that_cannot_be_counted_has_no_next_runs(rule, monkeypatch):
    monkeypatch.setattr(recurrence, "MOST_MOMENTS", 10_000)
    spec = schedules.parse(rrule=rule)
    assert spec.next_runs(datetime(2026, 6, 1, tzinfo=timezone.utc)) == ()


def test_where_the_calendar_ends_the_next_runs_do():
    now = datetime(9999, 12, 30, tzinfo=timezone.utc)
    for given_ in ({"cron": "0 5 * * *"}, {"interval": "1d"}, {"rrule": "FREQ=DAILY"}):
        assert len(schedules.parse(**given_).next_runs(now)) <= 2


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_no_text_makes_the_parsers_crash(text):
    for kind in ("cron", "interval", "rrule", "timezone"):
        extra = {"cron": "0 5 * * *"} if kind == "timezone" else {}
        with contextlib.suppress(ConfigError):
            schedules.parse(**{kind: text}, **extra)


def test_one_kind_exactly_is_taken():
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
    ("given", "message"),
    [
        ({"interval": "1000000000d"}, "at most ten years"),
        ({"interval": int("9" * 401)}, "at most ten years"),
        ({"interval": "9" * 401}, "at most ten years"),
        ({"interval": float("inf")}, "at most ten years"),
        ({"rrule": "FREQ=DAILY;UNTIL=20301231T000000Z"}, "does not support an UNTIL in UTC"),
    ],
)
def test_what_prefect_could_not_count_is_told(given, message):
    with pytest.raises(ConfigError, match=message):
        schedules.parse(**given, timezone="UTC")
