"""How a deployment looks."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from flowship.deployment.parameters import ParameterValue
from flowship.deployment.plan import Action, Editor, FieldChange, Kept, Operation, Resource
from flowship.deployment.report import (
    AlertReport,
    BlockReport,
    DeploymentReport,
    DeployReport,
    NextRun,
    PoolReport,
    ScheduleReport,
)
from flowship.output import render_deploy
from support.rendering import shown

SCHEDULE = ScheduleReport(
    id="1",
    outcome="created",
    source="configuration",
    words="every day at 05:00 Pacific/Auckland",
    timezone="Pacific/Auckland",
    active=True,
    next_runs=(
        NextRun("2024-09-29T05:00:00+13:00", "2024-09-28T16:00:00+00:00"),
        NextRun("2024-09-30T05:00:00+13:00", "2024-09-29T16:00:00+00:00"),
    ),
    parameters={},
)


def report(**changes):
    deployment = {
        "id": "1",
        "name": "nightly",
        "flow_name": "taxi",
        "outcome": "created",
        "paused": False,
        "schedules": (SCHEDULE,),
        "removed_schedules": (),
        "parameters": (
            ParameterValue("months", [1, 2], "default", "a list"),
            ParameterValue("year", None, "missing", "a whole number"),
        ),
        "changes": (),
        "url": "http://127.0.0.1:4200/deployments/deployment/1",
        "warnings": (),
    }
    pool = {
        "name": "flowship",
        "outcome": "created",
        "widened": True,
        "live": ("image", "env"),
        "copied": (),
        "paused": False,
        "worker_online": False,
        "start_command": 'prefect worker start --pool "flowship" --type docker',
        "url": "",
    }
    whole = {
        "image": "user/taxi:1@sha256:2",
        "platform": "linux/amd64",
        "pushed": True,
        "api_url": "http://127.0.0.1:4200/api",
        "block": BlockReport("taxi-docker", "2", "created", (), {"privileged": True}, ""),
        "moved": (),
        "warnings": (),
        "operations": (),
        "dry_run": False,
        "kept": (),
    }
    for key, value in changes.items():
        next(part for part in (deployment, pool, whole) if key in part)[key] = value
    return DeployReport(
        **whole, pool=PoolReport(**pool), deployments=(DeploymentReport(**deployment),)
    )


def test_the_parameters_of_a_schedule_are_shown_below_it():
    schedules = (replace(SCHEDULE, parameters={"day": "2026-01-31", "full": True}),)
    text = shown(render_deploy.deployed(report(schedules=schedules)))
    assert 'with day = "2026-01-31", full = true' in text


def test_alerts_are_counted_and_a_disabled_one_is_among_what_is_kept():
    alerts = (
        AlertReport("1", "flowship: x: failed → a/b", "created", enabled=True, url=""),
        AlertReport("2", "flowship: x: late → a/b", "unchanged", enabled=False, url=""),
    )
    name = "flowship: x: late → a/b"
    kept = (Kept(Resource.AUTOMATION, name, "enabled", False, "disabled on the server"),)
    text = shown(render_deploy.deployed(replace(report(), alerts=alerts, kept=kept)))
    assert "2 automations (1 created, 1 unchanged, 1 disabled)" in text
    assert f"  = automation {name} (disabled on the server)" in text
    assert "alerts" not in shown(render_deploy.deployed(report()))


def many(number, **values):
    """The report of so many deployments."""
    [first] = report().deployments
    made = (replace(first, name=f"d[{n}]", **values) for n in range(number))
    return replace(report(worker_online=True), deployments=tuple(made))


def test_a_few_unchanged_deployments_are_shown_and_many_are_counted():
    few = shown(render_deploy.deployed(many(5, outcome="unchanged"))).splitlines()
    assert [line for line in few if "✓" in line] == [f"✓ unchanged taxi/d[{n}]" for n in range(5)]
    assert sum("every day" in line for line in few) == 5
    whole = many(6, outcome="unchanged")
    paused = replace(whole.deployments[0], paused=True)
    whole = replace(whole, deployments=(paused, *whole.deployments[1:]))
    text = shown(render_deploy.deployed(whole))
    assert "✓ unchanged: 6 deployments, 1 of them paused (`flowship status`)" in text
    assert "d[1]" not in text
    text = shown(render_deploy.deployed(replace(whole, dry_run=True)))
    assert "\nunchanged: 6 deployments, 1 of them paused" in text
    assert [d["name"] for d in whole.to_json()["deployments"]] == [f"d[{n}]" for n in range(6)]


def test_a_changed_one_of_many_is_shown_in_full_and_is_the_one_to_run_next():
    whole = many(7, outcome="unchanged")
    *others, last = whole.deployments
    whole = replace(whole, deployments=(*others, replace(last, outcome="updated")))
    text = shown(render_deploy.deployed(whole))
    assert text.startswith("✓ updated taxi/d[6]\n  runs        every day at 05:00")
    assert "✓ unchanged: 6 deployments (`flowship status`)" in text
    assert "`flowship run 'taxi/d[6]' --watch`" in text


def test_many_changed_ones_have_a_line_each():
    schedules = (SCHEDULE, replace(SCHEDULE, words="every hour UTC"))
    whole = many(6, outcome="created", schedules=schedules, removed_schedules=("at [noon]",))
    lines = shown(render_deploy.deployed(whole)).splitlines()
    assert lines[0] == (
        "✓ created taxi/d[0]: every day at 05:00 Pacific/Auckland and 1 more; removed at [noon]"
    )
    assert sum("taxi/d[" in line for line in lines) == 7, "and the one to run next"
    without = shown(render_deploy.deployed(many(6, outcome="created", schedules=(), paused=True)))
    assert "✓ created taxi/d[5] (paused): no schedule" in without


def test_a_warning_that_many_deployments_have_is_shown_once():
    whole = many(6, warnings=("the image is for linux/arm64",))
    lines = shown(render_deploy.deployed(whole)).splitlines()
    warning = "warning: 6 deployments: the image is for linux/arm64"
    assert [line for line in lines if "warning" in line] == [warning]


def test_seconds_are_shown_where_a_run_has_some():
    runs = (NextRun("2024-09-29T05:00:30+13:00", "2024-09-28T16:00:30+00:00"),)
    schedules = (replace(SCHEDULE, words="every 90 seconds", next_runs=runs),)
    text = shown(render_deploy.deployed(report(schedules=schedules)))
    assert "2024-09-29 05:00:30 +13:00  2024-09-28 16:00:30 UTC" in text
    assert "2024-09-29 05:00 +13:00  2024-09-28 16:00 UTC" in shown(
        render_deploy.deployed(report())
    )


def test_a_deployment_shows_what_runs_when_with_which_parameters_and_on_which_worker():
    text = shown(render_deploy.deployed(report()))
    assert "created taxi/nightly" in text
    assert "every day at 05:00 Pacific/Auckland" in text
    assert "2024-09-29 05:00 +13:00  2024-09-28 16:00 UTC" in text
    assert text.count(" UTC") == 2
    assert "[1, 2]" in text
    assert "missing" in text
    assert "user/taxi:1@sha256:2" in text
    assert "docker-container/taxi-docker" in text
    assert text.count(" UTC") == 2  # a zone with an offset has a second column


def test_warnings_come_last_and_at_their_end_what_keeps_runs_from_starting():
    changes = {"warnings": ("beware of [x]", "checked")}
    text = shown(render_deploy.deployed(report(**changes), attention=("checked", "old base")))
    assert text.splitlines()[-5:] == [
        "  next: `flowship run taxi/nightly --watch`",
        "warning: checked",
        "warning: old base",
        "warning: beware of [x]",
        'warning: no worker is online for the work pool "flowship": start one with '
        '`prefect worker start --pool "flowship" --type docker`',
    ]


def test_a_warning_of_one_of_several_deployments_names_it():
    one = report(warnings=(), worker_online=True)
    (first,) = one.deployments
    second = replace(first, name="week [1]", warnings=("beware",))
    text = shown(render_deploy.deployed(replace(one, deployments=(first, second))))
    assert text.endswith("warning: taxi/week [1]: beware")


def test_the_next_command_can_be_pasted():
    one = report(worker_online=True)
    (first,) = one.deployments
    renamed = replace(one, deployments=(replace(first, name="it's [1]"),))
    line = shown(render_deploy.deployed(renamed)).splitlines()[-1]
    command = line.partition("`")[2].rstrip("`")
    assert shlex.split(command) == ["flowship", "run", "taxi/it's [1]", "--watch"]
    assert "next:" not in shown(render_deploy.deployed(report(dry_run=True)))


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "Europe/London"])
def test_where_the_local_time_is_utc_it_has_one_column(zone):
    runs = (NextRun("2026-11-29T05:00:00+00:00", "2026-11-29T05:00:00+00:00"),)
    schedule = replace(SCHEDULE, timezone=zone, next_runs=runs)
    text = shown(render_deploy.deployed(report(schedules=(schedule,))))
    assert "              2026-11-29 05:00 UTC\n" in text
    assert text.count("05:00 UTC") == 1


def test_a_zone_that_leaves_utc_among_the_runs_keeps_both_columns():
    runs = (
        NextRun("2026-03-28T05:00:00+00:00", "2026-03-28T05:00:00+00:00"),
        NextRun("2026-03-29T05:00:00+01:00", "2026-03-29T04:00:00+00:00"),
    )
    schedule = replace(SCHEDULE, timezone="Europe/London", next_runs=runs)
    text = shown(render_deploy.deployed(report(schedules=(schedule,))))
    assert "05:00 +00:00  2026-03-28 05:00 UTC" in text


def test_the_digest_can_be_left_to_the_result():
    text = shown(render_deploy.deployed(report(), digest=False))
    assert "  image       user/taxi:1\n" in text
    assert "sha256" not in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pushed": False}, "only on this engine"),
        ({"worker_online": True}, "online"),
        ({"worker_online": None}, "unknown: the server did not respond"),
        ({"schedules": ()}, "no schedule: runs only when started"),
        ({"paused": True}, "taxi/nightly (paused)"),
        ({"paused": True}, "would run   every day at 05:00"),
        ({"removed_schedules": ("every hour",)}, "removed     every hour"),
        ({"moved": ("taxi/[weekly]",)}, "also runs the new image: taxi/[weekly]"),
        ({"warnings": ("beware of [x]",)}, "warning: beware of [x]"),
        (
            {"copied": ("networks",), "widened": False, "outcome": "found"},
            "runs read image, env from the block; networks were copied",
        ),
        (
            {"kept": (Kept(Resource.BLOCK, "b", "volumes", ["a:/b"], "not set"),)},
            'block b: volumes = ["a:/b"] (not set)',
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_out_of_the_ordinary_is_shown(changes, words):
    ordinary = shown(render_deploy.deployed(report()))
    text = shown(render_deploy.deployed(report(**changes)))
    assert words in text
    assert words not in ordinary or words == "online"


def test_schedules_of_a_person_and_paused_ones_are_marked():
    added = replace(SCHEDULE, source="server", active=False)
    text = shown(render_deploy.deployed(report(schedules=(added,))))
    assert "(paused, added manually)" in text


def test_the_result_of_deploy_is_a_name_that_run_takes():
    assert render_deploy.deployment_names(report()) == "taxi/nightly"


CRON = FieldChange("schedule", "every hour", "every day", "configuration")
EDITED = FieldChange("mem_limit", "8g", "1g", "configuration", edited_by=Editor.PERSON)


def test_a_dry_run_lists_each_operation_with_its_fields_and_marks_edits_of_a_person():
    operations = (
        Operation(Action.CREATE, Resource.WORK_POOL, "flowship", "it does not exist"),
        Operation(Action.UPDATE, Resource.BLOCK, "b", "configuration differs", changes=(EDITED,)),
        Operation(Action.UPDATE, Resource.SCHEDULE, "a/[b]: x", "configuration", changes=(CRON,)),
        Operation(Action.DELETE, Resource.SCHEDULE, "a/b: y", "no longer configured"),
    )
    text = shown(render_deploy.deployed(report(dry_run=True, operations=operations)))
    assert text.splitlines()[1:7] == [
        "  + create work-pool flowship (it does not exist)",
        "  ~ update block b (configuration differs)",
        '      mem_limit: "8g" → "1g"  edited on the server',
        "  ~ update schedule a/[b]: x (configuration)",
        '      schedule: "every hour" → "every day"',
        "  - delete schedule a/b: y (no longer configured)",
    ]
    assert text.endswith("nothing was changed (--dry-run)")


def test_a_dry_run_without_changes_says_so():
    text = shown(render_deploy.deployed(report(dry_run=True)))
    assert text.startswith("no changes: ")
