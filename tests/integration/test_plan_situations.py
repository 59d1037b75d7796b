"""Situations before and after, on a real server: what the plan says, that a deploy does it, and
that a second plan is empty."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from flowship.deployment.desired import Flags
from flowship.output import render_plan
from support.deploying import Project
from support.persons import (
    Act,
    add_schedule,
    both,
    delete_block,
    delete_deployment,
    delete_schedule,
    edit_cron,
    edited,
    edited_block,
    pause_pool,
    pause_schedule,
    recreate,
    swap_pool,
)
from support.rendering import shown

pytestmark = pytest.mark.server

NEW = "user/de-repo:new@sha256:" + "cd" * 32
DAILY = {"name": "nightly", "cron": "0 5 * * *", "timezone": "Pacific/Auckland"}
DAYS = {"type": "object", "properties": {"day": {"type": "string"}}, "required": []}


@dataclass(frozen=True)
class Situation:
    """What is there, what a person does on the server, what is configured then.

    Attributes:
        name: What it is about.
        says: The lines of the plan; names without the project's tag, and times as TIME.
        before: The configuration of the first deploy, over `DAILY`.
        person: What a person does after it.
        after: The configuration of the plan, over that of the first deploy.
        flags: The options of the plan.
        facts: Of the image that is planned.
        stays: What the second plan says still: what is kept, and what is left.
    """

    name: str
    says: str
    before: dict = field(default_factory=dict)
    person: Act = lambda p: None
    after: dict = field(default_factory=dict)
    flags: Flags = field(default_factory=Flags)
    facts: dict = field(default_factory=dict)
    stays: str = ""


def merged(deployment: dict, changes: dict) -> dict:
    return {k: v for k, v in {**deployment, **changes}.items() if v is not None}


def configure(project: Project, changes: dict) -> None:
    """The keys in upper case are of the project, others of its deployment."""
    for key, value in changes.items():
        if key.isupper():
            project.values[key.lower().replace("_", "-")] = value
    own = {k: v for k, v in changes.items() if not k.isupper()}
    if own:
        (deployment,) = project.values["deployments"]
        project.values["deployments"] = [merged(deployment, own)]


def lines(project: Project, report) -> str:
    text = shown(render_plan.of_report(report), width=200)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d\s+UTC", "TIME", text.replace(f"-{project.tag}", ""))
    heading = re.compile(r"(no )?changes(:| at) http\S+.*")
    return "\n".join(line for line in text.splitlines() if not heading.fullmatch(line))


WEEKLY = {"name": "weekly", "cron": "0 6 * * 1"}
PRUNE = Flags(prune=True)
STAYS = "as it says"
"""What is kept is all that the plan says, before and after."""
SITUATIONS = [
    Situation(
        "nothing",
        says="",
    ),
    Situation(
        "a cron",
        says="""
  ~ update schedule flow/nightly: every day at 07:00 Pacific/Auckland
      configuration
      schedule: "every day at 05:00 Pacific/Auckland"
        → "every day at 07:00 Pacific/Auckland"
""",
        after={"cron": "0 7 * * *"},
    ),
    Situation(
        "a timezone",
        says="""
  ~ update schedule flow/nightly: every day at 05:00 UTC
      configuration
      schedule: "every day at 05:00 Pacific/Auckland" → "every day at 05:00 UTC"
""",
        after={"timezone": "UTC"},
    ),
    Situation(
        "an interval instead",
        says="""
  ~ update schedule flow/nightly: every 15 minutes (configuration)
      schedule: "every day at 05:00 Pacific/Auckland" → "every 15 minutes"
""",
        after={"cron": None, "interval": "15m"},
    ),
    Situation(
        "a second schedule",
        says="""
  + create schedule flow/nightly: every day at 06:00 UTC
      configuration
""",
        after={"cron": None, "timezone": None, "schedules": [
            {"cron": "0 5 * * *", "timezone": "Pacific/Auckland"}, {"cron": "0 6 * * *"}]},
    ),
    Situation(
        "parameters of a schedule",
        says="""
  ~ update schedule flow/nightly: every day at 05:00 Pacific/Auckland
      configuration
      parameters.year: nothing → 2022
""",
        after={"cron": None, "timezone": None, "schedules": [
            {"cron": "0 5 * * *", "timezone": "Pacific/Auckland", "parameters": {"year": 2022}}]},
    ),
    Situation(
        "no schedule any more",
        says="""
  - delete schedule flow/nightly: every day at 05:00 Pacific/Auckland
      no longer configured
