"""A deployment's schedules: flowship's own are changed in place, a person's never."""

from __future__ import annotations

import re

import pytest

from flowship.deployment import diff_schedules
from flowship.deployment.desired import Flags
from flowship.deployment.observed import ObservedDeployment
from flowship.deployment.plan import Action, IdOf, Operation
from flowship.redaction import MASK
from support.deploying import NOW, SCHEMA, desired, settings
from support.server_model import ServerModel

FIVE, SIX = {"cron": "0 5 * * *"}, {"cron": "0 6 * * *"}
HOURLY = {"interval": "1h"}
FLAG = Flags(cron="0 9 * * *")
NONE = ObservedDeployment(None, None)


@pytest.fixture
def server() -> ServerModel:
    return ServerModel()


def wanted(*schedules, flags: Flags | None = None):
    deployment = {"name": "nightly", "schedules": list(schedules)}
    return desired(settings(deployments=[deployment]), flags)


def planned(server: ServerModel, *schedules, flags: Flags | None = None) -> list[Operation]:
    state = wanted(*schedules, flags=flags)
    (deployment,), (found,) = state.deployments, server.observe(state).deployments
    return list(diff_schedules.operations(deployment, found, "deployment-1", state))


def deploy(server: ServerModel, *schedules, flags: Flags | None = None) -> None:
    server.apply(wanted(*schedules, flags=flags))


def test_a_new_schedule_is_created_with_flowships_slug():
    state = wanted(FIVE)
    (deployment,) = state.deployments
    (create,) = diff_schedules.operations(deployment, NONE, IdOf("deployment"), state)
    assert create.action is Action.CREATE
    assert create.name == "taxi/nightly: every day at 05:00 UTC"
    assert create.body["slug"] == "flowship-daily-0500"
    assert create.body["schedule"] == {"cron": "0 5 * * *", "timezone": "UTC", "day_or": True}
    assert diff_schedules.is_own({"slug": create.body["slug"]})
    assert not diff_schedules.is_own({"slug": None})


def test_a_new_interval_begins_at_the_moment_of_the_deploy():
    state = wanted(HOURLY)
    (deployment,) = state.deployments
    (create,) = diff_schedules.operations(deployment, NONE, "deployment-1", state)
    assert create.body["schedule"]["anchor_date"] == NOW.isoformat()


def test_schedules_that_agree_are_in_no_operation(server):
    rule = {"rrule": "FREQ=DAILY;BYHOUR=5"}  # the server adds a DTSTART to it
    deploy(server, FIVE, HOURLY, rule)
    assert planned(server, FIVE, HOURLY, rule) == []
    assert planned(server, rule, FIVE, HOURLY) == []


def test_a_changed_schedule_keeps_its_id_and_does_not_say_whether_it_is_paused(server):
    deploy(server, FIVE)
    (stored,) = server.schedules()
    (update,) = planned(server, SIX)
    assert (update.action, update.id) == (Action.UPDATE, stored["id"])
    assert set(update.body) == {"slug", "schedule", "parameters"}
    (change,) = update.changes
    assert (change.field, change.before, change.after) == (
        "schedule", "every day at 05:00 UTC", "every day at 06:00 UTC",
    )  # fmt: skip


def test_a_changed_interval_keeps_its_stored_anchor(server):
    deploy(server, HOURLY)
    (stored,) = server.schedules()
    stored["schedule"]["anchor_date"] = "2026-01-01T00:17:00Z"
    (update,) = planned(server, {"interval": "2h"})
    assert update.body["schedule"]["anchor_date"] == "2026-01-01T00:17:00Z"


ANCHORED = {**HOURLY, "anchor-date": "2026-01-05 06:30", "timezone": "Europe/Berlin"}


def test_a_configured_anchor_is_sent_and_is_equal_however_it_is_written(server):
    deploy(server, ANCHORED)
    (stored,) = server.schedules()
    assert stored["schedule"]["anchor_date"] == "2026-01-05T06:30:00+01:00"
    stored["schedule"]["anchor_date"] = "2026-01-05T05:30:00Z"
    assert planned(server, ANCHORED) == []
    # Also in an hour that comes twice.
    twice = {**ANCHORED, "anchor-date": "2026-10-25 02:30"}
    deploy(server, twice)
    stored["schedule"]["anchor_date"] = "2026-10-25T00:30:00Z"
    assert planned(server, twice) == []


