"""The draft: what is refused before anything changes, and what it says of a deployment."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from flowship.config.loading import load
from flowship.config.settings import Settings
from flowship.deployment.desired import Flags
from flowship.deployment.draft import draft
from flowship.errors import ConfigError, UsageError
from support.deploying import NOW, SCHEMA, dry_run, image, planned, refused, settings


def reported(project: Settings | None = None, flags: Flags | None = None, **facts):
    """The deployments as a dry run on an empty server reports them."""
    wanted = draft(project or settings(), flags or Flags(), now=NOW)
    return dry_run(wanted.bind(image(**facts))).deployments


def test_a_project_without_deployments_gets_one_by_its_own_name():
    state = draft(settings(), Flags(), now=NOW).bind(image())
    (spec,) = state.deployments
    assert (spec.name, spec.flow_name, state.block.name) == ("de-taxi", "taxi", "de-taxi-docker")
    assert (spec.path, spec.entrypoint) == ("/opt/prefect/flows", "flows/taxi.py:taxi")
    assert spec.schedules == ()


def test_every_parameter_is_listed_with_its_value_and_its_source():
    (spec,) = planned(flags=Flags(parameters={"months": "[1,2,3]", "colour": "green"}))
    described = [(p.name, p.value, p.source) for p in spec.parameter_values]
    assert described == [
        ("months", [1, 2, 3], "given"),
        ("year", 2021, "default"),
        ("colour", "green", "given"),
    ]
    assert spec.parameters == {"months": [1, 2, 3], "colour": "green"}


def test_a_schedule_from_a_flag_is_reported_in_words_with_its_next_three_runs():
    (spec,) = reported(flags=Flags(cron="0 5 * * *", timezone="Pacific/Auckland"))
    (described,) = spec.schedules
    assert described.words == "every day at 05:00 Pacific/Auckland"
    assert [run.local for run in described.next_runs] == [
        f"2026-06-{day:02}T05:00:00+12:00" for day in (2, 3, 4)
    ]
    assert described.next_runs[0].utc == "2026-06-01T17:00:00+00:00"


def test_an_interval_that_begins_now_first_runs_one_interval_later():
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
        (Flags(rrule="FREQ=DAILY;UNTIL=20200101"), "has no upcoming runs", "UNTIL"),
        (
            Flags(rrule="DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=3"),
            "has no upcoming runs",
            "COUNT",
        ),
        (Flags(cron="0 5 * * *", interval=60), "exactly one", "keep one"),
        (Flags(timezone="Europe/Paris"), "--timezone needs a schedule", "timezone"),
        (Flags(cron="0 5 * * *", no_schedule=True), "cannot be combined", ""),
        (Flags(parameters={"month": "1"}), 'no parameter "month"', 'did you mean "months"?'),
        (
            Flags(parameters={"months": "January"}),
            "a list of whole numbers",
            "--param 'months=[1, 2]'",
        ),
        (Flags(parameters={"year": "20x1"}), "a whole number", "year=2021"),
        (Flags(parameters={"colour": "red"}), '"yellow" or "green"', "colour=yellow"),
        (Flags(name="a/b"), "is not a valid deployment name", ""),
    ],
)
def test_a_wrong_flag_is_a_usage_error_with_a_hint(flags, message, hint):
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
def test_a_wrong_configuration_is_an_error_that_names_its_deployment(deployment, message):
    error = refused(ConfigError, settings(deployments=[{"name": "a", **deployment}]))
    assert message in error.message
    assert error.where


def test_several_deployments_need_a_name_next_to_schedule_flags():
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
def test_a_wrong_value_is_an_error_that_names_its_line(tmp_path, table, line):
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


def test_an_image_that_was_not_probed_is_deployed_without_validation_and_with_a_warning():
    facts = {"parameters": None, "flow_name": None, "prefect_version": None,
             "entrypoint": "a/b.py:my_taxi_flow"}  # fmt: skip
    flags = Flags(parameters={"months": "[1]", "note": "abc"})
    (spec,) = planned(flags=flags, **facts)
    assert spec.flow_name == "my-taxi-flow"
    assert spec.parameters == {"months": [1], "note": "abc"}
    (report,) = reported(flags=flags, **facts)
    assert any("not probed" in warning for warning in report.warnings)


def test_an_image_with_prefect_2_is_refused():
    assert "Prefect 2.20.1" in refused(ConfigError, prefect_version="2.20.1").message


def test_a_reserved_pool_name_is_refused_before_the_build():
    with pytest.raises(ConfigError, match="reserved"):
        draft(settings(**{"work-pool": "prefect-managed"}), Flags())


# --- schedules are parsed once -------------------------------------------------------------------


@pytest.fixture
def parsed(monkeypatch) -> list[dict]:
    """The arguments of each call that parses a schedule, wherever it is made."""
    from flowship.deployment import draft as draft_module
    from flowship.deployment import schedules, stored

    calls: list[dict] = []
    real = schedules.parse

    def counted(**values):
        calls.append(values)
        return real(**values)

    for module in (schedules, draft_module, stored):
        monkeypatch.setattr(module, "parse", counted)
    return calls


SEVERAL = settings(
    deployments=[
        {"name": "nightly", "cron": "0 5 * * *"},
        {"name": "often", "schedules": [{"interval": "15m"}, {"rrule": "FREQ=DAILY;BYHOUR=7"}]},
    ]
)


def test_each_configured_schedule_is_parsed_once_from_the_draft_to_the_report(parsed):
    dry_run(draft(SEVERAL, Flags(), now=NOW).bind(image()))
    given = [v for call in parsed for v in (call["cron"], call["interval"], call["rrule"]) if v]
    assert given == ["0 5 * * *", "15m", "FREQ=DAILY;BYHOUR=7"]


def test_binding_a_second_image_parses_nothing(parsed):
    wanted = draft(SEVERAL, Flags(), now=NOW)
    parsed.clear()
    wanted.bind(image())
    wanted.bind(image(pushed=False))
    assert parsed == []


def test_a_schedule_by_flag_is_parsed_once(parsed):
    draft(settings(), Flags(cron="0 9 * * *"), now=NOW).bind(image())
    assert [call["cron"] for call in parsed] == ["0 9 * * *"]


WITH_REFUSED = {
    "parameters": {
        "properties": {
            "day": {"type": "string", "format": "date", "default": None, "position": 0},
            "api_key": {"type": "integer", "default": "t0p", "position": 1},
        }
    },
    "refused_defaults": {"day": "Input should be a valid date"},
}


def test_a_default_that_the_flow_refuses_is_an_error_with_a_schedule():
    error = refused(ConfigError, flags=Flags(cron="0 5 * * *"), **WITH_REFUSED)
    assert error.code == "parameter-default-invalid"
    assert error.message == (
        '"de-taxi" would run every day at 05:00 UTC and fail each time: the default of "day",'
        " null, does not fit its type, a date: Input should be a valid date"
    )
    assert "--param day=…" in error.hint


def test_a_default_that_the_flow_refuses_is_a_warning_without_a_schedule():
    (spec,) = planned(**WITH_REFUSED)
    assert [w for w in spec.warnings if 'the default of "day"' in w]


def test_a_value_in_place_of_a_refused_default_is_enough():
    flags = Flags(cron="0 5 * * *", parameters={"day": "2026-01-31"})
    (spec,) = planned(flags=flags, **WITH_REFUSED)
    assert spec.parameters == {"day": "2026-01-31"}
    schedules = [{"cron": "0 5 * * *", "parameters": {"day": "2026-01-31"}}]
    project = settings(deployments=[{"name": "a", "schedules": schedules}])
    (spec,) = planned(project, **WITH_REFUSED)
    assert not spec.warnings


def test_a_refused_default_that_is_secret_is_not_shown():
    facts = {**WITH_REFUSED, "refused_defaults": {"api_key": "Input should be a valid integer"}}
    error = refused(ConfigError, flags=Flags(cron="0 5 * * *"), **facts)
    assert '"api_key"' in error.message
    assert "t0p" not in error.message


def test_a_default_made_of_the_time_is_shown_as_of_the_build():
    (spec,) = planned(computed_defaults=("year",))
    assert {p.name: p.source for p in spec.parameter_values} == {
        "months": "default", "year": "default, as of the build", "colour": "default",
    }  # fmt: skip