""",
        after={"cron": None, "timezone": None},
    ),
    Situation(
        "a schedule by option",
        says="""
  ~ update schedule flow/nightly: every day at 04:15 Pacific/Auckland
      by flag
      schedule: "every day at 05:00 Pacific/Auckland"
        → "every day at 04:15 Pacific/Auckland"
""",
        flags=Flags(cron="15 4 * * *"),
    ),
    Situation(
        "no schedule by option",
        says="""
  - delete schedule flow/nightly: every day at 05:00 Pacific/Auckland
      --no-schedule
""",
        flags=Flags(no_schedule=True),
    ),
    Situation(
        "a person's schedule",
        says="""
kept as it is on the server:
  = schedule flow/nightly: every day at 12:00 UTC
      added on the server, TIME
""",
        person=add_schedule,
        stays=STAYS,
    ),
    Situation(
        "a person's schedule, and another cron",
        says="""
  ~ update schedule flow/nightly: every day at 07:00 Pacific/Auckland
      configuration
      schedule: "every day at 05:00 Pacific/Auckland"
        → "every day at 07:00 Pacific/Auckland"
kept as it is on the server:
  = schedule flow/nightly: every day at 12:00 UTC
      added on the server, TIME
""",
        person=add_schedule,
        after={"cron": "0 7 * * *"},
        stays="""
kept as it is on the server:
  = schedule flow/nightly: every day at 12:00 UTC (added on the server)
""",
    ),
    Situation(
        "a paused schedule",
        says="""
kept as it is on the server:
  = schedule flow/nightly: every day at 05:00 Pacific/Auckland
      paused on the server, TIME
""",
        person=pause_schedule,
        stays=STAYS,
    ),
    Situation(
        "a paused schedule, and another cron",
        says="""
  ~ update schedule flow/nightly: every day at 07:00 Pacific/Auckland
      configuration
      schedule: "every day at 05:00 Pacific/Auckland"
        → "every day at 07:00 Pacific/Auckland"
kept as it is on the server:
  = schedule flow/nightly: every day at 05:00 Pacific/Auckland
      paused on the server, TIME
""",
        person=pause_schedule,
        after={"cron": "0 7 * * *"},
        stays="""
kept as it is on the server:
  = schedule flow/nightly: every day at 07:00 Pacific/Auckland
      paused on the server
""",
    ),
    Situation(
        "an edited cron",
        says="""
  ~ update schedule flow/nightly: every day at 05:00 Pacific/Auckland
      configuration
      schedule: "every day at 09:00 Pacific/Auckland"
        → "every day at 05:00 Pacific/Auckland"
        edited on the server TIME
""",
        person=edit_cron,
    ),
    Situation(
        "an edited cron, and another one configured",
        says="""
  ~ update schedule flow/nightly: every day at 07:00 Pacific/Auckland
      configuration
      schedule: "every day at 09:00 Pacific/Auckland"
        → "every day at 07:00 Pacific/Auckland"
        edited on the server TIME
""",
        person=edit_cron,
        after={"cron": "0 7 * * *"},
    ),
    Situation(
        "a deleted schedule",
        says="""
  + create schedule flow/nightly: every day at 05:00 Pacific/Auckland
      it was deleted on the server
""",
        person=delete_schedule,
    ),
    Situation(
        "a parameter",
        says="""
  ~ update deployment flow/nightly (configuration)
      parameters.year: nothing → 2022
""",
        after={"parameters": {"year": 2022}},
    ),
    Situation(
        "a parameter by option",
        says="""
  ~ update deployment flow/nightly (--param)
      parameters.year: nothing → 2022
""",
        flags=Flags(parameters={"year": "2022"}),
    ),
    Situation(
        "a parameter that a person set",
        says="""
  ~ update deployment flow/nightly (not configured)
      parameters.year: 1999 → nothing  edited on the server TIME
""",
        person=edited(parameters={"year": 1999}),
    ),
    Situation(
        "a parameter that is no longer configured",
        says="""
  ~ update deployment flow/nightly (not configured)
      parameters.year: 2022 → nothing
""",
        before={"parameters": {"year": 2022}},
        after={"parameters": None},
    ),
    Situation(
        "a tag",
        says="""
  ~ update deployment flow/nightly (configuration)
      tags: [] → ["nightly"]
