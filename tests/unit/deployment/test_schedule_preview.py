"""The next runs of a schedule, and what happens to them when the clocks change."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flowship.deployment.recurrence import BY_WHENEVER
from flowship.deployment.schedule_preview import PreviewedRun, preview
from flowship.deployment.schedules import parse

BERLIN = "Europe/Berlin"
AUTUMN, SPRING = "2026-10-24", "2026-03-28"  # the days before the clocks change there

classic = pytest.mark.skipif(BY_WHENEVER, reason="Prefect counts otherwise on this Python")


def runs(start: str, count: int = 3, **schedule: str) -> list[PreviewedRun]:
    spec = parse(**schedule)  # type: ignore[arg-type]
    moment = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(spec.timezone))
    return list(preview(spec, moment, count).runs)


def clocks(found: list[PreviewedRun]) -> list[str]:
    return [run.local.strftime("%d %H:%M %z") for run in found]


def notes(found: list[PreviewedRun]) -> list[str]:
    return [run.note for run in found]


def changes(found: list[PreviewedRun]) -> list[str]:
    return [f"{c.before:%d %H:%M} → {c.after:%H:%M}" if (c := run.change) else "" for run in found]


def test_a_run_keeps_its_time_of_day_when_the_clocks_change() -> None:
    found = runs(AUTUMN, cron="0 5 * * *", timezone=BERLIN)
    assert clocks(found) == ["24 05:00 +0200", "25 05:00 +0100", "26 05:00 +0100"]
    assert [run.utc.hour for run in found] == [3, 4, 4]
    assert changes(found) == ["", "25 03:00 → 02:00", ""]
    assert notes(found) == ["", "", ""]


def test_a_time_that_comes_twice_is_named() -> None:
    found = runs(AUTUMN, cron="30 2 * * *", timezone=BERLIN)
    assert clocks(found) == ["24 02:30 +0200", "25 02:30 +0200", "26 02:30 +0100"]
    assert notes(found) == ["", "the first 02:30 of this night", ""]
    assert changes(found) == ["", "", "25 03:00 → 02:00"]
    assert not found[2].change or not found[2].change.forward


def test_a_time_that_the_clocks_skip_is_named_with_what_takes_its_place() -> None:
    found = runs(SPRING, cron="30 2 * * *", timezone=BERLIN)
    instead = "03:30 +0200" if BY_WHENEVER else "01:30 +0100"
    assert clocks(found)[1] == f"29 {instead}"
    assert notes(found)[1] == "in place of 02:30 (skipped)"
    assert [c for c in changes(found) if c] == ["29 02:00 → 03:00"]


def test_of_two_times_near_the_gap_the_one_that_was_skipped_is_named() -> None:
    found = runs("2026-03-29T01:10", 1, cron="0,30 2 29 3 *", timezone=BERLIN)
    skipped = "02:00" if found[0].local.minute == 0 else "02:30"
    assert notes(found) == [f"in place of {skipped} (skipped)"]


def test_a_change_of_half_an_hour_counts_too() -> None:
    found = runs("2026-10-03", 3, cron="15 2 * * *", timezone="Australia/Lord_Howe")
    assert [c for c in changes(found) if c] == ["04 02:00 → 02:30"]
    assert notes(found)[1] == "in place of 02:15 (skipped)"


KINDS = {
    "cron": {"cron": "30 2 * * *"},
    "rrule": {"rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=30;BYSECOND=0"},
    "interval": {"interval": "1d"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("start", "night", "clock", "note"),
    [
        ("2026-03-28T02:30", 29, None, "in place of 02:30 (skipped)"),
        ("2026-10-24T02:30", 25, "02:30", " 02:30 of this night"),
    ],
    ids=["forward", "back"],
)
def test_all_kinds_of_schedules_say_what_a_change_does_to_them_and_count_as_prefect(
    kind: str, start: str, night: int, clock: str | None, note: str
) -> None:
    found = runs(start, 2, timezone=BERLIN, **KINDS[kind])
    moment = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(BERLIN))
    theirs = asyncio.run(prefects(kind, moment).get_dates(2, moment))
    assert [run.utc for run in found] == [each.astimezone(timezone.utc) for each in theirs]
    assert found[1].local.day == night
    assert clock in (None, f"{found[1].local:%H:%M}")
    assert notes(found)[1].partition(",")[0].removeprefix("the ").removeprefix(
        "second" if found[1].local.fold else "first"
    ) == note.removeprefix("the ")


def prefects(kind: str, anchor: datetime) -> Any:
    """The schedule as the server has it."""
    from prefect.server.schemas import schedules

    if kind == "cron":
        return schedules.CronSchedule(cron=KINDS[kind]["cron"], timezone=BERLIN)
    if kind == "rrule":
        return schedules.RRuleSchedule(rrule=KINDS[kind]["rrule"], timezone=BERLIN)
    return schedules.IntervalSchedule(
        interval=timedelta(days=1), anchor_date=anchor, timezone=BERLIN
    )


def test_a_rule_that_also_names_the_time_before_the_gap_skips_nothing() -> None:
    rule = "FREQ=DAILY;BYHOUR=1,2;BYMINUTE=30;BYSECOND=0"
    found = runs("2026-03-29T00:00", 3, rrule=rule, timezone=BERLIN)
    assert clocks(found) == ["29 01:30 +0100", "30 01:30 +0200", "30 02:30 +0200"]
    assert notes(found) == ["", "", ""]
    found = runs("2026-03-29T00:00", 1, timezone=BERLIN, rrule="RDATE:20260329T023000")
    assert notes(found) == ["in place of 02:30 (skipped)"]


@classic
def test_an_interval_that_a_change_makes_uneven_says_by_how_much() -> None:
    found = runs("2026-10-25T01:30", 4, interval="1h", timezone=BERLIN)
    assert clocks(found)[:3] == ["25 01:30 +0200", "25 02:30 +0200", "25 03:30 +0100"]
    assert notes(found)[2] == "2 h after the run before it"


def test_counting_from_a_time_that_is_skipped_begins_when_the_clocks_change() -> None:
    found = runs("2026-03-29T02:30", 2, cron="0 3 * * *", timezone=BERLIN)
    assert clocks(found) == ["29 03:00 +0200", "30 03:00 +0200"]
    assert changes(found) == ["29 02:00 → 03:00", ""]
    found = runs("2026-10-04T02:10", 1, cron="0 5 * * *", timezone="Australia/Lord_Howe")
    assert changes(found) == ["04 02:00 → 02:30"]


def test_utc_has_no_changes() -> None:
    found = runs(SPRING, 5, cron="30 2 * * *")
    assert set(notes(found)) == set(changes(found)) == {""}


def test_a_schedule_that_has_ended_has_no_runs() -> None:
    assert runs(SPRING, rrule="FREQ=DAILY;UNTIL=20200201T000000") == []
