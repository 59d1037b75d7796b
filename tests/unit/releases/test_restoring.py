"""A release that becomes the desired state again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowship.deployment.diff import diff
from flowship.errors import ConfigError
from flowship.releases.making import Deployed, Origin, make
from flowship.releases.record import Release
from flowship.releases.restoring import Stored, restorable, restore
from support.deploying import desired, settings
from support.releases import RELEASE, read_back
from support.server_model import ServerModel

NIGHTLY = {
    "name": "nightly",
    "parameters": {"year": 2022},
    "tags": ["a"],
    "schedules": [
        {"cron": "0 5 * * *", "timezone": "Pacific/Auckland", "parameters": {"year": 2021}},
        {"interval": "15m"},
        {"rrule": "FREQ=DAILY;BYHOUR=3"},
    ],
}
CHANGED = {"name": "nightly", "cron": "0 6 * * *", "tags": ["b"]}
NEW = "user/de-repo:new@sha256:" + "cd" * 32


def deploy(server: ServerModel, wanted, before: Release | None = None, number=1) -> Release:
    plan = server.apply(wanted)
    done = [Deployed(wanted, server.observe(wanted), plan.operations)]
    made = make("de-taxi", Origin("ship"), done, before, number=number, who="ada@laptop")
    return read_back(made)


def stored(server: ServerModel) -> Stored:
    blocks = {key.rpartition("/")[2]: block for key, block in server.documents.items()}
    flows = {f["id"]: f["name"] for f in server.flows.values()}
    deployments = {f"{flows[d['flow_id']]}/{d['name']}": d for d in server.stored.values()}
    return Stored(blocks, deployments)


def back(server: ServerModel, release: Release, *later: Release):
    [restored] = restore(release, later, stored(server))
    return restored


def test_right_after_a_deploy_its_release_is_what_the_server_has():
    server = ServerModel()
    release = deploy(server, desired(settings(deployments=[NIGHTLY], block={"mem-limit": "1g"})))
    wanted = back(server, release, release).desired
    assert diff(wanted, server.observe(wanted)).operations == ()


def test_an_interval_counts_again_from_where_it_did():
    server = ServerModel()
    hourly = {"interval": "1h", "anchor-date": "2026-01-05 06:17"}
    first = deploy(server, desired(settings(deployments=[{"name": "a", "schedules": [hourly]}])))
    hourly = {**hourly, "anchor-date": "2026-01-05 06:29"}
    second = deploy(
        server, desired(settings(deployments=[{"name": "a", "schedules": [hourly]}])), first, 2
    )
    wanted = back(server, first, first, second).desired
    (update,) = diff(wanted, server.observe(wanted)).operations
    assert update.body["schedule"]["anchor_date"] == "2026-01-05T06:17:00+00:00"
    server.apply(wanted)
    wanted = back(server, first, first, second).desired
    assert diff(wanted, server.observe(wanted)).operations == ()


def test_the_server_becomes_what_the_release_was():
    server = ServerModel()
    first = deploy(server, desired(settings(deployments=[NIGHTLY])))
    before = server.schedules()[0]["slug"], next(iter(server.stored.values()))["tags"]
    later = settings(deployments=[CHANGED], block={"mem-limit": "1g"})
    last = deploy(server, desired(later, reference=NEW), first, 2)
    wanted = back(server, first, last).desired
    server.apply(wanted)
    assert diff(wanted, server.observe(wanted)).operations == ()
    assert len(server.schedules()) == 3
    assert server.schedules()[0]["slug"] == before[0]
    assert next(iter(server.stored.values()))["tags"] == before[1]
    [block] = [d for k, d in server.documents.items() if k.startswith("docker-container/")]
    assert block["data"]["mem_limit"] is None
    assert block["data"]["image"] == desired(settings()).image.reference


def test_the_reasons_name_the_release_and_no_configuration():
    server = ServerModel()
    server.add_notification_block("slack-webhook/ops")
    alert = {"on": ["late"], "notify": "slack-webhook/ops"}
    first = deploy(server, desired(settings(deployments=[NIGHTLY], alerts=[alert])))
    more = {"name": "nightly", "cron": "0 6 * * *", "parameters": {"year": 1, "months": [2]}}
    later = settings(
        deployments=[more],
        block={"mem-limit": "1g"},
        alerts=[{**alert, "after": "1h"}, {"on": ["failed"], "notify": "slack-webhook/ops"}],
    )
    last = deploy(server, desired(later), first, 2)
    wanted = back(server, first, last).desired
    plan = diff(wanted, server.observe(wanted))
    changes = [change for operation in plan.operations for change in operation.changes]
    reasons = {each.reason for each in (*plan.operations, *changes)}
    assert {o.resource.value for o in plan.operations} == {
        "block", "deployment", "schedule", "automation",
    }  # fmt: skip
    assert reasons == {"rollback to release 1"}


def test_a_field_that_a_person_changed_since_stays():
    server = ServerModel()
    first = deploy(server, desired(settings(deployments=[NIGHTLY])))
    last = deploy(
        server, desired(settings(deployments=[NIGHTLY], block={"mem-limit": "1g"})), first
    )
    [block] = server.documents.values()
    block["data"]["mem_limit"] = "2g"
    assert "mem_limit" not in back(server, first, last).desired.block.fields


def test_what_a_person_paused_or_added_stays():
    server = ServerModel()
    first = deploy(server, desired(settings(deployments=[{**CHANGED, "cron": "0 5 * * *"}])))
    last = deploy(server, desired(settings(deployments=[CHANGED]), reference=NEW), first, 2)
    server.schedules()[0]["active"] = False
    own = server.add_schedule()
    server.apply(back(server, first, last).desired)
    assert own in server.schedules()
    assert [s["active"] for s in server.schedules()] == [False, True]
    assert server.schedules()[0]["schedule"]["cron"] == "0 5 * * *"


def test_a_schedule_that_was_paused_is_created_paused():
    server = ServerModel()
    wanted = desired(settings(deployments=[CHANGED]))
    server.apply(wanted)
    server.schedules()[0]["active"] = False
    first = deploy(server, wanted)
    last = deploy(server, desired(settings(deployments=[{"name": "nightly"}])), first, 2)
    assert server.schedules() == []
    server.apply(back(server, first, last).desired)
    assert [s["active"] for s in server.schedules()] == [False]


def test_a_value_that_is_not_recorded_is_the_servers():
    server = ServerModel()
    env = {"API_TOKEN": "sk-1", "B": "1"}
    first = deploy(server, desired(settings(deployments=[NIGHTLY], block={"env": env})))
    restored = back(server, first, first)
    assert restored.desired.block.fields["env"] == env
    assert (restored.kept, restored.lost) == (("block env.API_TOKEN",), ())
    [block] = server.documents.values()
    block["data"]["env"] = {}
    restored = back(server, first, first)
    assert restored.desired.block.fields["env"] == {"B": "1"}
    assert (restored.kept, restored.lost) == ((), ("block env.API_TOKEN",))


def test_a_field_that_only_a_release_in_between_set_goes_back_to_its_default():
    server = ServerModel()
    first = deploy(server, desired(settings(deployments=[NIGHTLY])))
    limited = settings(deployments=[NIGHTLY], block={"mem-limit": "1g"})
    second = deploy(server, desired(limited), first, 2)
    third = deploy(server, desired(settings(deployments=[CHANGED])), second, 3)
    (block,) = server.documents.values()
    assert block["data"]["mem_limit"] == "1g"  # the third left it alone
    assert back(server, first, third, second).desired.block.fields["mem_limit"] is None
    block["data"]["mem_limit"] = "2g"  # a person's
    assert "mem_limit" not in back(server, first, third, second).desired.block.fields


@pytest.mark.parametrize(
    "release", [replace(RELEASE, format=1), replace(RELEASE, deployments=()),
                replace(RELEASE, images=())]
)  # fmt: skip
def test_a_release_that_holds_too_little_is_refused(release):
    with pytest.raises(ConfigError) as caught:
        restorable(release)
    assert caught.value.code == "release-too-old"


def test_the_alerts_of_the_release_come_back_and_so_do_the_heartbeats():
    server = ServerModel()
    server.add_notification_block("slack-webhook/ops")
    stuck = {"on": ["stuck"], "notify": "slack-webhook/ops"}
    late = {"on": ["late"], "notify": "slack-webhook/ops"}
    first = deploy(server, desired(settings(deployments=[NIGHTLY], alerts=[stuck])))
    names = {a["name"] for a in server.automations.values()}
    (deployment,) = server.stored.values()
    environment = dict(deployment["job_variables"]["env"])
    second = deploy(server, desired(settings(deployments=[NIGHTLY], alerts=[late])), first, 2)
    assert {a["name"] for a in server.automations.values()} != names
    wanted = back(server, first, second).desired
    server.apply(wanted)
    assert {a["name"] for a in server.automations.values()} == names
    (deployment,) = server.stored.values()
    assert deployment["job_variables"]["env"] == environment
    assert diff(wanted, server.observe(wanted)).operations == ()


def test_a_release_without_alerts_has_none():
    server = ServerModel()
    release = deploy(server, desired(settings(deployments=[NIGHTLY])))
    wanted = back(server, release, release).desired
    assert wanted.alerts.automations == ()
    assert wanted.alerts.owner == "flowship.alerts.de-taxi.de-taxi-docker"


def test_alerts_are_part_of_a_release():
    alerts = [{"on": ["late"], "after": "15m", "notify": "slack-webhook/ops"}]
    wanted = desired(settings(deployments=[CHANGED], alerts=alerts))
    empty = ServerModel().observe(desired(settings(deployments=[CHANGED])))
    done = [Deployed(wanted, empty)]
    release = make("de-taxi", Origin("ship"), done, None, number=1, who="ada@laptop")
    with_deployment = replace(
        release, deployments=(replace(RELEASE.deployments[0], image="de-taxi"),)
    )
    [restored] = restore(read_back(with_deployment), [release], Stored({}, {}))
    assert restored.desired.alerts == wanted.alerts
    assert wanted.alerts.automations
    [image] = release.images
    damaged = replace(image, alerts={"owner": 3})
    with pytest.raises(ConfigError) as caught:
        restore(replace(with_deployment, images=(damaged,)), [release], Stored({}, {}))
    assert caught.value.code == "release-too-old"
