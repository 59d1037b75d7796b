"""Environments: which one is chosen, how its keys are merged, and where mistakes in it are."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowship.config import loading, overlays
from flowship.errors import ConfigError, UsageError

BASE = """\
entrypoint = "a.py:f"
work-pool = "laptop"
apt = ["libpq5", "curl"]

[block]
networks = ["etl"]
mem_limit = "1g"
env = { TZ = "UTC", LEVEL = "debug" }

[[deployments]]
name = "hourly"
interval = "1h"

[[deployments]]
name = "nightly"
cron = "0 5 * * *"
timezone = "Europe/Berlin"
concurrency_limit = 1
parameters = { months = [1], year = 2021 }
"""


def load(folder, more="", environment=None, environ=None, base=BASE, **overrides):
    (folder / "flowship.toml").write_text(base + more)
    return loading.load(folder, environment=environment, environ=environ or {}, overrides=overrides)


def failure(kind, *arguments, **options):
    with pytest.raises(kind) as caught:
        load(*arguments, **options)
    return caught.value


STAGING = '[env.staging]\nwork_pool = "staging"\n[env.production]\nwork-pool = "production"\n'


# --- which one -----------------------------------------------------------------------------------


def test_without_an_environment_its_keys_do_not_count(tmp_path):
    settings = load(tmp_path, STAGING)
    assert (settings.work_pool, settings.environment) == ("laptop", None)
    assert settings.environments == ("staging", "production")


def test_the_option_comes_before_the_variable(tmp_path):
    variable = {"FLOWSHIP_ENV": "production"}
    assert load(tmp_path, STAGING, environ=variable).work_pool == "production"
    assert load(tmp_path, STAGING, "staging", variable).work_pool == "staging"
    assert load(tmp_path, STAGING, environ={"FLOWSHIP_ENV": ""}).environment is None
    assert load(tmp_path, STAGING, environ=variable).warnings == ()


def test_an_unknown_environment_names_the_nearest_and_what_chose_it(tmp_path):
    error = failure(UsageError, tmp_path, STAGING, "stagng")
    assert (error.code, error.where) == ("environment-unknown", "--env")
    assert error.hint == 'did you mean "staging"?'
    error = failure(ConfigError, tmp_path, STAGING, environ={"FLOWSHIP_ENV": "x"})
    assert (error.code, error.where) == ("environment-unknown", "FLOWSHIP_ENV")
    assert error.hint == "environments: staging, production"
    assert failure(UsageError, tmp_path, "", "qa").hint == "add [env.qa] to flowship.toml"


def test_an_environment_of_a_folder_without_a_configuration_is_unknown(tmp_path):
    with pytest.raises(UsageError, match='no environment "staging"'):
        loading.settings_or_none(tmp_path, "staging")


def test_require_env_refuses_without_an_environment_and_lists_them(tmp_path):
    base = "require-env = true\n" + BASE
    settings = load(tmp_path, STAGING, base=base)
    with pytest.raises(UsageError) as caught:
        overlays.require(settings)
    assert caught.value.code == "environment-required"
    assert caught.value.where.endswith("flowship.toml:1:1")
    assert "staging, production" in caught.value.hint
    overlays.require(load(tmp_path, STAGING, "staging", base=base))
    overlays.require(load(tmp_path, STAGING))
    overlays.require(None)


# --- what counts ---------------------------------------------------------------------------------


def test_the_order_is_file_environment_variable_option(tmp_path):
    chosen = load(tmp_path, STAGING, "staging", {"FLOWSHIP_WORK_POOL": "variable"})
    assert chosen.work_pool == "variable"
    assert chosen.place("work-pool") == "FLOWSHIP_WORK_POOL"
    chosen = load(
        tmp_path, STAGING, "staging", {"FLOWSHIP_WORK_POOL": "variable"}, work_pool="option"
    )
    assert chosen.work_pool == "option"


def test_tables_merge_and_everything_else_replaces(tmp_path):
    more = (
        '[env.a]\napt = ["gdal-bin"]\nblock.mem-limit = "2g"\n[env.a.block.env]\nLEVEL = "info"\n'
    )
    settings = load(tmp_path, more, "a")
    assert settings.apt == ("gdal-bin",)
    assert settings.block.mem_limit == "2g"
    assert settings.block.networks == ("etl",)
    assert settings.block.env == {"TZ": "UTC", "LEVEL": "info"}


def test_a_deployment_is_found_by_its_name(tmp_path):
    more = "[env.a.deployments.nightly]\nconcurrency-limit = 4\nparameters.year = 2022\n"
    hourly, nightly = load(tmp_path, more, "a").deployments
    assert hourly.interval == "1h"
    assert (nightly.concurrency_limit, nightly.cron) == (4, "0 5 * * *")
    assert nightly.parameters == {"months": [1], "year": 2022}


def test_another_kind_of_schedule_replaces_the_schedule(tmp_path):
    more = '[env.a.deployments.nightly]\ninterval = "15m"\n'
    nightly = load(tmp_path, more, "a").deployments[1]
    assert (nightly.cron, nightly.interval, nightly.timezone) == (None, "15m", "Europe/Berlin")


def test_an_environment_can_switch_a_schedule_off(tmp_path):
    more = "[env.a.deployments.nightly]\nschedules = []\n"
    assert load(tmp_path, more, "a").deployments[1].all_schedules() == ()


def test_another_way_to_a_network_replaces_the_networks(tmp_path):
    block = load(tmp_path, '[env.a.block]\nnetwork-mode = "host"\n', "a").block
    assert (block.networks, block.network_mode) == (None, "host")


def test_a_deployment_that_no_other_environment_has_is_added(tmp_path):
    settings = load(tmp_path, '[env.a.deployments.smoke]\ninterval = "5m"\n', "a")
    assert settings.deployment_names == ("hourly", "nightly", "smoke")
    assert settings.warnings == ()
    assert load(tmp_path).deployment_names == ("hourly", "nightly")


def test_a_deployment_with_nearly_the_same_name_is_a_warning(tmp_path):
    settings = load(tmp_path, '[env.a.deployments.nightyl]\ninterval = "5m"\n', "a")
    assert 'did you mean "nightly"?' in settings.warnings[0]


def test_a_deployment_can_have_another_name_in_an_environment(tmp_path):
    settings = load(tmp_path, '[env.a.deployments.nightly]\nname = "nightly-a"\n', "a")
    assert settings.deployment_names == ("hourly", "nightly-a")


def test_pyproject_has_environments_too(tmp_path):
    text = '[tool.flowship]\nentrypoint = "a.py:f"\n[tool.flowship.env.a]\nwork-pool = "x%"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigError, match="work-pool must not") as caught:
        loading.load(tmp_path, environment="a", environ={})
    assert caught.value.where.endswith("pyproject.toml:4:1")


# --- mistakes ------------------------------------------------------------------------------------

WRONG = {
    "value": ("[env.a]\nwork-pool = 1\n", 2, "work-pool must be text, in quotes"),
    "inner value": ("[env.a.block]\nauto-remove = 7\n", 2, "block.auto-remove must be true"),
    "deployment": (
        '[env.a.deployments.nightly]\ntags = "x"\n',
        2,
        'deployment "nightly", tags must be a list',
    ),
    "new deployment": (
        '[env.a.deployments.smoke]\ncron = "* * * * *"\ninterval = 5\n',
        1,
        "exactly one of cron, interval and rrule, not cron and interval",
    ),
    "unknown": ('[env.a]\nwork-pol = "x"\n', 2, 'unknown key "env.a.work-pol"'),
    "unknown in a table": ("[env.b.block]\nmem = 1\n", 2, 'unknown key "env.b.block.mem"'),
    "unknown in a deployment": (
        "[env.b.deployments.nightly]\nconcurency-limit = 1\n",
        2,
        'unknown key "env.b.deployments.nightly.concurency-limit"',
    ),
    "list": (
        '[[env.a.deployments]]\nname = "nightly"\n',
        1,
        "must be tables, each with its name in the header",
    ),
    "not a table": ("[env]\na = 1\n", 2, "env.a must be a table"),
    "name": ('[env."a b"]\n', 1, '"a b" is not a name for an environment'),
    "require-env": ("[env.a]\nrequire-env = true\n", 2, '"require-env" cannot be set'),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_found_where_it_was_made(tmp_path, case):
    more, line, words = WRONG[case]
    error = failure(ConfigError, tmp_path, more, "a" if "env.b" not in more else None)
    assert words in error.message
    assert (
        error.where
        == f"{tmp_path / 'flowship.toml'}:{len(BASE.splitlines()) + line}:"
        + (error.where.rpartition(":")[2])
    )


def test_a_list_of_deployments_is_refused_with_the_right_spelling(tmp_path):
    more = '[[env.a.deployments]]\nname = "every night"\n'
    error = failure(ConfigError, tmp_path, more, "a")
    assert error.hint == 'write [env.a.deployments."every night"]'


def test_a_misspelled_table_of_environments_is_recognized(tmp_path):
    error = failure(ConfigError, tmp_path, "[envs.a]\nwork-pool = 'x'\n")
    assert error.hint in ('did you mean "env"?', 'did you mean "env-file"?')


def test_a_place_in_an_environment_is_that_of_the_value(tmp_path):
    settings = load(tmp_path, '[env.a.deployments.nightly]\ncron = "0 25 * * *"\n', "a")
    assert settings.place("deployments", 1, "cron").endswith(f":{len(BASE.splitlines()) + 2}:1")
    assert settings.place("deployments", 1, "timezone").endswith(":17:1")


def test_a_variable_with_all_deployments_replaces_those_of_the_environment(tmp_path):
    variable = {"FLOWSHIP_DEPLOYMENTS": '[{"name": "nightly", "tags": 3}]'}
    more = '[env.a.deployments.hourly]\ntags = ["x"]\n'
    error = failure(ConfigError, tmp_path, more, "a", variable)
    assert error.where == "FLOWSHIP_DEPLOYMENTS"


# --- merging, whatever the tables ----------------------------------------------------------------

LEAVES = st.one_of(st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2))
TABLES = st.recursive(
    st.dictionaries(st.sampled_from("abc"), LEAVES, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | LEAVES, max_size=3),
    max_leaves=8,
)


def reference(base, over):
    """The merge, as the documentation says it."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return {**base, **{k: reference(base[k], v) if k in base else v for k, v in over.items()}}


@given(TABLES, TABLES)
def test_merging_is_that_of_the_documentation_and_changes_neither_side(base, over):
    before = copy.deepcopy((base, over))
    values = {"probe": base}
    origins, _ = overlays.apply(values, {"probe": over}, "a", None)
    assert values["probe"] == reference(before[0], before[1])
    assert (base, over) == before
    assert all(place[:3] == ("env", "a", "probe") for place in origins.values())


@given(TABLES)
def test_an_environment_with_the_same_values_changes_nothing(base):
    values = {"probe": base}
    overlays.apply(values, {"probe": copy.deepcopy(base)}, "a", None)
    assert values == {"probe": base}