def test_another_anchor_is_a_change_and_no_anchor_keeps_the_stored_one(server):
    deploy(server, ANCHORED)
    (update,) = planned(server, {**ANCHORED, "anchor-date": "2026-01-05 06:45"})
    assert update.body["schedule"]["anchor_date"] == "2026-01-05T06:45:00+01:00"
    assert [(change.before, change.after) for change in update.changes] == [
        ("every hour", "every hour, counted from 2026-01-05 06:45 Europe/Berlin")
    ]
    without = {key: value for key, value in ANCHORED.items() if key != "anchor-date"}
    assert planned(server, without) == []


def test_changed_parameters_are_sent_without_the_times(server):
    deploy(server, {**FIVE, "parameters": {"year": 2021, "months": [1]}})
    (update,) = planned(server, {**FIVE, "parameters": {"year": 2022}})
    assert update.body["parameters"] == {"year": 2022}
    assert "schedule" not in update.body
    assert [(c.field, c.before, c.after) for c in update.changes] == [
        ("parameters.months", [1], None),
        ("parameters.year", 2021, 2022),
    ]


def test_another_timezone_is_a_change_of_the_times(server):
    deploy(server, FIVE)
    (update,) = planned(server, {**FIVE, "timezone": "Pacific/Auckland"})
    assert [c.field for c in update.changes] == ["schedule"]


def test_a_schedule_that_is_no_longer_configured_is_removed(server):
    deploy(server, FIVE, SIX)
    six = server.schedules()[1]
    (delete,) = planned(server, FIVE)
    assert (delete.action, delete.id, delete.reason) == (
        Action.DELETE, six["id"], "no longer configured",
    )  # fmt: skip


def test_of_several_schedules_the_one_with_the_same_content_stays_itself(server):
    """A paused schedule stays paused through its pair, so the pairs matter."""
    deploy(server, FIVE, SIX)
    five, six = server.schedules()
    (deployment,) = wanted(SIX, HOURLY).deployments
    matches, surplus = diff_schedules.match(deployment, [five, six])
    assert [m.stored and m.stored["id"] for m in matches] == [six["id"], five["id"]]
    assert surplus == []


def test_a_schedule_with_the_same_times_is_taken_where_no_slug_fits(server):
    deploy(server, {**FIVE, "parameters": {"year": 2021}}, {**SIX, "parameters": {"year": 2021}})
    five, six = server.schedules()
    (deployment,) = wanted(SIX, FIVE).deployments
    matches, _ = diff_schedules.match(deployment, [five, six])
    assert [m.stored and m.stored["id"] for m in matches] == [six["id"], five["id"]]


def test_a_persons_schedule_is_never_matched(server):
    deploy(server, FIVE)
    server.add_schedule(schedule={"cron": "0 6 * * *", "timezone": "UTC", "day_or": True})
    (update,) = planned(server, SIX)
    assert update.id == server.schedules()[0]["id"]
    (delete,) = planned(server)
    assert delete.id == server.schedules()[0]["id"]


# --- slugs ---------------------------------------------------------------------------------------


def test_schedules_with_the_same_times_have_slugs_of_their_own(server):
    same = {**FIVE, "timezone": "Pacific/Auckland"}, {**FIVE, "parameters": {"year": 2021}}
    deploy(server, FIVE, *same, SIX)
    slugs = [s["slug"] for s in server.schedules()]
    assert len(set(slugs)) == 4
    assert slugs[3] == "flowship-daily-0600"
    assert all(re.fullmatch("flowship-daily-0500-[0-9a-f]{8}", s) for s in slugs[:3])
    assert planned(server, SIX, *same, FIVE) == []


