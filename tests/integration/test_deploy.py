"""Deploying against a real Prefect server: it converges, and what a person did there stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from flowship.config.loading import load
from flowship.deploy import ensure_pool, preflight, validate_image
from flowship.deployment.desired import Flags
from flowship.deployment.draft import draft
from flowship.deployment.observed import Ground
from flowship.deployment.plan import Action
from flowship.errors import ApiError, ConfigError
from flowship.prefect.client import PrefectApi
from support.deploying import Project, Target, image, settings
from support.probing import unusual

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


def test_the_second_deploy_of_the_same_writes_nothing(project):
    first = project.deploy()
    assert first.block.outcome == "created"
    assert first.pool.outcome == "created"
    assert first.deployments[0].outcome == "created"
    second = project.deploy()
    assert project.network.writes == []
    assert (second.block.outcome, second.pool.outcome) == ("unchanged", "found")
    assert second.deployments[0].outcome == "unchanged"
    assert second.block.id == first.block.id
    assert second.deployments[0].id == first.deployments[0].id
    assert [s.id for s in second.deployments[0].schedules] == [
        s.id for s in first.deployments[0].schedules
    ]
    assert len(project.schedules()) == 1


def test_a_deployment_that_another_project_had_is_warned_of(project):
    assert project.deploy().deployments[0].warnings == ()
    before = f"taxi-{project.tag}-docker"
    project.values["name"] = f"other-{project.tag}"
    (taken,) = project.deploy().deployments
    (warning,) = taken.warnings
    assert warning.startswith(f"it used the block {before}, which may belong to another project")
    assert project.deploy().deployments[0].warnings == ()


def test_each_thing_is_read_once(project):
    project.deploy()
    project.deploy()
    block = f"/block_types/slug/docker-container/block_documents/name/taxi-{project.tag}-docker"
    assert project.network.requests == [
        "GET /admin/version",
        f"GET /work_pools/pool-{project.tag}",
        "POST /artifacts/filter",  # the last release
        f"GET {block}",
        f"GET /artifacts/flowship-block-taxi-{project.tag}-docker/latest",
        "POST /deployments/filter",
        "POST /flows/filter",
    ]


def test_a_new_image_changes_the_block_and_nothing_else(project):
    first = project.deploy()
    again = project.deploy(reference="user/de-repo:new@sha256:" + "cd" * 32)
    assert (again.block.id, again.block.outcome) == (first.block.id, "updated")
    assert again.block.edits == ()
    assert again.deployments[0].changes == ()
    # A set: the server may ask to try again while its database is locked. A deploy that takes
    # seconds renews its lock, which is a variable.
    changed = {write for write in project.network.writes if write.startswith("PATCH")}
    assert {write for write in changed if "/variables/" not in write} == {
        f"PATCH /api/block_documents/{first.block.id}",
    }


def test_the_next_runs_are_on_the_server_as_soon_as_the_deploy_returns(project):
    def planned() -> set[str]:
        body = {"deployments": {"id": {"any_": [project.stored()["id"]]}}}
        runs = project.raw("POST", "/flow_runs/filter", body)
        return {r["expected_start_time"][11:16] for r in runs}

    project.configure(timezone="UTC")
    project.deploy()
    assert planned() == {"05:00"}
    project.deploy(Flags(cron="15 4 * * *", timezone="UTC"))
    assert planned() == {"04:15"}
    project.deploy(Flags(cron="* * * * *"))
    assert len(planned()) > 1
    project.deploy(reference="user/de-repo:new@sha256:" + "cd" * 32)  # which takes them back
    assert len(planned()) > 1


def test_runs_that_are_far_off_are_left_to_the_servers_own_rounds(project):
    far_off = datetime.now(timezone.utc) + timedelta(hours=12)
    project.configure(cron=f"{far_off.minute} {far_off.hour} * * *", timezone="UTC")
    project.deploy()
    project.configure(cron=f"{far_off.minute} {far_off.hour} * * *", timezone="UTC", tags=["x"])
    project.deploy()
    deployment = project.stored()["id"]
    assert f"PATCH /api/deployments/{deployment}" in project.network.writes
    assert f"POST /api/deployments/{deployment}/schedule" not in project.network.writes


def test_a_schedule_paused_in_the_server_stays_paused(project):
    project.deploy()
    (schedule,) = project.schedules()
    project.pause(schedule)
    report = project.deploy()
    assert project.network.writes == []
    assert report.deployments[0].schedules[0].active is False
    project.configure(cron="30 6 * * *")
    project.deploy()
    (after,) = project.schedules()
    assert (after["id"], after["active"]) == (schedule["id"], False)
    assert after["schedule"]["cron"] == "30 6 * * *"


def test_a_schedule_added_in_the_server_stays_and_so_do_the_ids_of_ours(project):
    project.deploy()
    (ours,) = project.schedules()
    project.add_schedule({"schedule": {"cron": "0 12 * * *", "timezone": "UTC"}})
    (theirs,) = [s for s in project.schedules() if s["id"] != ours["id"]]
    report = project.deploy()
    assert {s["id"] for s in project.schedules()} == {ours["id"], theirs["id"]}
    told = {s.id: (s.source, s.outcome) for s in report.deployments[0].schedules}
    assert told == {ours["id"]: ("configuration", "unchanged"), theirs["id"]: ("server", "kept")}
    project.configure(cron="0 6 * * *")
    project.deploy()
    assert {s["id"]: s["schedule"]["cron"] for s in project.schedules()} == {
        ours["id"]: "0 6 * * *",
        theirs["id"]: "0 12 * * *",
    }
    project.configure(cron=None, timezone=None)
    report = project.deploy()
    assert [s["id"] for s in project.schedules()] == [theirs["id"]]
    assert report.deployments[0].removed_schedules == ("every day at 06:00 Pacific/Auckland",)


def test_changing_the_cron_leaves_one_schedule_with_the_same_id(project):
    project.deploy()
    (before,) = project.schedules()
    project.configure(cron="0 7 * * *")
    report = project.deploy()
    (after,) = project.schedules()
    assert after["id"] == before["id"]
    assert report.deployments[0].schedules[0].outcome == "updated"
    assert project.deploy().deployments[0].outcome == "unchanged"
    assert project.network.writes == []


def test_a_schedule_by_flag_stays_until_the_configuration_changes(project):
    project.deploy()
    (before,) = project.schedules()
    project.deploy(Flags(cron="15 4 * * *"))
    (flagged,) = project.schedules()
    assert flagged["id"] == before["id"]
    assert flagged["schedule"]["cron"] == "15 4 * * *"
    report = project.deploy()
    assert project.network.writes == []
    told = report.deployments[0].schedules[0]
    assert (told.source, told.outcome) == ("flag", "kept")
    project.deploy(Flags(cron="45 4 * * *"))
    assert [s["schedule"]["cron"] for s in project.schedules()] == ["45 4 * * *"]
    project.configure(cron="0 8 * * *")
    project.deploy()
    (after,) = project.schedules()
    assert (after["id"], after["schedule"]["cron"]) == (before["id"], "0 8 * * *")
    assert not after["slug"].startswith("flowship-cli-")


def test_a_schedule_of_a_person_that_never_comes_stops_no_deploy(project):
    far_off = datetime.now(timezone.utc) + timedelta(hours=12)
    project.configure(cron=f"{far_off.minute} {far_off.hour} * * *", timezone="UTC")
    project.deploy()
    never = {"cron": "0 0 30 2 1", "day_or": False, "timezone": "UTC"}
    project.add_schedule({"schedule": never})
    project.add_schedule({"schedule": {"rrule": "FREQ=HOURLY;BYMINUTE=61", "timezone": "UTC"}})
    project.configure(cron=f"{far_off.minute} {far_off.hour} * * *", timezone="UTC", tags=["x"])
    report = project.deploy()
    assert report.deployments[0].outcome == "updated"
    theirs = [s for s in report.deployments[0].schedules if s.source == "server"]
    assert [(s.outcome, s.next_runs) for s in theirs] == [("kept", ()), ("kept", ())]
    assert all("which never runs" in s.words for s in theirs)
    warnings = report.deployments[0].warnings
    assert len([text for text in warnings if "schedules no runs of this deployment" in text]) == 2


def test_no_schedule_removes_ours_only(project):
    project.deploy(Flags(cron="15 4 * * *"))
    project.add_schedule({"schedule": {"cron": "0 12 * * *"}})
    report = project.deploy(Flags(no_schedule=True))
    assert [s["schedule"]["cron"] for s in project.schedules()] == ["0 12 * * *"]
    assert report.deployments[0].removed_schedules == ("every day at 04:15 UTC",) or (
        report.deployments[0].removed_schedules == ("every day at 04:15 Pacific/Auckland",)
    )


def test_an_interval_keeps_its_anchor_when_it_changes(project):
    project.configure(cron=None, interval="15m")
    project.deploy()
    (before,) = project.schedules()
    project.configure(interval="30m")
    project.deploy()
    (after,) = project.schedules()
    assert after["schedule"]["interval"] == 1800
    assert after["schedule"]["anchor_date"] == before["schedule"]["anchor_date"]
    project.deploy()
    assert project.network.writes == []


def test_an_interval_runs_at_the_times_that_its_anchor_gives(project):
    anchored = {"interval": "1h", "timezone": "Europe/Berlin", "anchor-date": "2026-01-05 06:17"}
    project.configure(cron=None, schedules=[anchored])
    report = project.deploy()
    (shown,) = report.deployments[0].schedules
    assert all(run.utc[14:16] == "17" for run in shown.next_runs)
    found = project.stored()["id"]
    project.raw("POST", f"/deployments/{found}/schedule", {})
    runs = project.raw("POST", "/flow_runs/filter", {"deployments": {"id": {"any_": [found]}}})
    assert {run["expected_start_time"][14:16] for run in runs} == {"17"}
    project.deploy()
    assert project.network.writes == []
    project.configure(schedules=[{**anchored, "anchor-date": "2026-01-05 06:29"}])
    project.deploy()
    (after,) = project.schedules()
    assert after["schedule"]["anchor_date"] == "2026-01-05T06:29:00+01:00"


def test_an_rrule_deployed_twice_is_written_once(project):
    project.configure(cron=None, rrule="FREQ=MINUTELY;INTERVAL=17")
    project.deploy()
    project.deploy()
    assert project.network.writes == []


def test_of_several_schedules_the_paused_one_stays_itself_when_another_goes(project):
    crons = ["0 1 * * *", "0 2 * * *", "0 3 * * *"]
    project.configure(cron=None, schedules=[{"cron": c} for c in crons])
    project.deploy()
    paused = next(s for s in project.schedules() if s["schedule"]["cron"] == "0 3 * * *")
    project.pause(paused)
    project.configure(schedules=[{"cron": c} for c in crons[1:]])
    project.deploy()
    left = {s["schedule"]["cron"]: s["active"] for s in project.schedules()}
    assert left == {"0 2 * * *": True, "0 3 * * *": False}


def test_schedule_parameters_reach_the_server_and_stay(project):
    project.configure(cron=None, schedules=[{"cron": "0 1 * * *", "parameters": {"year": 2022}}])
    project.deploy()
    project.configure(schedules=[{"cron": "0 2 * * *", "parameters": {"year": 2022}}])
    project.deploy()
    (schedule,) = project.schedules()
    assert schedule["parameters"] == {"year": 2022}


def test_paused_changes_only_when_a_flag_says_so(project):
    project.configure(paused=True)
    assert project.deploy().deployments[0].paused is True
    project.raw("PATCH", f"/deployments/{project.stored()['id']}", {"paused": False})
    assert project.deploy().deployments[0].paused is False
    assert project.deploy(Flags(paused=True)).deployments[0].paused is True
    assert project.stored()["paused"] is True
    assert project.deploy().deployments[0].paused is True
    assert project.deploy(Flags(paused=False)).deployments[0].paused is False


def test_a_change_of_job_variables_keeps_the_work_queue_that_a_person_chose(project):
    project.deploy()
    pool = project.values["work-pool"]
    identity = project.stored()["id"]
    chosen = {"work_pool_name": pool, "work_queue_name": "fast"}
    project.raw("PATCH", f"/deployments/{identity}", chosen)
    project.configure(**{"job-variables": {"mem_limit": "1g"}})
    project.deploy()
    assert project.stored()["work_queue_name"] == "fast"
    assert project.stored()["job_variables"]["mem_limit"] == "1g"
    project.configure(**{"work-queue": "slow"})
    report = project.deploy()
    stored = project.stored()
    assert (stored["work_queue_name"], stored["work_pool_name"]) == ("slow", pool)
    assert [(c.field, c.was, c.now) for c in report.deployments[0].changes] == [
        ("work_queue_name", "fast", "slow")
    ]


def test_a_new_deployment_has_all_fields_that_are_configured(project):
    project.configure(
        concurrency={"limit": 2, "on-conflict": "cancel-new"},
        version="2026.1",
        labels={"team": "data", "tier": 1, "core": True},
        **{"work-queue": "fast", "enforce-parameters": False},
    )
    assert project.deploy().deployments[0].warnings == ()
    stored = project.stored()
    assert stored["global_concurrency_limit"]["limit"] == 2
    assert stored["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert (stored["version"], stored["work_queue_name"]) == ("2026.1", "fast")
    assert stored["enforce_parameter_schema"] is False
    assert stored["labels"] | {"team": "data", "tier": 1, "core": True} == stored["labels"]
    project.deploy()
    assert project.network.writes == []


def test_labels_that_cannot_be_changed_are_a_warning_with_the_way_out(project):
    project.configure(labels={"team": "data"})
    project.deploy()
    project.configure(labels={"team": "science", "tier": 1})
    report = project.deploy()
    assert project.network.writes == []
    (warning,) = report.deployments[0].warnings
    assert "other values for the labels team, tier" in warning
    assert f"deployment delete flow-{project.tag}/nightly" in warning
    project.api.delete_deployment(project.stored()["id"])
    assert project.deploy().deployments[0].warnings == ()
    assert project.stored()["labels"]["team"] == "science"


def test_a_concurrency_limit_comes_and_goes(project):
    project.configure(**{"concurrency-limit": 2})
    project.deploy()
    assert project.stored()["global_concurrency_limit"]["limit"] == 2
    project.deploy()
    assert project.network.writes == []
    project.configure(**{"concurrency-limit": None})
    report = project.deploy()
    assert project.stored()["global_concurrency_limit"] is None
    assert [(c.field, c.was, c.now) for c in report.deployments[0].changes] == [
        ("concurrency_limit", 2, None)
    ]


def test_every_field_of_the_block_follows_in_a_pool_of_ours(project):
    project.values["block"] = {"env": {"A": "1"}, "mem-limit": "1g", "networks": ["net"]}
    report = project.deploy()
    assert report.pool.widened
    assert report.pool.copied == ()
    prefix = f"{{{{ prefect.blocks.docker-container.taxi-{project.tag}-docker"
    variables = project.stored()["job_variables"]
    assert variables["image"] == f"{prefix}.image }}}}"
    assert variables["auto_remove"] == f"{prefix}.auto_remove }}}}"
    assert variables["networks"] == f"{prefix}.networks }}}}"
    assert variables["env"] == {"A": f"{prefix}.env.A }}}}"}
    assert set(project.block()["data"]) == set(variables)


def test_in_a_pool_of_another_origin_text_follows_and_the_rest_is_copied(
    project,
    prefect_server,
    tmp_path,
):
    name = project.values["work-pool"]
    environment = {**os.environ, "PREFECT_API_URL": prefect_server, "PREFECT_HOME": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-m", "prefect", "work-pool", "create", name, "--type", "docker"],
        env=environment, check=True, capture_output=True,
    )  # fmt: skip
    project.values["block"] = {
        "env": {"A": "1"}, "volumes": ["/a:/b"], "labels": {"team": "x", "a.b": "c"},
    }  # fmt: skip
    report = project.deploy()
    assert (report.pool.outcome, report.pool.widened) == ("found", False)
    assert set(report.pool.live) == {
        "image", "env.A", "volumes[0]", "labels.team", "mem_limit", "memswap_limit",
        "network_mode",
    }  # fmt: skip
    assert {"auto_remove", "image_pull_policy", "labels.a.b", "privileged"} < set(
        report.pool.copied
    )
    variables = project.stored()["job_variables"]
    assert variables["image_pull_policy"] == "IfNotPresent"
    assert variables["auto_remove"] is True
    assert variables["image"].startswith("{{ prefect.blocks.docker-container.")
    project.deploy()
    assert project.network.writes == []
    run = project.api.create_run(project.stored()["id"], {})  # the server judges them again
    assert run["deployment_id"] == project.stored()["id"]


def test_an_overwritten_edit_of_the_block_is_reported(project):
    project.values["block"] = {"mem-limit": "1g"}
    project.deploy()
    body = {"data": {"mem_limit": "8g", "image": "other/image:edited", "privileged": True}}
    project.raw("PATCH", f"/block_documents/{project.block()['id']}", body)
    report = project.deploy()
    assert {c.field: c.was for c in report.block.edits} == {
        "mem_limit": "8g",
        "image": "other/image:edited",
    }
    data = project.block()["data"]
    assert (data["mem_limit"], data["privileged"]) == ("1g", True)  # not configured: kept
    assert report.block.kept == {"privileged": True}
    body = {"data": {"volumes": ["nonsense"]}}
    project.raw("PATCH", f"/block_documents/{project.block()['id']}", body)
    report = project.deploy()
    assert report.block.kept["volumes"] == ["nonsense"]
    assert any("runs would crash" in w for w in report.warnings)


def test_other_deployments_that_share_the_block_are_named(project):
    project.deploy()
    project.values["deployments"] = [{"name": "weekly"}]
    report = project.deploy(reference="user/de-repo:new@sha256:" + "cd" * 32)
    assert report.moved == (f"flow-{project.tag}/nightly",)
    assert report.block.edits == ()
    assert project.deploy(reference="user/de-repo:new@sha256:" + "cd" * 32).moved == ()
    last = project.deploy(Flags(prune=True), reference="user/de-repo:x@sha256:" + "ef" * 32)
    assert last.moved == ()  # it was deleted by the same deploy
    assert [o.name for o in last.operations if o.action is Action.DELETE]


def test_an_image_that_was_not_pushed_is_never_pulled_until_it_is(project):
    project.deploy(pushed=False, reference="de-taxi:4f2a")
    assert project.block()["data"]["image_pull_policy"] == "Never"
    project.deploy()
    assert project.block()["data"]["image_pull_policy"] == "IfNotPresent"
    project.values["block"] = {"image-pull-policy": "always"}
    project.deploy()
    assert project.block()["data"]["image_pull_policy"] == "Always"
    project.deploy(pushed=False, reference="de-taxi:4f2a")
    assert project.block()["data"]["image_pull_policy"] == "Never"


def test_a_secrets_reference_goes_past_the_block_and_stays_a_reference(project):
    project.create_block("secret", f"gcp-key-{project.tag}", {"value": "top-secret"})
    secret = f"{{{{ prefect.blocks.secret.gcp-key-{project.tag} }}}}"
    project.values["block"] = {"env": {"KEY": secret, "PLAIN": "1", "DB_PASSWORD": "open"}}
    report = project.deploy()
    assert project.block()["data"]["env"] == {"PLAIN": "1", "DB_PASSWORD": "open"}
    assert project.stored()["job_variables"]["env"]["KEY"] == secret
    assert any("DB_PASSWORD" in w and "clear text" in w for w in report.warnings)
    assert not any('KEY"' in w for w in report.warnings)


def test_registry_credentials_are_a_reference_and_never_copied(project):
    slug = "docker-registry-credentials"
    project.values["block"] = {"registry-credentials": f"hub-{project.tag}"}
    with pytest.raises(ConfigError, match="no Docker Registry Credentials block"):
        project.deploy()
    assert project.network.writes == []
    other = Project(project.api.url)
    other.deploy()  # registers the block types
    data = {"username": "u", "password": "top-secret", "registry_url": "r"}
    project.create_block(slug, f"hub-{project.tag}", data)
    report = project.deploy()
    assert "top-secret" not in json.dumps(report.to_json())
    assert "top-secret" not in json.dumps(project.stored())
    reference = project.block()["block_document_references"]["registry_credentials"]
    project.deploy()
    assert project.network.writes == []
    project.values["block"]["mem-limit"] = "1g"
    project.deploy(reference="user/de-repo:new@sha256:" + "cd" * 32)
    del project.values["block"]["registry-credentials"]  # not configured: left as it is
    project.deploy()
    assert project.block()["data"]["mem_limit"] == "1g"
    after = project.block()["block_document_references"]["registry_credentials"]
    assert after["block_document"]["id"] == reference["block_document"]["id"]


def test_job_variables_are_judged_by_the_pool(project):
    for given, message in (
        ({"imge": "x"}, 'no job variable "imge"'),
        ({"privileged": 3}, "true or false"),
        ({"mem-limit": "1g"}, 'no job variable "mem-limit"'),
    ):
        project.configure(**{"job-variables": given})
        with pytest.raises(ConfigError) as caught:
            project.deploy()
        assert message in caught.value.message
        assert project.network.writes == []
        with pytest.raises(ConfigError):
            preflight(draft(settings(**project.values), Flags()), project.api)
    assert caught.value.hint == 'did you mean "mem_limit"?'
    project.configure(**{"job-variables": {"mem_limit": "1g", "env": {"B": "2"}}})
    project.deploy()
    variables = project.stored()["job_variables"]
    assert (variables["mem_limit"], variables["env"]) == ("1g", {"B": "2"})


def test_a_pool_of_another_type_is_refused(project):
    project.api.create_work_pool({"name": project.values["work-pool"], "type": "process"})
    with pytest.raises(ConfigError, match="of type process"):
        project.deploy()


def test_the_report_says_whether_a_worker_is_online_and_what_starts_one(project):
    report = project.deploy()
    name = project.values["work-pool"]
    assert report.pool.worker_online is False
    assert report.pool.start_command.endswith(f'prefect worker start --pool "{name}" --type docker')
    project.raw("POST", f"/work_pools/{name}/workers/heartbeat", {"name": "w"})
    assert project.deploy().pool.worker_online is True


def test_overwritten_parameters_are_reported(project):
    project.deploy(Flags(parameters={"year": "2022"}))
    assert project.stored()["parameters"] == {"year": 2022}
    report = project.deploy()
    assert [(c.field, c.was, c.now) for c in report.deployments[0].changes] == [
        ("parameters.year", 2022, None)
    ]


def test_a_flag_schedule_that_stays_also_needs_the_required_parameters(project):
    project.configure(cron=None, timezone=None)
    project.deploy(Flags(cron="0 5 * * *"))
    schema = {"type": "object", "required": ["day"],
              "properties": {"day": {"type": "string"}}}  # fmt: skip
    with pytest.raises(ConfigError, match='without a value for "day"'):
        project.deploy(parameters=schema)
    assert project.network.writes == []
    facts = image(**{**project.facts, "parameters": schema})
    wanted = draft(settings(**project.values), Flags()).bind(facts)
    with pytest.raises(ConfigError, match='without a value for "day"'):
        validate_image(wanted, project.api, Ground(None, None))  # as `ship` does before the push


def test_a_flow_whose_defaults_are_not_json_is_deployed_and_runs_with_its_own(project, tmp_path):
    project.deploy(parameters=dict(unusual(tmp_path).parameters))
    assert "default" not in project.stored()["parameter_openapi_schema"]["properties"]["limit"]
    for given in ({}, {"limit": 2.5, "name": "Zoë", "notes": {"Zoë": 1}}):
        assert project.api.create_run(project.stored()["id"], given)["id"]


def test_what_the_configuration_passes_to_docker_is_stored_as_json(project, tmp_path):
    (tmp_path / "flowship.toml").write_text(
        "entrypoint = 'flow.py:f'\n"
        "block.container-create-kwargs = { labels = { since = 2024-01-01 } }\n"
    )
    block = load(tmp_path, environ={}).block
    project.values["block"] = block.model_dump(by_alias=True, exclude_none=True)
    project.deploy()
    stored = project.block()["data"]["container_create_kwargs"]
    assert stored == {"labels": {"since": "2024-01-01"}}
    project.deploy()
    assert project.network.writes == []


def test_an_unprobed_image_leaves_the_stored_schema_and_description_alone(project):
    project.deploy()
    project.deploy(parameters=None, flow_description=None)
    assert project.stored()["description"] == "Loads taxi rides."
    assert project.stored()["parameter_openapi_schema"]["properties"]["year"]["default"] == 2021


def test_the_shape_of_the_report_is_this(project):
    document = project.deploy().to_json()
    assert json.loads(json.dumps(document)) == document
    assert {k: sorted(v) if isinstance(v, dict) else type(v).__name__ for k, v in
            document.items()} == {
        "image": "str", "platform": "str", "pushed": "bool", "api_url": "str",
        "block": ["edits", "id", "kept", "name", "outcome", "url"],
        "pool": ["copied", "live", "name", "outcome", "paused", "start_command", "url", "widened",
                 "worker_online"],
        "deployments": "list", "moved": "list", "warnings": "list", "operations": "list",
        "dry_run": "bool", "release": "int", "alerts": "list", "kept": "list", "left": "list",
    }  # fmt: skip
    (deployment,) = document["deployments"]
    assert sorted(deployment) == [
        "changes", "flow_name", "id", "name", "outcome", "parameters", "paused",
        "removed_schedules", "schedules", "url", "warnings",
    ]  # fmt: skip
    assert sorted(deployment["schedules"][0]["next_runs"][0]) == ["local", "utc"]
    assert sorted(deployment["parameters"][0]) == ["expected", "name", "source", "value"]
    assert deployment["url"].endswith(f"/deployments/deployment/{deployment['id']}")


def test_an_api_that_is_not_set_or_not_answering_is_an_error_before_anything():
    with pytest.raises(ApiError, match="no Prefect API is set"):
        PrefectApi(Target(None))
    with pytest.raises(ApiError) as caught:
        PrefectApi(Target(None, warnings=('there is no profile "nope"',)))
    assert 'no profile "nope"' in caught.value.details
    target = replace(Target("http://127.0.0.1:9/api"))
    with (
        pytest.raises(ApiError, match="is not responding"),
        PrefectApi(target, sleep=lambda s: None) as api,
    ):
        preflight(draft(settings(), Flags()), api)


def test_a_renamed_flow_is_listed_and_warned_of_if_its_runs_may_fail(project):
    project.deploy()
    old = f"flow-{project.tag}/nightly"
    project.facts = {"flow_name": f"renamed-{project.tag}"}
    renamed = project.deploy(reference="user/de-repo:new@sha256:" + "cd" * 32)
    assert [(left.name, left.renamed_to) for left in renamed.left] == [
        (old, f"renamed-{project.tag}/nightly")
    ]
    assert renamed.warnings == ()
    moved = project.deploy(reference="user/de-repo:x@sha256:" + "ef" * 32, entrypoint="b.py:b")
    assert any(f"{old} also runs this image" in w and "taxi.py:taxi" in w for w in moved.warnings)
    project.api.delete_deployment(project.api.deployment_by_name(*old.split("/"))["id"])
    assert project.deploy(entrypoint="b.py:b").warnings == ()


def test_another_configured_deployment_is_not_a_leftover(project):
    project.values["deployments"].append({"name": "weekly", "cron": "0 5 * * 1"})
    project.deploy()
    assert project.deploy(Flags(name="weekly")).warnings == ()


def test_secrets_are_overwritten_without_being_shown(project):
    secret = {"type": "string", "format": "password", "writeOnly": True}
    schema = {"type": "object", "properties": {"token": secret}, "required": []}
    reports = []
    for value in ("one", "two"):
        project.values["block"] = {"env": {"API_TOKEN": f"sk-{value}", "DB": f"pg://u:{value}@h"}}
        flags = Flags(parameters={"token": f"hunter-{value}"})
        reports.append(project.deploy(flags, parameters=schema).to_json())
    assert [c["field"] for c in reports[1]["block"]["edits"]] == ["env"]
    assert [c["field"] for c in reports[1]["deployments"][0]["changes"]] == ["parameters.token"]
    told = json.dumps(reports)
    assert not [s for s in ("sk-", "hunter", "u:one", "u:two") if s in told]
    assert project.stored()["parameters"] == {"token": "hunter-two"}


def test_a_pool_that_starts_no_containers_is_refused_for_a_worker_too(project):
    name = f"process-{project.tag}"
    project.raw("POST", "/work_pools/", {"name": name, "type": "process"})
    with pytest.raises(ConfigError, match="of type process"):
        ensure_pool(project.api, name)
    assert ensure_pool(project.api, f"new-{project.tag}") is True
    assert ensure_pool(project.api, f"new-{project.tag}") is False


def test_a_schedule_by_flag_that_stays_paused_is_a_warning_with_the_way_to_resume_it(project):
    project.deploy()
    (schedule,) = project.schedules()
    project.pause(schedule)
    (told,) = project.deploy(Flags(cron="15 4 * * *")).deployments[0].warnings
    assert f"prefect deployment schedule resume flow-{project.tag}/nightly" in told
    assert schedule["id"] in told
    paused = project.deploy(Flags(paused=True)).deployments[0]
    assert paused.warnings == ()
    told = project.deploy(Flags(cron="15 4 * * *")).deployments[0].warnings
    assert any("resume it with --no-paused" in warning for warning in told)


def test_a_pool_that_does_not_exist_yet_has_no_worker(project):
    planned = project.plan()
    assert planned.pool.worker_online is False
