"""Schedules as the server stores them, read as flowship's own."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from flowship.deployment.stored import in_order, next_run, parse_moment, stored_schedule, words_of

NEVER = {"cron": "0 0 30 2 1", "day_or": False, "timezone": "UTC"}


@pytest.mark.parametrize(
    "body",
    [
        {"rrule": "DTSTART:20200101T000000\nFREQ=DAILY;INTERVAL=0", "timezone": "UTC"},
        {"rrule": "FREQ=HOURLY;BYHOUR=25", "timezone": "UTC"},
        NEVER,
    ],
)
def test_a_stored_schedule_that_flowship_cannot_count_is_not_read(body):
    assert stored_schedule({"schedule": body}) is None


def test_a_stored_schedule_is_read_with_its_timezone_and_parameters():
    body = {"cron": "0 5 * * *", "timezone": "Pacific/Auckland", "day_or": True}
    schedule = stored_schedule({"schedule": body, "parameters": {"year": 2022}})
    assert schedule is not None
    assert schedule.payload() == body
    assert schedule.parameters == {"year": 2022}


@pytest.mark.parametrize("timezone_name", [None, ""])
def test_a_stored_schedule_without_a_timezone_is_in_utc(timezone_name):
    schedule = stored_schedule({"schedule": {"interval": 3600.0, "timezone": timezone_name}})
    assert schedule is not None
    assert (schedule.timezone, schedule.seconds) == ("UTC", 3600)


def test_a_schedule_without_times_is_not_read():
    assert stored_schedule({}) is None
    assert stored_schedule({"schedule": None}) is None


def test_a_stored_schedule_is_put_into_words_even_where_it_never_runs():
    assert words_of({"schedule": {"cron": "0 5 * * *"}}) == "every day at 05:00 UTC"
    assert words_of({"schedule": NEVER}) == f"{NEVER}, which never runs"


def test_the_start_that_the_server_adds_to_a_rule_is_not_in_words():
    rule, zone = "FREQ=DAILY;BYHOUR=3", "Europe/Berlin"
    for text in (rule, f"DTSTART:20200101T000000\n{rule}"):
        stored = {"schedule": {"rrule": text, "timezone": zone}}
        assert words_of(stored) == f"rrule '{rule}' {zone}"
    own = f"DTSTART:20240101T000000\n{rule}"
    words = words_of({"schedule": {"rrule": own, "timezone": zone}})
    assert words == f"rrule 'DTSTART:20240101T000000 {rule}' {zone}"


def test_stored_schedules_have_one_order_whatever_the_server_answers():
    times = {"cron": "0 5 * * *"}
    own = [{"slug": slug, "schedule": times} for slug in ("flowship-a", "flowship-b")]
    persons = [{"slug": None, "schedule": {"cron": f"{n} 1 * * *"}} for n in (1, 2)]
    expected = [*own, *persons]
    for answer in (expected, expected[::-1], [persons[1], own[1], own[0], persons[0]]):
        assert in_order(answer) == expected


@pytest.mark.parametrize("text", ["2026-06-01T00:00:00Z", "2026-06-01T00:00:00+00:00"])
def test_a_moment_of_the_api_is_read(text):
    assert parse_moment(text) == datetime(2026, 6, 1, tzinfo=timezone.utc)


NOW = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc)
DAILY = {"schedule": {"cron": "0 5 * * *"}, "active": True}
HOURLY = {
    "schedule": {"interval": 3600.0, "anchor_date": "2026-01-01T00:15:00Z"},
    "active": True,
}


def test_the_next_run_of_a_deployment_is_the_first_of_its_active_schedules():
    found = {"paused": False, "schedules": [DAILY, HOURLY]}
    assert next_run(found, NOW) == datetime(2026, 6, 1, 12, 15, tzinfo=timezone.utc)
    found["schedules"] = [DAILY, {**HOURLY, "active": False}]
    assert next_run(found, NOW) == datetime(2026, 6, 2, 5, 0, tzinfo=timezone.utc)


def test_a_paused_deployment_and_one_that_never_runs_have_no_next_run():
    assert next_run({"paused": True, "schedules": [DAILY]}, NOW) is None
    never = {"paused": False, "schedules": [{"schedule": NEVER, "active": True}]}
    assert next_run(never, NOW) is None
    assert next_run({"paused": False, "schedules": []}, NOW) is None