def test_the_slugs_of_earlier_versions_are_renamed_and_nothing_else_changes(server):
    two = {**FIVE, "parameters": {"year": 2021}}, {**FIVE, "parameters": {"year": 2022}}
    deploy(server, *two, SIX)
    for number, stored in enumerate(server.schedules()):
        stored["slug"] = f"flowship-0000000{number}"
        stored["active"] = number != 1
    before = [{**s, "slug": ""} for s in server.schedules()]
    updates = planned(server, *reversed(two), SIX)
    assert [c.field for o in updates for c in o.changes] == ["slug"] * 3
    deploy(server, *reversed(two), SIX)
    assert [{**s, "slug": ""} for s in server.schedules()] == before
    assert planned(server, *two, SIX) == []


def test_a_second_schedule_at_the_same_times_does_not_take_the_first_ones_place(server):
    deploy(server, {**FIVE, "parameters": {"year": 2021}})
    (first,) = server.schedules()
    first["active"] = False
    deploy(server, {**FIVE, "parameters": {"year": 2022}}, {**FIVE, "parameters": {"year": 2021}})
    paused = [s for s in server.schedules() if not s["active"]]
    assert [(s["id"], s["parameters"]) for s in paused] == [(first["id"], {"year": 2021})]


def test_a_schedule_that_an_earlier_version_stored_for_a_flag_stays(server):
    deploy(server, FIVE, flags=FLAG)
    configured = wanted(FIVE).deployments[0].configured
    server.schedules()[0]["slug"] = f"flowship-cli-{configured}"
    assert planned(server, FIVE) == []


# --- schedules by flag ---------------------------------------------------------------------------


def test_a_flag_replaces_flowships_schedules(server):
    deploy(server, FIVE, SIX)
    update, delete = planned(server, FIVE, SIX, flags=FLAG)
    assert (update.reason, delete.reason) == ("by flag", "replaced by flag")
    configured = wanted(FIVE, SIX).deployments[0].configured
    assert update.body["slug"] == f"flowship-cli-daily-0900-{configured}"


def test_a_schedule_by_flag_stays_until_the_configured_schedules_change(server):
    deploy(server, FIVE, flags=FLAG)
    assert planned(server, FIVE) == []
    (update,) = planned(server, SIX)
    assert [c.after for c in update.changes] == ["every day at 06:00 UTC"]


def test_the_schedule_that_an_earlier_flag_gave_is_known_by_its_slug(server):
    deploy(server, FIVE, flags=FLAG)
    (same,), (other,) = wanted(FIVE).deployments, wanted(SIX).deployments
    assert diff_schedules.kept_from_flag(same, server.schedules()) == server.schedules()
    assert diff_schedules.kept_from_flag(other, server.schedules()) == []
    (again,) = wanted(FIVE, flags=FLAG).deployments
    assert diff_schedules.kept_from_flag(again, server.schedules()) == []


def test_a_renamed_slug_alone_is_a_change_too(server):
    deploy(server, {"cron": "0 9 * * *"})
    (update,) = planned(server, {"cron": "0 9 * * *"}, flags=FLAG)
    assert [c.field for c in update.changes] == ["slug"]
    assert "schedule" not in update.body


def test_no_schedule_removes_flowships_and_leaves_a_persons(server):
    deploy(server, FIVE, SIX)
    theirs = server.add_schedule()
    deletions = planned(server, FIVE, SIX, flags=Flags(no_schedule=True))
    assert [o.action for o in deletions] == [Action.DELETE, Action.DELETE]
    assert {o.reason for o in deletions} == {"--no-schedule"}
    assert theirs["id"] not in [o.id for o in deletions]


def test_the_secrets_of_a_schedule_are_masked_by_the_new_and_by_the_stored_schema(server):
    secret = {**SCHEMA, "properties": {"token": {"type": "string", "format": "password"}}}
    configured = {"name": "nightly", "schedules": [{**FIVE, "parameters": {"token": "hunter2"}}]}
    server.apply(desired(settings(deployments=[configured]), parameters=secret))
    (update,) = planned(server, FIVE)
    assert [(c.field, c.before, c.after) for c in update.changes] == [
        ("parameters.token", MASK, None)
    ]
