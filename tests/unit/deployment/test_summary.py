"""The report of a deploy, or of a dry run, from what was desired, planned and read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from flowship.deployment.desired import Flags
from flowship.deployment.diff import attribute, diff
from flowship.deployment.drift import LastRelease
from flowship.deployment.pools import paused_pool
from flowship.deployment.report import DeployReport
from flowship.deployment.summary import Outcome, summarize
from flowship.releases.fingerprints import applied
from support.deploying import desired, dry_run, settings
from support.server_model import ServerModel

NEW = "user/de-repo:new@sha256:" + "cd" * 32
FIVE, SIX = {"cron": "0 5 * * *"}, {"cron": "0 6 * * *"}


@pytest.fixture
def server() -> ServerModel:
    return ServerModel()


def wanted(*schedules, flags: Flags | None = None, block=None, facts=None, **values):
    deployment = {"name": "nightly", "schedules": list(schedules), **values}
    project = settings(deployments=[deployment], block=block or {})
    return desired(project, flags, **(facts or {}))


def reported(server: ServerModel, state, *, dry: bool = False, recorded=None) -> DeployReport:
    """The report of a deploy, which is carried out unless it is a dry run."""
    before = server.observe(state)
    plan = attribute(diff(state, before), LastRelease(recorded or {}), before)
    if not dry:
        server.apply(state)
    return summarize(
        Outcome(
            desired=state,
            plan=plan,
            before=before,
            after=None if dry else server.observe(state),
            worker_online=True,
            start_command="flowship up",
            api_url=server.url,
            page=server.ui_url,
        )
    )


def schedules(report: DeployReport) -> list[tuple[str, str, str]]:
    (deployment,) = report.deployments
    return [(s.outcome, s.source, s.words) for s in deployment.schedules]


def test_a_first_deploy_reports_what_was_created(server):
    report = reported(server, wanted(FIVE))
    (deployment,) = report.deployments
    assert (report.block.outcome, report.pool.outcome, deployment.outcome) == ("created",) * 3
    assert report.block.id == server.documents["docker-container/de-taxi-docker"]["id"]
    assert report.block.url == server.ui_url(f"blocks/block/{report.block.id}")
    assert deployment.url == server.ui_url(f"deployments/deployment/{deployment.id}")
    assert schedules(report) == [("created", "configuration", "every day at 05:00 UTC")]
    assert (report.dry_run, report.moved, report.warnings) == (False, (), ())


def test_a_deploy_that_changes_nothing_says_so(server):
    reported(server, wanted(FIVE))
    report = reported(server, wanted(FIVE))
    (deployment,) = report.deployments
    assert (report.block.outcome, report.pool.outcome, deployment.outcome) == (
        "unchanged", "found", "unchanged",
    )  # fmt: skip
    assert schedules(report) == [("unchanged", "configuration", "every day at 05:00 UTC")]
    assert report.operations == ()


def test_a_dry_run_reports_what_is_planned_and_has_no_ids():
    report = dry_run(wanted(FIVE))
    (deployment,) = report.deployments
    assert report.dry_run
    assert (report.block.id, report.block.url, deployment.id, deployment.url) == ("",) * 4
    assert schedules(report) == [("planned", "configuration", "every day at 05:00 UTC")]


def test_a_dry_run_of_a_change_reports_the_new_times_with_the_old_id(server):
    reported(server, wanted(FIVE))
    report = reported(server, wanted(SIX), dry=True)
    assert schedules(report) == [("planned", "configuration", "every day at 06:00 UTC")]
    assert report.deployments[0].schedules[0].id == server.schedules()[0]["id"]


def test_a_changed_schedule_makes_its_deployment_updated(server):
    reported(server, wanted(FIVE))
    report = reported(server, wanted(SIX))
    assert report.deployments[0].outcome == "updated"
    assert schedules(report) == [("updated", "configuration", "every day at 06:00 UTC")]


@pytest.mark.parametrize("dry", [True, False])
def test_removed_schedules_are_reported_in_words(server, dry):
    reported(server, wanted(FIVE, SIX))
    report = reported(server, wanted(FIVE), dry=dry)
    assert report.deployments[0].removed_schedules == ("every day at 06:00 UTC",)
    assert schedules(report) == [("unchanged", "configuration", "every day at 05:00 UTC")]


def test_a_persons_schedule_comes_last_and_is_kept(server):
    reported(server, wanted(FIVE))
    server.add_schedule(schedule={"cron": "0 4 * * *", "timezone": "UTC"})
    assert schedules(reported(server, wanted(SIX))) == [
        ("updated", "configuration", "every day at 06:00 UTC"),
        ("kept", "server", "every day at 04:00 UTC"),
    ]


def test_a_schedule_by_an_earlier_flag_is_kept(server):
    reported(server, wanted(FIVE, flags=Flags(cron="0 9 * * *")))
    assert schedules(reported(server, wanted(FIVE))) == [("kept", "flag", "every day at 09:00 UTC")]


def test_overwritten_values_are_edits_but_flowships_own_last_image_is_not(server):
    state = wanted(FIVE, block={"mem-limit": "1g"})
    reported(server, state)
    recorded = applied(state, server.observe(state))
    after = wanted(FIVE, block={"mem-limit": "2g"}, facts={"reference": NEW}, tags=["a"])
    report = reported(server, after, recorded=recorded)
    assert [(e.field, e.was, e.now) for e in report.block.edits] == [("mem_limit", "1g", "2g")]
    assert [(c.field, c.was, c.now) for c in report.deployments[0].changes] == [("tags", [], ["a"])]


def test_an_image_that_a_person_set_is_an_edit(server):
    reported(server, wanted())
    server.documents["docker-container/de-taxi-docker"]["data"]["image"] = "other/image:1"
    report = reported(server, wanted())
    assert [(e.field, e.was) for e in report.block.edits] == [("image", "other/image:1")]


def test_what_only_the_block_on_the_server_has_is_kept_and_validated(server):
    reported(server, wanted())
    data = server.documents["docker-container/de-taxi-docker"]["data"]
    data |= {"privileged": True, "mem_limit": "lots"}
    report = reported(server, wanted())
    assert report.block.kept == {"privileged": True, "mem_limit": "lots"}
    (warning,) = report.warnings
    assert 'mem_limit: "lots" is not an amount of memory' in warning


def test_deployments_that_share_the_block_are_named_where_the_image_changes(server):
    reported(server, wanted())
    both = settings(deployments=[{"name": "nightly"}, {"name": "hourly"}])
    server.apply(desired(both))
    one = desired(both, Flags(name="nightly"), reference=NEW)
    assert reported(server, one).moved == ("taxi/hourly",)
    assert reported(server, one).moved == ()


# --- warnings ------------------------------------------------------------------------------------


def test_a_paused_pool_is_warned_of(server):
    reported(server, wanted())
    server.pools["flowship"]["is_paused"] = True
    report = reported(server, wanted())
    assert report.pool.paused
    assert report.warnings == (paused_pool("flowship"),)
    assert "prefect work-pool resume" in report.warnings[0]


def test_a_renamed_deployment_that_still_runs_is_warned_of(server):
    reported(server, wanted(FIVE))
    renamed = desired(settings(deployments=[{"name": "daily", **FIVE}]))
    (warning,) = reported(server, renamed).warnings
    assert "taxi/nightly is not in the configuration but still runs" in warning
    assert "prefect deployment delete taxi/nightly" in warning
    server.schedules()[0]["active"] = False
    assert reported(server, renamed).warnings == ()


def test_another_configured_deployment_is_not_warned_of(server):
    both = settings(deployments=[{"name": "nightly", **FIVE}, {"name": "daily", **FIVE}])
    server.apply(desired(both))
    assert reported(server, desired(both, Flags(name="daily"))).warnings == ()


def test_a_deployment_with_another_entrypoint_in_the_same_block_is_warned_of(server):
    reported(server, wanted())
    moved = desired(settings(), entrypoint="flows/other.py:taxi")
    (warning,) = reported(server, moved).warnings
    assert "expects flows/taxi.py:taxi" in warning


def test_a_deployment_that_used_another_block_is_warned_of(server):
    reported(server, wanted())
    other = settings(name="de-other", deployments=[{"name": "nightly"}])
    (deployment,) = reported(server, desired(other)).deployments
    assert ["used the block de-taxi-docker" in text for text in deployment.warnings] == [True]


def test_an_active_schedule_that_never_runs_is_warned_of(server):
    reported(server, wanted())
    theirs = server.add_schedule(schedule={"cron": "0 0 30 2 1", "day_or": False})
    (deployment,) = reported(server, wanted()).deployments
    assert ["Prefect schedules no runs" in text for text in deployment.warnings] == [True]
    assert deployment.schedules[0].timezone == ""
    theirs["active"] = False
    assert reported(server, wanted()).deployments[0].warnings == ()


def test_a_schedule_by_flag_that_cannot_run_is_warned_of(server):
    flags = Flags(cron="0 9 * * *")
    reported(server, wanted(flags=flags))
    server.schedules()[0]["active"] = False
    server.stored[next(iter(server.stored))]["paused"] = True
    paused, asleep = reported(server, wanted(flags=flags)).deployments[0].warnings
    assert "resume it with --no-paused" in paused
    assert f"prefect deployment schedule resume taxi/nightly {server.schedules()[0]['id']}" in (
        asleep
    )
    meant = replace(flags, paused=True)
    assert "--no-paused" not in str(reported(server, wanted(flags=meant)).deployments[0].warnings)


def test_a_flag_that_pauses_is_in_the_report_of_a_dry_run(server):
    reported(server, wanted(FIVE))
    report = reported(server, wanted(FIVE, flags=Flags(paused=True)), dry=True)
    assert report.deployments[0].paused


@pytest.mark.parametrize(("policy", "crashes"), [("sometimes", True), ("Always", False)])
def test_a_pull_policy_set_in_the_ui_is_reported_and_warned_of_if_runs_would_crash(
    server, policy, crashes
):
    server.apply(wanted(FIVE))
    (document,) = server.documents.values()
    document["data"]["image_pull_policy"] = policy
    report = reported(server, wanted(FIVE))
    assert report.block.kept == {"image_pull_policy": policy}
    warned = [w for w in report.warnings if "image_pull_policy" in w]
    assert bool(warned) is crashes


def test_a_new_interval_first_runs_when_it_is_over_in_a_dry_run_and_after_the_deploy(server):
    state = wanted({"interval": "1h"})
    dry = reported(server, state, dry=True).deployments[0].schedules[0]
    done = reported(server, state).deployments[0].schedules[0]
    assert done.next_runs == dry.next_runs
    assert done.next_runs[0].utc == (state.now + timedelta(hours=1)).isoformat()


def test_a_flag_schedule_that_loses_its_timezone_is_warned_of(server):
    reported(server, wanted(flags=Flags(cron="0 5 * * *", timezone="Europe/Berlin")))
    again = reported(server, wanted(flags=Flags(cron="0 6 * * *")), dry=True).deployments[0]
    assert any("was Europe/Berlin and is now UTC" in warning for warning in again.warnings)
    kept = Flags(cron="0 6 * * *", timezone="UTC")
    assert reported(server, wanted(flags=kept), dry=True).deployments[0].warnings == ()


def test_a_schedule_that_stays_paused_is_warned_of_when_its_deployment_is_resumed(server):
    reported(server, wanted(FIVE))
    for schedule in server.schedules():
        schedule["active"] = False
    report = reported(server, wanted(FIVE, flags=Flags(paused=False)), dry=True)
    assert any("stays paused" in warning for warning in report.deployments[0].warnings)
