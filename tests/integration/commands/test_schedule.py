"""`flowship schedule preview` as a user types it."""

from __future__ import annotations

import pytest

from support.commands import misfits, one_object
from support.shapes import ERROR, SCHEDULE_PREVIEW

CRON = ("schedule", "preview", "30 2 * * *", "--timezone", "Europe/Berlin")


def test_the_next_runs_are_the_result_and_need_neither_project_nor_server(cli, tmp_path):
    (tmp_path / "flowship.toml").write_text("half = ")
    done = cli(*CRON, "--from", "2026-10-24", "-n", "3")
    assert done.code == 0
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "every day at 02:30 Europe/Berlin",
        "  Sat 24 Oct 2026 02:30 +02:00  00:30 UTC",
        "  Sun 25 Oct 2026 02:30 +02:00  00:30 UTC  the first 02:30 of this night",
        "  clocks go back on Sun 25 Oct: 03:00 becomes 02:00",
        "  Mon 26 Oct 2026 02:30 +01:00  01:30 UTC",
    ]


def test_ten_runs_from_now_on_by_default(cli):
    for arguments in (["--interval", "15m"], ["--rrule", "FREQ=DAILY"], ["@hourly"]):
        assert len(cli("schedule", "preview", *arguments).stdout.splitlines()) >= 11


def test_the_shape_of_json(cli):
    found = one_object(cli(*CRON, "--from", "2026-10-24T12:00+00:00", "--json").stdout)
    assert misfits(found, SCHEDULE_PREVIEW) == []
    assert found["slug"] == "daily-0230"
    assert found["runs"][0]["utc"] == "2026-10-25T00:30:00+00:00"
    assert found["runs"][1]["change"]["before"].startswith("2026-10-25T03:00:00")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "schedule-ambiguous"),
        (["0 5 * * *", "--interval", "1h"], "schedule-ambiguous"),
        (["--rrule", "FREQ=DAILY;COUNT=2"], "schedule-never-runs"),
        (["0 5 * *"], "cron-invalid"),
        (["0 5 * * *", "--timezone", "Europe/Berln"], "timezone-unknown"),
        (["0 5 * * *", "--from", "tomorrow"], "invalid-time"),
        (["0 5 * * *", "-n", "0"], "invalid-usage"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_schedule_is_an_error_of_usage(cli, arguments, code):
    done = cli("schedule", "preview", *arguments, "--json")
    error = one_object(done.stdout)
    assert misfits(error, ERROR) == []
    assert (done.code, error["error"]["code"]) == (2, code)


def test_without_a_schedule_the_hint_says_what_to_give(cli):
    done = cli("schedule", "preview")
    assert "give one" in done.stderr
    assert "keep one" not in done.stderr
    assert "keep one" in cli("schedule", "preview", "@daily", "--interval", "1h").stderr


def test_a_schedule_that_is_over_is_the_error_that_ship_ends_with(cli):
    done = cli("schedule", "preview", "--rrule", "FREQ=DAILY;COUNT=2")
    assert '"FREQ=DAILY;COUNT=2" has no upcoming runs' in done.stderr
    assert "check UNTIL, COUNT and DTSTART" in done.stderr
    assert done.stdout == ""