""",
        after={"tags": ["nightly"]},
    ),
    Situation(
        "a tag that a person added",
        says="""
  ~ update deployment flow/nightly (configuration)
      tags: ["a", "urgent"] → ["a"]  edited on the server TIME
""",
        before={"tags": ["a"]},
        person=edited(tags=["a", "urgent"]),
    ),
    Situation(
        "a description",
        says="""
  ~ update deployment flow/nightly (configuration)
      description: "Loads taxi rides." → "Loads."
""",
        after={"description": "Loads."},
    ),
    Situation(
        "a concurrency limit",
        says="""
  ~ update deployment flow/nightly (configuration)
      concurrency_limit: nothing → 2
""",
        after={"concurrency-limit": 2},
    ),
    Situation(
        "what a run does that exceeds the limit",
        says="""
  ~ update deployment flow/nightly (configuration)
      concurrency_limit: nothing → 2
      concurrency_options: nothing → "cancel-new"
""",
        after={"concurrency": {"limit": 2, "on-conflict": "cancel-new"}},
    ),
    Situation(
        "a work queue",
        says="""
  ~ update deployment flow/nightly (configuration)
      work_queue_name: "default" → "fast"
""",
        after={"work-queue": "fast"},
    ),
    Situation(
        "a version",
        says="""
  ~ update deployment flow/nightly (configuration)
      version: nothing → "2026.1"
""",
        after={"version": "2026.1"},
    ),
    Situation(
        "parameters that are not enforced",
        says="""
  ~ update deployment flow/nightly (configuration)
      enforce_parameter_schema: true → false
""",
        after={"enforce-parameters": False},
    ),
    Situation(
        "parameters that a person does not enforce",
        says="""
kept as it is on the server:
  = deployment flow/nightly: enforce_parameter_schema = false
      the configuration does not set it, TIME
""",
        person=edited(enforce_parameter_schema=False),
        stays=STAYS,
    ),
    Situation(
        "a job variable",
        says="""
  ~ update deployment flow/nightly (configuration)
      job_variables.mem_limit: "{{ prefect.blocks.docker-container.taxi-docker.mem_limit }}"
        → "1g"
""",
        after={"job-variables": {"mem_limit": "1g"}},
    ),
    Situation(
        "paused by option",
        says="""
  ~ update deployment flow/nightly (--paused or --no-paused)
      paused: false → true
""",
        flags=Flags(paused=True),
    ),
    Situation(
        "paused by a person",
        says="""
kept as it is on the server:
  = deployment flow/nightly
      paused on the server, TIME
""",
        person=edited(paused=True),
        stays=STAYS,
    ),
    Situation(
        "resumed by a person",
        says="""
kept as it is on the server:
  = deployment flow/nightly
      resumed on the server, TIME
""",
        before={"paused": True},
        person=edited(paused=False),
        stays=STAYS,
    ),
    Situation(
        "a new image",
        says="""
  ~ update block taxi-docker (new image)
      image: "user/de-repo:tag@sha256:abababababab…"
        → "user/de-repo:new@sha256:cdcdcdcdcdcd…"
""",
        facts={"reference": NEW},
    ),
    Situation(
        "a new image together with another limit",
        says="""
  ~ update block taxi-docker (new image, the configuration differs)
      mem_limit: nothing → "1g"
      image: "user/de-repo:tag@sha256:abababababab…"
        → "user/de-repo:new@sha256:cdcdcdcdcdcd…"
""",
        after={"BLOCK": {"mem-limit": "1g"}},
        facts={"reference": NEW},
    ),
    Situation(
        "an image that was never pushed",
        says="""
  ~ update block taxi-docker (new image, not pushed)
      image: "user/de-repo:tag@sha256:abababababab…" → "de-taxi:4f2a"
      image_pull_policy: "IfNotPresent" → "Never"
""",
        facts={"reference": "de-taxi:4f2a", "pushed": False},
    ),
    Situation(
        "an image that is not built yet",
        says="""
  ~ update block taxi-docker (new image)
      image: "user/de-repo:tag@sha256:abababababab…"
        → "user/de-repo (new image)"
