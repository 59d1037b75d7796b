"""The next runs of a schedule are Prefect's own."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from flowship.deployment import recurrence, schedules
from flowship.errors import ConfigError

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
    # For steps in the day of the month that must be a weekday too, Prefect's own copy of croniter
    # leaves out days that the released one finds: "* * */10 * 5" skips Friday, 1 March 2024.
    assume(day_or or "/" not in cron.split()[2])
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
@example(60, "America/New_York", datetime(2026, 11, 1, 5, 59, 1, tzinfo=timezone.utc), 1)
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
    ("rule", "first"),
    [
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-06-30T00:00:00+00:00"),
        ("FREQ=HOURLY;BYMINUTE=0,30;BYSETPOS=2", "2026-06-01T00:30:00+00:00"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2028-02-29T00:00:00+00:00"),
        ("DTSTART:20010101T000000\nRRULE:FREQ=SECONDLY;INTERVAL=3", "2026-06-01T00:00:00+00:00"),
        ("RDATE:20300101T000000", "2030-01-01T00:00:00+00:00"),
    ],
)
def test_a_rule_that_rarely_runs_or_began_long_ago_is_counted(rule, first):
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


def test_the_next_runs_end_where_the_calendar_ends():
    now = datetime(9999, 12, 30, tzinfo=timezone.utc)
    for given_ in ({"cron": "0 5 * * *"}, {"interval": "1d"}, {"rrule": "FREQ=DAILY"}):
        assert len(schedules.parse(**given_).next_runs(now)) <= 2
