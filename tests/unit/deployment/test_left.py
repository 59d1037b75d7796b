"""Deployments that left the configuration: told, paused, deleted, or renamed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowship.deployment import block_users, left
from flowship.deployment.desired import Flags, WhenRemoved
from flowship.deployment.diff import diff
from flowship.deployment.drift import LastRelease
from flowship.deployment.execute import execute
from flowship.deployment.observed import observe
from support.deploying import desired, settings
from support.server_model import ServerModel

OLD = {"name": "old", "cron": "0 5 * * *"}
NEW = {"name": "new", "cron": "0 5 * * *"}
WEEKLY = {"name": "weekly", "cron": "0 6 * * 1", "parameters": {"year": 2022}}
ALERT = {"on": ["failed"], "notify": "slack-webhook/ops"}
RELEASED = LastRelease(deployments=frozenset({"taxi/old", "taxi/weekly"}))


@pytest.fixture
def server() -> ServerModel:
    server = ServerModel()
    server.apply(desired(settings(deployments=[OLD])))
    return server


def wanted(*deployments, prune=False, **values):
    return desired(settings(deployments=list(deployments), **values), Flags(prune=prune))


def gone(server, state, last=RELEASED):
    return left.left(state, server.observe(state), last)


def apply(server, state, last=RELEASED):
    plan = diff(state, server.observe(state), last)
    execute(plan, server.api)
    return [(o.action.value, o.resource.value, o.name, o.reason) for o in plan.operations]


def record(server, state):
    """As a deploy records who has alerts."""
    owner = state.alerts.owner
    block_users.record(server.api, state.block.name, state.flows, alerts=[owner])


def names(server):
    return sorted(d["name"] for d in server.stored.values())


def test_a_deployment_of_an_earlier_release_stays_and_is_listed(server):
    state = wanted(WEEKLY)
    (found,) = gone(server, state)
    assert (found.name, found.runs, found.renamed_to) == (
        "taxi/old", ("every day at 05:00 UTC",), None,
    )  # fmt: skip
    assert found.words == "still runs every day at 05:00 UTC; --prune deletes it"
    apply(server, state)
    assert names(server) == ["old", "weekly"]
    assert apply(server, state) == []


def test_alerts_are_no_longer_about_it_and_it_says_so(server):
    server.add_notification_block("slack-webhook/ops")
    alerts = [{"on": ["failed"], "notify": "slack-webhook/ops"}]
    server.apply(desired(settings(deployments=[OLD], alerts=alerts)))
    state = wanted(WEEKLY, alerts=alerts)
    words = "still runs every day at 05:00 UTC, without alerts; --prune deletes it"
    assert [each.words for each in gone(server, state)] == [words]
    apply(server, state)
    assert [each.words for each in gone(server, state)] == [words], "and afterwards too"
    (old,) = (i for i, d in server.stored.items() if d["name"] == "old")
    assert old not in str(server.automations)
    next(d for d in server.stored.values() if d["name"] == "old")["paused"] = True
    assert [each.words for each in gone(server, state)] == ["paused; --prune deletes it"]


def test_the_alerts_of_an_image_that_is_gone_go_with_its_deployments(server):
    """Ship with an image of its own for `old`; then without it."""
    server.add_notification_block("slack-webhook/ops")
    heavy = {"images": {"heavy": {}}, "alerts": [ALERT]}
    whole = settings(deployments=[{**OLD, "image": "heavy"}, WEEKLY], **heavy)
    for each in whole.per_image():
        state = desired(each)
        server.apply(state)
        record(server, state)
    last = replace(RELEASED, blocks=frozenset(whole.blocks))
    assert len(server.automations) == 2
    state = wanted(WEEKLY, alerts=[ALERT])
    observed = observe(server.api, state, None, last)
    (found,) = left.left(state, observed, last)
    assert found.words == "still runs every day at 05:00 UTC, with alerts; --prune deletes it"
    state = wanted(WEEKLY, prune=True, alerts=[ALERT])
    plan = diff(state, observe(server.api, state, None, last), last)
    assert [(o.action.value, o.resource.value) for o in plan.operations] == [
        ("delete", "deployment"), ("delete", "automation"),
    ]  # fmt: skip
    execute(plan, server.api)
    assert len(server.automations) == 1
    assert not diff(state, observe(server.api, state, None, last), last)


def test_an_image_that_no_deployment_uses_any_more_is_gone_too(server):
    images = {"images": {"heavy": {}}}
    whole = settings(deployments=[{**OLD, "image": "heavy"}, WEEKLY], **images)
    for each in whole.per_image():
        server.apply(desired(each))
    last = replace(RELEASED, blocks=frozenset(whole.blocks))
    state = desired(settings(deployments=[WEEKLY], **images))
    (found,) = left.left(state, observe(server.api, state, None, last), last)
    assert found.name == "taxi/old"


def test_what_is_not_in_a_release_is_deleted_by_a_command_of_its_own(server):
    state = replace(
        wanted(WEEKLY), origin="rollback to release 1", deletes="flowship delete --env staging"
    )
    (found,) = gone(server, state)
    assert found.words == (
        "still runs every day at 05:00 UTC; `flowship delete --env staging taxi/old` deletes it"
    )


def test_what_no_release_of_the_project_made_is_not_the_projects_to_remove(server):
    state = wanted(WEEKLY, prune=True)
    assert gone(server, state, LastRelease()) == ()
    apply(server, state, LastRelease())
    assert names(server) == ["old", "weekly"]


def test_prune_deletes_it_and_then_nothing_is_left(server):
    state = wanted(WEEKLY, prune=True)
    done = apply(server, state)
    assert done[-1] == ("delete", "deployment", "taxi/old", "no longer configured")
    assert names(server) == ["weekly"]
    assert apply(server, state) == []
    assert gone(server, state) == ()


def test_a_schedule_that_a_person_added_keeps_it_from_being_deleted(server):
    server.add_schedule("old")
    state = wanted(WEEKLY, prune=True)
    because = "it has a schedule that was added on the server"
    (found,) = gone(server, state)
    assert found.words.endswith(f"; not deleted: {because}; `flowship delete taxi/old` deletes it")
    apply(server, state)
    assert names(server) == ["old", "weekly"]
    (found,) = gone(server, wanted(WEEKLY))
    assert found.words.endswith(
        f"; `flowship delete taxi/old` deletes it; --prune does not: {because}"
    ), "without the option, it promises nothing that the option does not do"


def test_prune_is_promised_for_a_rename_only_as_long_as_what_was_added_can_move_along(server):
    server.add_schedule("old")
    state = wanted(NEW)
    (planned,) = gone(server, state)
    assert planned.words.endswith("renamed to taxi/new? --prune deletes it")
    observed = server.observe(state)
    apply(server, state)
    (done,) = left.left(state, observed, RELEASED, done=True)
    (later,) = gone(server, state)
    for each in (done, later):
        assert "`flowship delete taxi/old` deletes it; --prune does not: it has" in each.words


def test_a_project_can_have_it_paused_at_once(server):
    state = wanted(WEEKLY, **{"when-removed": "pause"})
    assert state.when_removed is WhenRemoved.PAUSE
    done = apply(server, state)
    assert done[-1] == ("update", "deployment", "taxi/old", "no longer configured")
    assert next(d for d in server.stored.values() if d["name"] == "old")["paused"] is True
    assert apply(server, state) == []
    assert gone(server, state)[0].words == "paused; --prune deletes it"


def test_a_selection_does_not_call_the_rest_left(server):
    project = settings(deployments=[WEEKLY, NEW])
    state = desired(project, Flags(name="weekly", prune=True))
    assert gone(server, state) == ()


def test_a_deployment_that_uses_another_image_now_is_not_left(server):
    state = replace(wanted(WEEKLY, prune=True), elsewhere=frozenset({"old"}))
    assert gone(server, state) == ()


def test_a_rename_keeps_what_was_paused_and_prune_removes_the_old_name(server):
    (schedule,) = server.schedules("old")
    schedule["active"] = False
    state = wanted(NEW, prune=True)
    done = apply(server, state)
    assert done == [
        ("create", "deployment", "taxi/new", "renamed from old"),
        ("create", "schedule", "taxi/new: every day at 05:00 UTC",
         "renamed from old, stays paused"),
        ("delete", "deployment", "taxi/old", "renamed to taxi/new"),
    ]  # fmt: skip
    assert [s["active"] for s in server.schedules("new")] == [False]
    assert names(server) == ["new"]
    assert apply(server, state) == []


def test_a_rename_keeps_a_paused_deployment_paused_unless_an_option_says_otherwise(server):
    (old,) = server.stored.values()
    old["paused"] = True
    apply(server, wanted(NEW))
    assert next(d for d in server.stored.values() if d["name"] == "new")["paused"] is True
    resumed = desired(settings(deployments=[{**NEW, "name": "newer"}]), Flags(paused=False))
    apply(server, resumed)
    assert next(d for d in server.stored.values() if d["name"] == "newer")["paused"] is False


def test_a_persons_schedule_moves_along_with_a_rename(server):
    server.add_schedule("old")
    done = apply(server, wanted(NEW, prune=True))
    assert names(server) == ["new"]
    assert ("create", "schedule", "taxi/new: every Sunday at 07:07 UTC",
            "added on the server, moves along") in done  # fmt: skip
    assert [s.get("slug") for s in server.schedules("new")] == ["flowship-daily-0500", None]


def test_without_prune_a_rename_is_offered(server):
    (found,) = gone(server, wanted(NEW))
    assert found.renamed_to == "taxi/new"
    assert found.words == (
        "still runs every day at 05:00 UTC; renamed to taxi/new? --prune deletes it"
    )


@pytest.mark.parametrize(
    "deployments",
    [
        [{**NEW, "parameters": {"year": 2022}}],
        [NEW, {**NEW, "name": "newer"}],
    ],
    ids=["other parameters", "two candidates"],
)
def test_what_may_be_something_else_is_not_a_rename(server, deployments):
    (found,) = gone(server, wanted(*deployments))
    assert found.renamed_to is None


def test_a_renamed_flow_is_a_rename_too(server):
    state = desired(settings(deployments=[OLD]), Flags(prune=True), flow_name="trips")
    done = apply(server, state)
    assert ("delete", "deployment", "taxi/old", "renamed to trips/old") in done
    assert apply(server, state) == []


def test_a_deploy_that_stopped_halfway_through_a_rename_is_completed(server):
    (schedule,) = server.schedules("old")
    schedule["active"] = False
    server.add_schedule("old")
    state = wanted(NEW, prune=True)
    plan = diff(state, server.observe(state), RELEASED)
    execute(replace(plan, operations=plan.operations[:1], reschedule=()), server.api)
    apply(server, state)
    assert [s["active"] for s in server.schedules("new")] == [False, True]
    assert names(server) == ["new"]
