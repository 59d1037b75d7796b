"""The draft: what is refused before anything changes, and what it says of a deployment."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from flowship.config.loading import load
from flowship.config.settings import Settings
from flowship.deployment.desired import Flags, image_version
from flowship.deployment.docker_block import DOCKER_ARGUMENTS, configured_fields
from flowship.deployment.draft import chosen, draft
from flowship.deployment.stored import stored_schedule
from flowship.errors import ConfigError, FlowshipError, UsageError
from support.deploying import SCHEMA, dry_run, image, settings

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)


def planned(project: Settings | None = None, flags: Flags | None = None, **facts):
    wanted = draft(project or settings(), flags or Flags(), now=NOW)
    return wanted.bind(image(**facts)).deployments


def reported(project: Settings | None = None, flags: Flags | None = None, **facts):
    """The deployments as a dry run on an empty server reports them."""
    wanted = draft(project or settings(), flags or Flags(), now=NOW)
    return dry_run(wanted.bind(image(**facts))).deployments


def refused(kind: type[FlowshipError], project=None, flags=None, **facts) -> FlowshipError:
    with pytest.raises(kind) as caught:
        planned(project, flags, **facts)
    return caught.value


def test_a_project_without_deployments_gets_one_by_its_own_name():
    state = draft(settings(), Flags(), now=NOW).bind(image())
    (spec,) = state.deployments
    assert (spec.name, spec.flow_name, state.block.name) == ("de-taxi", "taxi", "de-taxi-docker")
    assert (spec.path, spec.entrypoint) == ("/opt/prefect/flows", "flows/taxi.py:taxi")
    assert spec.schedules == ()


def test_every_parameter_is_told_with_its_value_and_where_that_comes_from():
    (spec,) = planned(flags=Flags(parameters={"months": "[1,2,3]", "colour": "green"}))
    told = [(p.name, p.value, p.source) for p in spec.parameter_values]
    assert told == [
        ("months", [1, 2, 3], "given"),
        ("year", 2021, "default"),
        ("colour", "green", "given"),
    ]
    assert spec.parameters == {"months": [1, 2, 3], "colour": "green"}


def test_a_schedule_from_a_flag_is_told_in_words_with_its_next_three_runs():
    (spec,) = reported(flags=Flags(cron="0 5 * * *", timezone="Pacific/Auckland"))
    (told,) = spec.schedules
    assert told.words == "every day at 05:00 Pacific/Auckland"
    assert [run.local for run in told.next_runs] == [
        f"2026-06-{day:02}T05:00:00+12:00" for day in (2, 3, 4)
    ]
    assert told.next_runs[0].utc == "2026-06-01T17:00:00+00:00"


def test_an_interval_that_begins_now_first_runs_when_it_is_over():
    (spec,) = reported(flags=Flags(interval="90s"))
    runs = [datetime.fromisoformat(run.utc) for run in spec.schedules[0].next_runs]
    assert runs == [NOW + timedelta(seconds=90 * turn) for turn in (1, 2, 3)]


def test_a_schedule_flag_takes_the_timezone_configured_for_the_deployment():
    project = settings(deployments=[{"name": "a", "cron": "0 1 * * *", "timezone": "Europe/Paris"}])
    (spec,) = planned(project, Flags(cron="0 5 * * *"))
    assert spec.schedules[0].timezone == "Europe/Paris"


@pytest.mark.parametrize(
    ("flags", "message", "hint"),
    [
        (Flags(cron="0 25 * * *"), '"25" is not an hour', "0 5 * * *"),
        (Flags(cron="0 5 * * *", timezone="Pacific/Aukland"), "not a timezone", "Pacific/Auckland"),
        (Flags(interval="soon"), "not an interval", "15m"),
        (Flags(rrule="SOMETIMES"), "not an rrule", "FREQ=WEEKLY"),
        (Flags(rrule="FREQ=DAILY;UNTIL=20200101"), "never runs", "UNTIL"),
        (Flags(rrule="DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=3"), "never runs", "COUNT"),
        (Flags(cron="0 5 * * *", interval=60), "exactly one", "keep one"),
        (Flags(timezone="Europe/Paris"), "--timezone needs a schedule", "timezone"),
        (Flags(cron="0 5 * * *", no_schedule=True), "exclude each other", ""),
        (Flags(parameters={"month": "1"}), 'no parameter "month"', 'did you mean "months"?'),
        (
            Flags(parameters={"months": "January"}),
            "a list of whole numbers",
            "--param 'months=[1, 2]'",
        ),
        (Flags(parameters={"year": "20x1"}), "a whole number", "year=2021"),
        (Flags(parameters={"colour": "red"}), '"yellow" or "green"', "colour=yellow"),
        (Flags(name="a/b"), "cannot be a deployment's name", ""),
    ],
)
def test_a_wrong_flag_is_a_usage_error_with_the_way_out(flags, message, hint):
    error = refused(UsageError, flags=flags)
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("deployment", "message"),
    [
        ({"cron": "0 25 * * *"}, '"25" is not an hour'),
        ({"cron": "0 5 * * *", "timezone": "Mars"}, "not a timezone"),
        ({"schedules": [{"cron": "0 5 * * *"}] * 2}, "the same schedule twice"),
        ({"parameters": {"months": "1"}}, "a list of whole numbers"),
        ({"parameters": {"moths": [1]}}, 'no parameter "moths"'),
        ({"schedules": [{"interval": 60, "parameters": {"year": "x"}}]}, "a whole number"),
        ({"job-variables": {"image": "other"}}, "flowship sets the image itself"),
        ({"job-variables": {"container_create_kwargs": {"cpus": float("nan")}}}, '["cpus"]'),
        ({"rrule": "FREQ=DAILY;INTERVAL=0"}, "INTERVAL=0 is out of range"),
        ({"schedules": [{"cron": "0 0 30 2 1", "day-or": False}]}, "never runs"),
    ],
)
def test_a_wrong_configuration_is_told_with_its_deployment(deployment, message):
    error = refused(ConfigError, settings(deployments=[{"name": "a", **deployment}]))
    assert message in error.message
    assert error.where


@pytest.mark.parametrize(
    "body",
    [
        {"rrule": "DTSTART:20200101T000000\nFREQ=DAILY;INTERVAL=0", "timezone": "UTC"},
        {"rrule": "FREQ=HOURLY;BYHOUR=25", "timezone": "UTC"},
        {"cron": "0 0 30 2 1", "day_or": False, "timezone": "UTC"},
    ],
)
def test_a_schedule_that_a_person_made_and_nobody_can_count_is_none_of_ours(body):
    assert stored_schedule({"schedule": body}) is None


def test_several_deployments_need_a_name_beside_schedule_flags():
    project = settings(deployments=[{"name": "a"}, {"name": "b"}])
    for flags in (
        Flags(cron="0 5 * * *"),
        Flags(no_schedule=True),
        Flags(parameters={"year": "1"}),
    ):
        error = refused(UsageError, project, flags)
        assert "needs --name" in error.message
        assert "a, b" in error.hint
    (spec,) = planned(project, Flags(cron="0 5 * * *", name="b"))
    assert spec.name == "b"
    assert 'did you mean "a"' not in refused(UsageError, project, Flags(name="c")).hint
    assert len(planned(project)) == 2


def test_the_default_deployment_may_be_given_another_name():
    project = settings(default_deployment="prefect-docker-flow")
    assert [d.name for d in chosen(project, Flags())] == ["prefect-docker-flow"]
    assert [d.name for d in chosen(project, Flags(name="mine"))] == ["mine"]


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ('[[deployments]]\nname = "a"\nparameters = { yaer = 1 }\n', 4),
        ('[[deployments]]\nname = "a"\n[deployments.parameters]\nmonths = [1]\nyear = "x"\n', 6),
        ('[[deployments]]\nname = "a"\ncron = "0 5 * * *"\n[deployments.parameters]\ncolor = 1\n',
         6),
        ('[[deployments]]\nname = "a"\n[[deployments.schedules]]\ncron = "0 5 * * *"\n'
         'parameters = { year = "x" }\n', 6),
        ('[[deployments]]\nname = "a"\n[deployments.job-variables]\nimage = "x"\n', 5),
        ('[[deployments]]\nname = "a"\njob-variables = { mem_limit = inf }\n', 4),
        ('[block]\nmem-limit = "lots"\n', 3),
        ('[block]\nauto-remove = true\ncontainer-create-kwargs = { cpus = nan }\n', 4),
        ('[block.container-create-kwargs]\npids_limit = 99999999999999999999\n', 2),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_its_line(tmp_path, table, line):
    (tmp_path / "flowship.toml").write_text(f'entrypoint = "flows/taxi.py:taxi"\n{table}')
    error = refused(ConfigError, load(tmp_path, environ={}))
    assert f"flowship.toml:{line}:" in error.where


def test_a_required_parameter_without_a_value_stops_a_schedule_and_warns_without_one():
    schema = {**SCHEMA, "required": ["day"],
              "properties": {**SCHEMA["properties"], "day": {"type": "string", "format": "date",
                                                             "position": 3}}}  # fmt: skip
    error = refused(ConfigError, flags=Flags(cron="0 5 * * *"), parameters=schema)
    assert 'without a value for "day"' in error.message
    (spec,) = planned(parameters=schema)
    assert any('"day" has no value' in warning for warning in spec.warnings)
    assert spec.parameter_values[-1].source == "missing"
    given = Flags(cron="0 5 * * *", parameters={"day": "2026-01-31"})
    assert planned(flags=given, parameters=schema)[0].parameters == {"day": "2026-01-31"}
    project = settings(
        deployments=[
            {"name": "a", "schedules": [{"interval": 60, "parameters": {"day": "2026-01-31"}}]}
        ]
    )
    assert planned(project, parameters=schema)[0].warnings == ()


def test_an_image_that_was_not_probed_is_deployed_on_trust():
    facts = {"parameters": None, "flow_name": None, "prefect_version": None,
             "entrypoint": "a/b.py:my_taxi_flow"}  # fmt: skip
    flags = Flags(parameters={"months": "[1]", "note": "abc"})
    (spec,) = planned(flags=flags, **facts)
    assert spec.flow_name == "my-taxi-flow"
    assert spec.parameters == {"months": [1], "note": "abc"}
    (report,) = reported(flags=flags, **facts)
    assert any("not probed" in warning for warning in report.warnings)


def test_what_could_not_run_elsewhere_is_said():
    (spec,) = reported(pushed=False, platform="linux/arm64")
    assert any("never pushed" in warning for warning in spec.warnings)
    assert any("arm64" in warning for warning in spec.warnings)


def test_an_image_with_prefect_2_is_refused():
    assert "Prefect 2.20.1" in refused(ConfigError, prefect_version="2.20.1").message


def test_a_reserved_pool_name_is_refused_before_the_build():
    with pytest.raises(ConfigError, match="reserved"):
        draft(settings(**{"work-pool": "prefect-managed"}), Flags())


def test_the_version_is_the_digest_or_the_tag():
    assert image_version("user/de-repo:tag@sha256:" + "0123456789abcdef" * 4) == "0123456789ab"
    assert image_version("127.0.0.1:5000/de-taxi:4f2a") == "4f2a"
    assert image_version("user/de-repo") == "de-repo"


def test_a_secret_parameter_is_warned_of_and_never_shown():
    secret = {"type": "string", "format": "password", "writeOnly": True}
    schema = {**SCHEMA, "properties": {"token": secret}}
    project = settings(
        deployments=[
            {
                "name": "a",
                "job-variables": {"env": {"API_TOKEN": "sk-123", "URL": "http://u:pw@host"}},
                "schedules": [{"interval": 3600, "parameters": {"token": "hunter3"}}],
            }
        ]
    )
    flags = Flags(parameters={"token": "hunter2"})
    (spec,) = planned(project, flags, parameters=schema)
    assert spec.parameters == {"token": "hunter2"}
    assert any('"token" is a secret' in warning for warning in spec.warnings)
    wanted = draft(project, flags, now=NOW).bind(image(parameters=schema))
    told = json.dumps(dry_run(wanted).to_json())
    assert not [s for s in ("hunter2", "hunter3", "sk-123", "u:pw") if s in told]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"volumes": ["nonsense"]}, "is not a mount"),
        ({"volumes": ["data:/x:rw:z"]}, "is not a mount"),
        ({"volumes": ["data:x"]}, "not an absolute path"),
        ({"volumes": ["./data:/x"]}, "is not an absolute path and not a volume name"),
        ({"volumes": ["data:/x:often"]}, '"often" is not a mount mode'),
        ({"mem-limit": "lots"}, "not an amount of memory"),
        ({"mem-limit": "512"}, "less than 6m"),
        ({"memswap-limit": "1 gig"}, "not an amount of memory"),
    ],
)
def test_a_block_value_that_would_crash_every_run_is_refused(block, message):
    error = refused(ConfigError, settings(block=block))
    assert message in error.message
    assert error.where == f"block.{next(iter(block))}"


def test_a_date_in_the_configuration_reaches_the_block_and_the_worker_as_text(tmp_path):
    (tmp_path / "flowship.toml").write_text(
        'entrypoint = "flows/taxi.py:taxi"\n'
        "[block]\ncontainer-create-kwargs = { labels = { since = 2024-01-01 } }\n"
        '[[deployments]]\nname = "a"\njob-variables = { labels = { since = 2024-01-01 } }\n'
    )
    project = load(tmp_path, environ={})
    since = {"labels": {"since": "2024-01-01"}}
    assert configured_fields(project.block) == {"container_create_kwargs": since}
    assert planned(project)[0].job_variables == since


def test_block_values_that_an_engine_takes_pass():
    volumes = ["data:/x", "/srv/data:/x:ro", "data:/x:rw,z", "C:\\\\data:/x", "{{ a.b }}"]
    block = {"volumes": volumes, "mem-limit": "1.5g", "memswap-limit": "-1"}
    for limit in ("512m", "512MB", "2G", str(2**30)):
        assert planned(settings(block={**block, "mem-limit": limit}))


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"rrule": "FREQ=DAILY;UNTIL=20200101"}, "never runs"),
        ({"interval": "1s"}, "a run every 1 s"),
        ({"rrule": "FREQ=SECONDLY"}, "a run every 1 s"),
    ],
)
def test_a_schedule_that_is_over_or_comes_too_often_is_warned_of(schedule, words):
    (spec,) = planned(settings(deployments=[{"name": "a", **schedule}]))
    assert any(words in warning for warning in spec.warnings)
    (calm,) = planned(settings(deployments=[{"name": "a", "interval": "1m"}]))
    assert calm.warnings == ()


def test_what_docker_takes_for_a_container_is_what_docker_py_says():
    from docker.models import containers

    known = {*containers.RUN_CREATE_KWARGS, *containers.RUN_HOST_CONFIG_KWARGS}
    # the worker gives the environment and the network itself, and Python takes nothing twice
    known = (known | {"ports", "volumes", "networking_config"}) - {"environment"}
    assert known == DOCKER_ARGUMENTS


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"foo": 1}, 'docker has no argument "foo"', "docker-py"),
        ({"shm_siz": "1g"}, 'docker has no argument "shm_siz"', '"shm_size"'),
        ({"environment": {}}, 'the block sets "environment" itself', "use env"),
        ({"network": "x"}, 'the block sets "network" itself', "use networks"),
    ],
)
def test_an_argument_that_would_crash_every_run_is_refused(given, message, hint):
    project = settings(block={"container-create-kwargs": given})
    with pytest.raises(ConfigError) as caught:
        draft(project, Flags())
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_timezone_within_a_rule_is_told_not_to_count():
    rule = "DTSTART;TZID=Europe/Berlin:20261001T023000\nRRULE:FREQ=DAILY"
    (spec,) = planned(settings(deployments=[{"name": "a", "rrule": rule}]))
    assert any("TZID=Europe/Berlin" in warning for warning in spec.warnings)
    meant = {"name": "a", "rrule": rule, "timezone": "Europe/Berlin"}
    assert planned(settings(deployments=[meant]))[0].warnings == ()
