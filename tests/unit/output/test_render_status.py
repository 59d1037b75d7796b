"""How the status of a project looks, at 80 columns."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from flowship.output import render_status
from flowship.status.record import (
    AlertStatus,
    Attention,
    LockStatus,
    NextRun,
    Problem,
    ProjectStatus,
    ScheduleStatus,
    Source,
    WorkerStatus,
)
from support import rendering
from support.statuses import HEALTHY, IMAGE, NIGHTLY, NOW, POOL, of, run


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def shown(found: ProjectStatus, *, unicode: bool = True) -> str:
    return rendering.shown(render_status.status(found, unicode=unicode))


def test_a_healthy_project():
    assert shown(HEALTHY) == (
        "taxi at http://127.0.0.1:4200/api\n"
        "release 12: ship by ada@laptop, 2 h ago\n"
        "\n"
        "taxi/nightly\n"
        "  schedule    every day at 05:00 Europe/Berlin\n"
        "  next run    Fri 27 Nov 05:00 CET (in 23 h)\n"
        "  last runs   ✓✓  Completed 3 h ago, took 2 min\n"
        "\n"
        "  image       user/de-repo:4f2a9c1b7d3e (abababababab)\n"
        "              built from the project's current files\n"
        "  work pool   flowship\n"
        "  worker      online worker-1, heard 8 s ago\n"
        "\n"
        "  ✓ completed\n"
        "  the newest run is on the right"
    )


def test_an_alert_that_a_person_disabled_is_one_line_at_the_deployment():
    names = ("flowship: taxi: failed → slack-webhook/ops", "flowship: taxi: late → a/[b]")
    failed, late = (AlertStatus(name, enabled=False) for name in names)
    enabled = AlertStatus("flowship: taxi: stuck → a/b", enabled=True)
    text = shown(of(replace(NIGHTLY, alerts=(failed, enabled))))
    line = "\n  alerts      1 of 2 disabled: failed → slack-webhook/ops\n"
    assert line in text
    assert "alerts" not in shown(of(replace(NIGHTLY, alerts=(enabled,))))
    text = shown(of(replace(NIGHTLY, alerts=(late, failed, enabled))), unicode=False)
    assert "2 of 3 disabled: late -> a/[b] and 1 more" in text
    assert text.isascii()


EVERY_STATE = [
    "COMPLETED",
    "FAILED",
    "CRASHED",
    "CANCELLED",
    "CANCELLING",
    "PAUSED",
    "SCHEDULED",
    "PENDING",
    "RUNNING",
]


def test_each_state_has_a_sign_that_the_legend_explains_and_all_fits_80_columns():
    found = of(replace(NIGHTLY, runs=tuple(map(run, EVERY_STATE))))
    text = shown(found)
    assert "  last runs   ✓✗!––=↻…▶  Running, for 2 min" in text
    legend = "✓ completed  ✗ failed  ! crashed  – canceled  ▶ running  … starting  = paused"
    assert legend in text
    assert max(map(len, text.splitlines())) <= 100
    assert shown(found, unicode=False).isascii()
    assert "+x!--=r.>  Running" in shown(found, unicode=False)


def test_what_is_paused_says_so_at_its_place():
    two = (
        ScheduleStatus("daily-0500", "every day at 05:00 UTC", True),
        ScheduleStatus("hourly", "every hour", False),
    )
    text = shown(of(replace(NIGHTLY, schedules=two)))
    assert "  schedule    every day at 05:00 UTC  daily-0500\n" in text
    assert "  schedule    every hour (paused)  hourly\n" in text
    text = shown(
        of(replace(NIGHTLY, paused=True, next_run=None), pools=(replace(POOL, paused=True),))
    )
    assert "taxi/nightly (paused)\n" in text
    assert "  next run    none while paused\n" in text
    assert "  work pool   flowship (paused)\n" in text


def test_a_deployment_without_a_schedule_and_without_runs():
    found = replace(NIGHTLY, schedules=(), next_run=None, runs=())
    text = shown(of(found))
    assert "  schedule    none: runs only when started\n" in text
    assert "  next run    none\n" in text
    assert "  last runs   none yet\n" in text
    assert "the newest run" not in text


def test_a_run_that_a_person_planned_and_runs_that_wait():
    following = NextRun(NOW + timedelta(minutes=5), by_schedule=False)
    text = shown(of(replace(NIGHTLY, next_run=following, waiting=2)))
    assert "(in 5 min, started by a person)" in text
    assert "2 runs wait for others to end: their number is limited" in text


def test_files_that_were_edited_are_named():
    changed = ("flows/a.py", "flows/b.py", "requirements.txt", "x", "y")
    image = replace(IMAGE, source=Source.EDITED, changed=changed)
    text = shown(replace(HEALTHY, images=(image,)))
    assert "edited since: flows/a.py, flows/b.py, requirements.txt and 2 more\n" in text
    unknown = shown(replace(HEALTHY, images=(replace(IMAGE, source=Source.UNKNOWN),)))
    assert "edited" not in unknown
    assert "current files" not in unknown


def test_workers_that_are_offline_or_many():
    [worker] = POOL.workers
    offline = replace(worker, online=False, heard=NOW - timedelta(hours=9))
    text = shown(replace(HEALTHY, pools=(replace(POOL, workers=(offline, offline)),)))
    assert text.count("offline worker-1, heard 9 h ago") == 1
    many = replace(POOL, workers=(worker,) * 5)
    assert "and 2 more online" in shown(replace(HEALTHY, pools=(many,)))
    assert "  worker      none\n" in shown(replace(HEALTHY, pools=(replace(POOL, workers=()),)))


def test_a_deploy_in_progress_and_what_needs_a_person():
    lock = LockStatus("bob@ci", "2026-11-26T04:59:00+00:00", expired=False)
    note = Attention(Problem.LATE_RUNS, "taxi/nightly", "taxi/nightly: 2 runs are late")
    text = shown(replace(HEALTHY, lock=lock, attention=(note,)))
    assert "a deploy is in progress: bob@ci, since 2026-11-26T04:59:00+00:00\n" in text
    assert "warning: taxi/nightly: 2 runs are late\n" in text
    text = shown(replace(HEALTHY, lock=replace(lock, expired=True)))
    assert "a deploy was interrupted: bob@ci, since 2026-11-26T04:59:00+00:00;" in text


def test_a_project_that_was_not_deployed_and_an_old_release():
    text = shown(replace(HEALTHY, deployments=(), images=(), pools=()))
    assert text.endswith("nothing is deployed: run `flowship ship`")
    assert HEALTHY.release
    old = replace(HEALTHY.release, number=0, who="", made_by="deploy")
    assert "last release: deploy, 2 h ago\n" in shown(replace(HEALTHY, release=old))


def test_names_of_the_server_cannot_change_the_screen():
    evil = "a\x1b[2J[bold]b\nc"
    worker = WorkerStatus(evil, True, None)
    found = of(
        replace(NIGHTLY, name=evil, schedules=(ScheduleStatus(evil, evil, False),)),
        pools=(replace(POOL, name=evil, workers=(worker,)),),
        images=(replace(IMAGE, reference=evil),),
        project=evil,
    )
    text = shown(found)
    assert "\x1b" not in text
    assert text.count("a␛[2J[bold]b␊c") == 7
