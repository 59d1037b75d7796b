"""How the next runs of a schedule look."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flowship.deployment.schedule_preview import preview
from flowship.deployment.schedules import parse
from flowship.output import render_schedule
from support import rendering


def shown(start: str, count: int = 3, **schedule: str) -> list[str]:
    spec = parse(**schedule)  # type: ignore[arg-type]
    moment = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(spec.timezone))
    return rendering.shown(render_schedule.previewed(preview(spec, moment, count))).splitlines()


def test_each_run_is_shown_in_its_timezone_and_in_utc_with_the_change_between_them():
    assert shown("2026-10-24", cron="0 5 * * *", timezone="Europe/Berlin") == [
        "every day at 05:00 Europe/Berlin",
        "  Sat 24 Oct 2026 05:00 +02:00  03:00 UTC",
        "  clocks go back on Sun 25 Oct: 03:00 becomes 02:00",
        "  Sun 25 Oct 2026 05:00 +01:00  04:00 UTC",
        "  Mon 26 Oct 2026 05:00 +01:00  04:00 UTC",
    ]


def test_utc_is_not_shown_twice_and_seconds_only_where_there_are_any():
    assert shown("2026-10-24", 1, cron="0 5 * * *")[1] == "  Sat 24 Oct 2026 05:00 UTC"
    assert shown("2026-10-24", 2, interval="90")[2] == "  Sat 24 Oct 2026 00:01:30 UTC"


def test_the_lines_fit_80_columns():
    lines = shown("2026-03-28", 2, cron="30 2 * * *", timezone="Europe/Berlin")
    lines += shown("2026-10-24", 2, cron="30 0 * * *", timezone="Africa/Casablanca")
    assert max(map(len, lines)) <= 80
    assert "in place of 02:30" in lines[2] + lines[3]