""",
        facts={"reference": "user/de-repo (new image)", "built": False},
    ),
    Situation(
        "other parameters of the flow",
        says="""
  ~ update deployment flow/nightly (the flow's parameters)
      parameter_openapi_schema: ["months", "year", "colour"] → ["day"]
""",
        facts={"parameters": DAYS},
    ),
    Situation(
        "another entrypoint",
        says="""
  ~ update deployment flow/nightly (configuration)
      entrypoint: "flows/taxi.py:taxi" → "b.py:b"
""",
        facts={"entrypoint": "b.py:b"},
    ),
    Situation(
        "a field of the block",
        says="""
  ~ update block taxi-docker (the configuration differs)
      mem_limit: nothing → "1g"
""",
        after={"BLOCK": {"mem-limit": "1g"}},
    ),
    Situation(
        "a field of the block that a person changed",
        says="""
  ~ update block taxi-docker (the configuration differs)
      mem_limit: "8g" → "1g"  edited on the server TIME
""",
        before={"BLOCK": {"mem-limit": "1g"}},
        person=edited_block(mem_limit="8g"),
    ),
    Situation(
        "a field of the block that a person set",
        says="""
kept as it is on the server:
  = block taxi-docker: privileged = true
      the configuration does not set it, TIME
""",
        person=edited_block(privileged=True),
        stays=STAYS,
    ),
    Situation(
        "a variable of the block",
        says="""
  ~ update block taxi-docker (the configuration differs)
      env.A: "1" → "2"
""",
        before={"BLOCK": {"env": {"A": "1", "B": "1"}}},
        after={"BLOCK": {"env": {"A": "2", "B": "1"}}},
    ),
    Situation(
        "an image that a person set in the block",
        says="""
  ~ update block taxi-docker (the block's image was edited)
      image: "other/image:edited" → "user/de-repo:tag@sha256:abababababab…"
        edited on the server TIME
""",
        person=edited_block(image="other/image:edited"),
    ),
    Situation(
        "a deleted block",
        says="""
  + create block taxi-docker (it was deleted on the server)
""",
        person=delete_block,
    ),
    Situation(
        "a second deployment",
        says="""
  + create deployment flow/weekly (it does not exist)
  + create schedule flow/weekly: every Monday at 05:00 UTC
      configuration
""",
        after={"DEPLOYMENTS": [DAILY, {"name": "weekly", "cron": "0 5 * * 1"}]},
    ),
    Situation(
        "a deleted deployment",
        says="""
  + create deployment flow/nightly (it was deleted on the server)
  + create schedule flow/nightly: every day at 05:00 Pacific/Auckland
      it was deleted on the server
""",
        person=delete_deployment,
    ),
    Situation(
        "a deployment that a person deleted and created again",
        says="""
  ~ update deployment flow/nightly
      configuration, follows the block; edited on the server TIME
      pull_steps: []
        → [{"prefect.deployments.steps.set_working_directory": {"directory": "/opt/prefect/flows"}}]
      job_variables.auto_remove: nothing
        → "{{ prefect.blocks.docker-container.taxi-docker.auto_remove }}"
        and 12 more references, to the same block
      job_variables.env: nothing → {}
      description: nothing → "Loads taxi rides."
  + create schedule flow/nightly: every day at 05:00 Pacific/Auckland
      it was deleted on the server
""",
        person=recreate,
    ),
    Situation(
        "another pool that a person chose",
        says="""
  ~ update deployment flow/nightly (configuration)
      work_pool_name: "other" → "pool"
        edited on the server TIME
""",
        person=swap_pool,
    ),
    Situation(
        "a paused pool",
        says="""
kept as it is on the server:
  = work-pool pool (paused on the server)
""",
        person=pause_pool,
        stays=STAYS,
    ),
    Situation(
        "a deployment that left the configuration",
        says="""
no longer in the configuration:
  ! deployment flow/weekly
      still runs every Monday at 06:00 UTC; --prune deletes it
""",
        before={"DEPLOYMENTS": [DAILY, WEEKLY]},
        after={"DEPLOYMENTS": [DAILY]},
        stays=STAYS,
    ),
    Situation(
        "one that left, deleted",
        says="""
  - delete deployment flow/weekly (no longer configured)
""",
        before={"DEPLOYMENTS": [DAILY, WEEKLY]},
        after={"DEPLOYMENTS": [DAILY]},
        flags=PRUNE,
    ),
    Situation(
        "one that left, paused at once",
        says="""
  ~ update deployment flow/weekly (no longer configured)
      paused: false → true
no longer in the configuration:
  ! deployment flow/weekly (paused; --prune deletes it)
""",
        before={"DEPLOYMENTS": [DAILY, WEEKLY]},
        after={"DEPLOYMENTS": [DAILY], "WHEN_REMOVED": "pause"},
        stays="""
no longer in the configuration:
  ! deployment flow/weekly (paused; --prune deletes it)
""",
    ),
    Situation(
        "one that left, with a person's schedule, not deleted",
        says="""
no longer in the configuration:
  ! deployment flow/nightly
      still runs every day at 12:00 UTC and every day at 05:00 Pacific/Auckland;
      not deleted: it has a schedule that was added on the server;
      `flowship delete flow/nightly` deletes it
""",
        before={"DEPLOYMENTS": [WEEKLY, DAILY]},
        person=add_schedule,
        after={"DEPLOYMENTS": [WEEKLY]},
        flags=PRUNE,
        stays=STAYS,
    ),
    Situation(
        "a selection without the one that left",
        says="",
        before={"DEPLOYMENTS": [DAILY, WEEKLY]},
        after={"DEPLOYMENTS": [DAILY]},
        flags=Flags(name="nightly", prune=True),
    ),
    Situation(
        "a new name",
        says="""
  + create deployment flow/daily (renamed from nightly)
  + create schedule flow/daily: every day at 05:00 Pacific/Auckland
      renamed from nightly, stays paused
no longer in the configuration:
  ! deployment flow/nightly
      no active schedule; renamed to flow/daily? --prune deletes it
""",
        person=pause_schedule,
        after={"name": "daily"},
        stays="""
kept as it is on the server:
  = schedule flow/daily: every day at 05:00 Pacific/Auckland
      paused on the server
no longer in the configuration:
  ! deployment flow/nightly (no active schedule; --prune deletes it)
""",
    ),
    Situation(
        "a new name, and the old one deleted",
        says="""
  + create deployment flow/daily (renamed from nightly)
  + create schedule flow/daily: every day at 05:00 Pacific/Auckland
      renamed from nightly, stays paused
  + create schedule flow/daily: every day at 12:00 UTC
      added on the server, moves along
  - delete deployment flow/nightly (renamed to flow/daily)
""",
        person=both(pause_schedule, add_schedule),
        after={"name": "daily"},
        flags=PRUNE,
        stays="""
kept as it is on the server:
  = schedule flow/daily: every day at 12:00 UTC (added on the server)
  = schedule flow/daily: every day at 05:00 Pacific/Auckland
      paused on the server
""",
    ),
    Situation(
        "another block, and one that left the old one",
        says="""
  + create block other-block (it does not exist)
  ~ update deployment flow/nightly (follows the block)
      job_variables.auto_remove: "{{ prefect.blocks.docker-container.taxi-docker.auto_remove }}"
        → "{{ prefect.blocks.docker-container.other-block.auto_remove }}"
        and 12 more references, to the same block
no longer in the configuration:
  ! deployment flow/weekly
      still runs every Monday at 06:00 UTC; --prune deletes it
""",
        before={"DEPLOYMENTS": [DAILY, WEEKLY]},
        after={"BLOCK": {"name": "other-block"}, "DEPLOYMENTS": [DAILY]},
        stays="""
no longer in the configuration:
  ! deployment flow/weekly
      still runs every Monday at 06:00 UTC; --prune deletes it
""",
    ),
    Situation(
        "a renamed flow",
        says="""
  + create flow trips (it is not registered)
  + create deployment trips/nightly (renamed from nightly)
  + create schedule trips/nightly: every day at 05:00 Pacific/Auckland
      renamed from nightly
  - delete deployment flow/nightly (renamed to trips/nightly)
""",
        facts={"flow_name": "trips"},
        flags=PRUNE,
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", SITUATIONS, ids=lambda case: case.name)
def test_a_plan_says_what_changes_and_is_empty_after_the_deploy(prefect_server, case):
    project = Project(prefect_server)
    configure(project, case.before)
    project.deploy()
    case.person(project)
    configure(project, case.after)
    planned = project.plan(case.flags, **case.facts)
    assert project.network.writes == []
    assert lines(project, planned) == case.says.strip("\n")
    done = project.deploy(case.flags, **case.facts)
    assert [(o.action, o.resource, o.name) for o in done.operations] == [
        (o.action, o.resource, o.name) for o in planned.operations
    ]
    again = project.plan(case.flags, **case.facts)
    assert again.operations == ()
    stays = case.says if case.stays == STAYS else case.stays
    assert lines(project, again) == stays.strip("\n")
