"""Automations compared: flowship's own changed one by one, a person's never."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowship.deployment.alerts import HEARTBEATS, DesiredAlerts, owner_of
from flowship.deployment.diff import attribute, diff
from flowship.deployment.drift import LastRelease
from flowship.deployment.plan import Action, Editor, Operation, Plan, Resource
from flowship.errors import ConfigError
from flowship.releases.fingerprints import applied
from flowship.releases.making import Deployed, Origin, make
from support.deploying import desired, settings
from support.server_model import ServerModel

OPS = "slack-webhook/ops"
FAILED = {"on": ["failed"], "notify": OPS}
EVERYTHING = {"on": ["failed", "late", "stuck"], "notify": OPS, "retry-crashed": 2}
TWO = [{"name": "nightly"}, {"name": "hourly"}]
HEARTBEAT, EARLIER = HEARTBEATS


@pytest.fixture
def server() -> ServerModel:
    made = ServerModel()
    made.add_notification_block(OPS)
    return made


def project(*alerts: dict, **values):
    return settings(**{"deployments": TWO, "alerts": list(alerts), **values})


def about_alerts(plan: Plan) -> list[Operation]:
    return [o for o in plan.operations if o.resource is Resource.AUTOMATION]


def changes(plan: Plan) -> list[tuple[Action, list[str]]]:
    return [(o.action, [c.field for c in o.changes]) for o in about_alerts(plan)]


def only(server: ServerModel) -> dict:
    (found,) = server.automations.values()
    return found


def ids(server: ServerModel) -> list[str]:
    return sorted(only(server)["trigger"]["match_related"]["prefect.resource.id"])


def test_alerts_are_created_after_the_deployments_and_a_second_plan_is_empty(server):
    wanted = desired(project(EVERYTHING))
    plan = server.apply(wanted)
    assert [o.action for o in about_alerts(plan)] == [Action.CREATE] * 7
    assert plan.operations[-7:] == tuple(about_alerts(plan))
    assert not diff(wanted, server.observe(wanted))


def test_an_alert_names_the_deployments_by_their_ids_and_has_an_owner(server):
    server.apply(desired(project(FAILED)))
    assert ids(server) == sorted(f"prefect.deployment.{i}" for i in server.stored)
    assert only(server)["owner_resource"] == owner_of("de-taxi", "de-taxi-docker")
    assert only(server)["actions"][0]["block_document_id"] == server.documents[OPS]["id"]


def test_an_alert_about_some_deployments_names_only_these(server):
    server.apply(desired(project({**FAILED, "deployments": ["hourly"]})))
    (hourly,) = (i for i, d in server.stored.items() if d["name"] == "hourly")
    assert ids(server) == [f"prefect.deployment.{hourly}"]


def test_a_disabled_automation_stays_disabled_when_it_changes(server):
    late = {"on": ["late"], "notify": OPS}
    server.apply(desired(project(late)))
    only(server)["enabled"] = False
    plan = server.apply(desired(project({**late, "after": "1h"})))
    assert changes(plan) == [(Action.UPDATE, ["name", "trigger.within", "action.subject"])]
    assert only(server)["enabled"] is False
    assert only(server)["trigger"]["within"] == 3600


def test_a_disabled_automation_is_not_a_difference(server):
    wanted = desired(project(FAILED))
    server.apply(wanted)
    only(server)["enabled"] = False
    assert not diff(wanted, server.observe(wanted))


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (lambda a: a.update(name="renamed"), "name"),
        (lambda a: a.update(description="mine"), "description"),
        (lambda a: a["trigger"].update(threshold=3), "trigger.threshold"),
        (lambda a: a["trigger"]["match"].update({"prefect.state-type": "COMPLETED"}),
         "trigger.match"),
        (lambda a: a["actions"][0].update(body="mine"), "action.body"),
        (lambda a: a["actions"].append({"type": "do-nothing"}), "other actions"),
        (lambda a: a["trigger"]["match_related"].update({"prefect.resource.id": []}),
         "deployments"),
    ],
    ids=["name", "description", "threshold", "match", "body", "another-action", "deployments"],
)  # fmt: skip
def test_an_edit_is_restored_in_place_and_marked(server, edit, field):
    wanted = desired(project(FAILED))
    server.apply(wanted)
    recorded = applied(wanted, server.observe(wanted))
    identity = only(server)["id"]
    edit(only(server))
    state = server.observe(wanted)
    plan = attribute(diff(wanted, state), LastRelease(recorded), state)
    (operation,) = plan.operations
    assert operation.action is Action.UPDATE
    assert [c.field for c in operation.changes] == [field]
    assert operation.changes[0].edited_by is Editor.PERSON
    server.apply(wanted)
    assert only(server)["id"] == identity
    assert not diff(wanted, server.observe(wanted))


def test_a_change_of_the_configuration_replaces_flowships_own_value(server):
    first = desired(project(FAILED))
    server.apply(first)
    recorded = applied(first, server.observe(first))
    second = desired(project({**FAILED, "deployments": ["hourly"]}))
    state = server.observe(second)
    plan = attribute(diff(second, state), LastRelease(recorded), state)
    edited = {c.field: c.edited_by for o in about_alerts(plan) for c in o.changes}
    assert edited == {"name": Editor.FLOWSHIP, "deployments": Editor.FLOWSHIP}


def test_deployments_are_shown_by_their_names(server):
    server.apply(desired(project(FAILED)))
    plan = server.apply(desired(project({**FAILED, "deployments": ["hourly"]})))
    (shown,) = (c for o in about_alerts(plan) for c in o.changes if c.field == "deployments")
    assert (shown.before, shown.after) == (["taxi/hourly", "taxi/nightly"], ["taxi/hourly"])


def test_a_deployment_that_left_is_shown_by_its_name_and_else_as_deleted(server):
    server.apply(desired(project(FAILED)))
    one = desired(project(FAILED, deployments=TWO[:1]))
    (change,) = about_alerts(diff(one, server.observe(one)))[0].changes
    assert (change.before, change.after) == (["taxi/hourly", "taxi/nightly"], ["taxi/nightly"])
    (hourly,) = (i for i, d in server.stored.items() if d["name"] == "hourly")
    del server.stored[hourly]
    (change,) = about_alerts(diff(one, server.observe(one)))[0].changes
    assert change.before == ["a deleted deployment", "taxi/nightly"]
    state, several = server.observe(one), replace(one, elsewhere=frozenset({"other"}))
    (change,) = about_alerts(diff(several, state))[0].changes
    assert change.before == ["another deployment", "taxi/nightly"]


def test_what_left_the_configuration_is_deleted_and_only_then_no_longer_asked_for(server):
    server.apply(desired(project(FAILED, {"retry-crashed": 1})))
    plan = server.apply(desired(project(FAILED)))
    assert changes(plan) == [(Action.DELETE, [])]
    assert about_alerts(plan)[0].reason == "no longer configured"
    assert len(server.automations) == 1


def test_automations_of_others_are_never_touched(server):
    theirs = server.create_automation({"name": "flowship: de-taxi: failed → slack-webhook/ops"})
    server.apply(desired(project(FAILED)))
    server.apply(desired(project({"retry-crashed": 1})))
    assert theirs["id"] in server.automations


def test_an_alert_deleted_in_the_ui_comes_back(server):
    wanted = desired(project(FAILED))
    server.apply(wanted)
    server.automations.clear()
    assert changes(server.apply(wanted)) == [(Action.CREATE, [])]


def test_a_deployment_recreated_by_hand_is_known_again(server):
    wanted = desired(project(FAILED))
    server.apply(wanted)
    identity, deployment = next(iter(server.stored.items()))
    del server.stored[identity]
    server.stored["by-hand"] = {**deployment, "id": "by-hand"}
    assert (Action.UPDATE, ["deployments"]) in changes(server.apply(wanted))
    assert "prefect.deployment.by-hand" in ids(server)


def test_a_deploy_of_one_deployment_keeps_the_others_in_the_alert(server):
    from flowship.deployment.desired import Flags

    server.apply(desired(project(FAILED, deployments=TWO[:1])))
    server.apply(desired(project(FAILED), Flags(name="hourly")))
    assert ids(server) == sorted(f"prefect.deployment.{i}" for i in server.stored)
    assert len(ids(server)) == 2
    server.apply(desired(project(FAILED, deployments=TWO[1:])))
    assert len(ids(server)) == 1


def test_runs_with_the_alert_stuck_send_heartbeats(server):
    def sent() -> list[str | None]:
        return [d["job_variables"]["env"].get(HEARTBEAT) for d in server.stored.values()]

    server.apply(desired(project(FAILED)))
    assert sent() == [None, None]
    stuck = {"on": ["stuck"], "notify": OPS, "after": "2m"}
    plan = server.apply(desired(project(stuck)))
    assert sent() == ["40", "40"]
    updates = [o for o in plan.operations if o.resource is Resource.DEPLOYMENT]
    assert [o.reason for o in updates] == ["alerts", "alerts"]
    server.apply(desired(project(FAILED)))
    assert sent() == [None, None]


def test_a_heartbeat_that_the_project_sets_itself_counts(server):
    own = {"name": "nightly", "job-variables": {"env": {HEARTBEAT: "45"}}}
    stuck = {"on": ["stuck"], "notify": OPS}
    server.apply(desired(project(stuck, deployments=[own])))
    (deployment,) = server.stored.values()
    assert deployment["job_variables"]["env"][HEARTBEAT] == "45"


def test_a_missing_notification_block_is_refused_with_the_address_to_create_it(server):
    del server.documents[OPS]
    with pytest.raises(ConfigError) as caught:
        server.apply(desired(project(FAILED)))
    assert caught.value.code == "notification-block-not-found"
    assert caught.value.hint == (
        "create it: http://127.0.0.1:4200/blocks/catalog/slack-webhook/create"
    )
    assert not server.sent


def test_without_alerts_nothing_is_asked_about_them(server):
    wanted = desired(project())
    server.apply(wanted)
    server.asked.clear()
    server.apply(wanted)
    assert "automations" not in server.asked
    assert "block_documents" not in server.asked


def test_a_second_request_of_a_change_is_not_needed(server):
    wanted = desired(project(EVERYTHING))
    server.apply(wanted)
    server.asked.clear()
    server.observe(wanted)
    assert server.asked.count("automations") == 1
    assert server.asked.count("block_documents") == 1


def test_an_image_with_an_earlier_prefect_has_the_earlier_name_of_the_heartbeat(server):
    stuck = {"on": ["stuck"], "notify": OPS}
    server.apply(desired(project(stuck), prefect_version="3.4.25"))
    environments = [d["job_variables"]["env"] for d in server.stored.values()]
    assert [env.get(EARLIER) for env in environments] == ["180", "180"]
    assert [env.get(HEARTBEAT) for env in environments] == [None, None]


def test_a_release_holds_the_alerts_of_its_image(server):
    wanted = desired(project(EVERYTHING))
    server.apply(wanted)
    done = [Deployed(wanted, server.observe(wanted))]
    release = make("de-taxi", Origin("deploy"), done, None, number=1, who="ada@laptop")
    (image,) = release.images
    assert DesiredAlerts.from_json(image.alerts) == wanted.alerts


@given(
    st.lists(
        st.lists(
            st.sampled_from(
                [
                    FAILED,
                    {"on": ["late"], "notify": OPS, "after": "1h"},
                    {"on": ["stuck"], "notify": "custom-webhook/x", "deployments": ["hourly"]},
                    {"on": ["crashed"], "notify": OPS, "retry-crashed": 2},
                ]
            ),
            unique_by=repr,
        ),
        min_size=2,
        max_size=4,
    ),
    st.booleans(),
)
def test_after_any_change_of_the_alerts_the_next_plan_is_empty(configurations, enabled):
    server = ServerModel()
    server.add_notification_block(OPS)
    server.add_notification_block("custom-webhook/x")
    theirs = server.create_automation({"name": "theirs", "owner_resource": "theirs"})
    for alerts in configurations:
        wanted = desired(project(*alerts))
        before = {a["id"]: a["enabled"] for a in server.automations.values()}
        server.apply(wanted)
        state = server.observe(wanted)
        assert not diff(wanted, state)
        assert len(state.alerts) == len(wanted.alerts.automations)
        kept = {a["id"]: a["enabled"] for a in state.alerts if a["id"] in before}
        assert kept == {k: v for k, v in before.items() if k in kept}
        for automation in server.automations.values():
            automation["enabled"] = enabled
    assert server.automations[theirs["id"]]["name"] == "theirs"


def test_two_projects_that_share_a_block_have_alerts_of_their_own(server):
    shared = {"block": {"name": "shared"}}
    first = desired(settings(**shared, alerts=[FAILED]))
    second = desired(settings(**shared, name="other", alerts=[FAILED]), flow_name="other")
    for wanted in (first, second):
        server.apply(wanted)
    assert not diff(first, server.observe(first))
    assert not diff(second, server.observe(second))
    assert len(server.automations) == 2
