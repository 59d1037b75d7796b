"""How a plan looks on a terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flowship.output import render_plan
from flowship.planning.project_plan import ImagePlan
from support.planning import LEFT, OPERATIONS, project_plan, report
from support.rendering import shown

PLAN = """\
image: would be built and pushed (flows/taxi.py changed)
changes at http://127.0.0.1:4200/api:
  + create work-pool flowship (it does not exist)
  ~ update block taxi-docker (the configuration differs)
      mem_limit: "8g" → "1g"  edited on the server 2026-05-01 04:12 UTC by ada
      env.B: "2" → "3"
  ~ update schedule taxi/nightly: every day at 05:00 UTC (configuration)
      schedule: "every hour" → "every day at 05:00 UTC"
  - delete deployment taxi/old (no longer configured)
kept as it is on the server:
  = schedule taxi/nightly: every day at 05:00 UTC
      paused on the server, 2026-05-01 04:12 UTC by ada
  = block taxi-docker: privileged = true (the configuration does not set it)
no longer in the configuration:
  ! deployment taxi/weekly
      still runs every Monday at 06:00 UTC; --prune deletes it
"""
TOTALS = """\
plan: 1 image to build, 1 to create, 2 to update, 1 to delete; 2 kept;\
 1 no longer in the configuration"""


def test_a_plan_says_what_changes_what_stays_and_what_left():
    assert shown(render_plan.project(project_plan())) == PLAN + TOTALS


def test_what_stays_after_a_rollback_has_another_title():
    lines = shown(render_plan.rest(report(origin="rollback to release [2]"))).splitlines()
    assert "not part of the rollback to release [2]:" in lines
    assert "no longer in the configuration:" not in lines


def test_a_plan_without_changes_says_so():
    nothing = ImagePlan("a", "nothing", report(operations=(), kept=(), left=()))
    assert shown(render_plan.project(project_plan(nothing))).splitlines() == [
        "image: up to date in the registry",
        "no changes: http://127.0.0.1:4200/api is up to date",
        "plan: no changes",
    ]


def test_each_of_several_images_has_its_name():
    images = (ImagePlan("a", "push", report()), ImagePlan("b", "nothing", report()))
    text = shown(render_plan.project(project_plan(*images)))
    assert "image a: built; would be pushed" in text
    assert "image b: up to date in the registry" in text


def test_a_change_that_is_longer_than_a_line_has_two():
    long = replace(OPERATIONS[2].changes[0], before="a" * 60, after="b" * 60)
    text = shown(render_plan.operation(replace(OPERATIONS[2], changes=(long,))))
    assert text.splitlines()[1:] == [
        f'      schedule: "{"a" * 60}"',
        f'        → "{"b" * 60}"',
    ]


def test_a_note_that_does_not_fit_has_a_line():
    long = replace(OPERATIONS[1].changes[0], before="a" * 40)
    lines = shown(render_plan.operation(replace(OPERATIONS[1], changes=(long,)))).splitlines()
    assert lines[2:] == ["        edited on the server 2026-05-01 04:12 UTC by ada"]


def test_a_command_is_never_broken_in_two():
    gone = replace(LEFT[0], deletes="`flowship delete --env staging taxi/weekly`", watched=False)
    assert shown(render_plan.left([gone])).splitlines()[2:] == [
        "      still runs every Monday at 06:00 UTC, without alerts;",
        "      `flowship delete --env staging taxi/weekly` deletes it",
    ]


def test_every_line_that_has_no_long_value_fits_into_80_columns():
    assert max(map(len, PLAN.splitlines())) <= 80


def test_names_from_a_server_are_not_markup():
    hostile = replace(OPERATIONS[3], name="taxi/[red]x[/red]\x1b[2J")
    assert "taxi/[red]x[/red]" in shown(render_plan.operation(hostile))


def test_the_warnings_of_all_steps_come_once():
    plan = project_plan(ImagePlan("a", "nothing", report(warnings=("w", "x"))))
    lines = shown(render_plan.warnings(plan, ["x", "y"])).splitlines()
    assert lines[:2] == ["warning: x", "warning: y"]
    assert lines.count("warning: x") == 1
    assert "warning: w" in lines


def test_a_saved_plan_names_its_file_and_the_command_that_carries_it_out():
    assert shown([render_plan.saved(Path("plan.json"), None)]) == (
        "saved in plan.json: `flowship ship --plan plan.json` carries it out"
    )
    assert "`flowship ship --env production --plan 'my [plan].json'`" in shown(
        [render_plan.saved(Path("my [plan].json"), "production")]
    )
