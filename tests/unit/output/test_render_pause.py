"""What was paused or resumed, and when the next run starts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from flowship.deployment.pausing import PauseChange
from flowship.output import render_pause
from support import rendering

NOW = datetime(2026, 11, 26, 4, 0, tzinfo=timezone.utc)


def shown(**values: object) -> list[str]:
    known = {
        "name": "taxi/nightly",
        "schedule": None,
        "words": "",
        "paused": True,
        "changed": True,
        "deployment_paused": True,
        "paused_schedules": (),
        "next_run": None,
        "going_on": (),
    }
    done = PauseChange(**{**known, **values})  # type: ignore[arg-type]
    return rendering.shown(render_pause.changed(done, NOW)).splitlines()


def test_a_paused_deployment_has_no_next_run():
    assert shown() == ["✓ paused taxi/nightly", "  next run: none, until it is resumed"]
    assert shown(changed=False)[0] == "taxi/nightly is already paused"


def test_runs_that_go_on_are_named():
    assert shown(going_on=("amber-fox",))[-1] == "  amber-fox continues"
    assert shown(going_on=("amber-fox", "red-owl"))[-1] == "  amber-fox, red-owl continue"


def test_a_resumed_deployment_shows_its_next_run_and_what_is_still_paused():
    lines = shown(
        paused=False,
        deployment_paused=False,
        next_run=NOW + timedelta(hours=1),
        paused_schedules=("hourly",),
    )
    assert lines[0] == "✓ resumed taxi/nightly"
    assert lines[1].endswith("(in 1 h)")
    assert lines[2] == (
        "  the schedule hourly is still paused:"
        " `flowship resume taxi/nightly --schedule hourly` resumes it"
    )


def test_a_resumed_schedule_of_a_paused_deployment_says_how_to_resume_it():
    lines = shown(schedule="hourly", words="every hour", paused=False)
    assert lines == [
        "✓ resumed taxi/nightly, every hour",
        "  next run: none, until it is resumed",
        "  the deployment is paused as a whole: `flowship resume taxi/nightly` resumes it",
    ]


def test_a_deployment_without_schedules_simply_has_no_next_run():
    assert shown(paused=False, changed=False, deployment_paused=False) == [
        "taxi/nightly is not paused",
        "  next run: none",
    ]
    assert render_pause.names([]) == ""
