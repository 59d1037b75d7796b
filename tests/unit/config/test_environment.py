"""``FLOWSHIP_*`` variables: what they set, and what is wrong with the others."""

from __future__ import annotations

import pytest

from flowship.errors import ConfigError
from support.configuring import failure, load


def test_a_variable_sets_a_list_or_a_key_of_a_table(tmp_path):
    environ = {
        "FLOWSHIP_BLOCK__MEM_LIMIT": "1g",
        "FLOWSHIP_APT": "git, libpq5",
        "FLOWSHIP_PROBE__NETWORK": "true",
        "FLOWSHIP_BLOCK__ENV": '{"A": "b"}',
    }
    settings = load(tmp_path, 'entrypoint = "a.py:f"\n', environ)
    assert settings.block.mem_limit == "1g"
    assert settings.apt == ("git", "libpq5")
    assert settings.probe.network is True
    assert settings.block.env == {"A": "b"}


@pytest.mark.parametrize(
    "variable", ["FLOWSHIP_BASE_IMAGE", "FLOWSHIP_REPO", "FLOWSHIP_APT", "FLOWSHIP_BLOCK__ENV"]
)
def test_an_empty_variable_counts_as_not_set(tmp_path, variable):
    text = 'entrypoint = "a.py:f"\nrepo = "a/b"\napt = ["git"]\n[block]\nenv = { A = "1" }\n'
    assert load(tmp_path, text, {variable: ""}) == load(tmp_path, text)


def test_an_invalid_value_of_a_variable_names_the_variable(tmp_path):
    environ = {"FLOWSHIP_PLATFORM": "amd64"}
    error = failure(tmp_path, 'entrypoint = "a.py:f"\n', environ)
    assert error.where == "FLOWSHIP_PLATFORM"


def test_an_unknown_variable_is_a_warning_that_names_the_nearest_one(tmp_path):
    settings = load(tmp_path, 'entrypoint = "a.py:f"\n', {"FLOWSHIP_REPOO": "x"})
    assert settings.warnings == (
        "FLOWSHIP_REPOO is not a flowship setting; did you mean FLOWSHIP_REPO?",
    )
    settings = load(tmp_path, 'entrypoint = "a.py:f"\n', {"FLOWSHIP_BLOCK__MEM_LIMITS": "1g"})
    assert settings.warnings[0].endswith("did you mean FLOWSHIP_BLOCK__MEM_LIMIT?")


def test_a_variable_for_a_key_of_something_that_is_not_a_table_is_an_error(tmp_path):
    (tmp_path / "flowship.toml").write_text('entrypoint = "flow.py:f"\nblock = "x"\n')
    with pytest.raises(ConfigError, match="block is not a table") as caught:
        load(tmp_path, environ={"FLOWSHIP_BLOCK__MEM_LIMIT": "2g"})
    assert caught.value.where.endswith("flowship.toml:2:1")


@pytest.mark.parametrize(
    ("variable", "suggestion"),
    [
        ("FLOWSHIP_BLOK__MEM_LIMIT", "FLOWSHIP_BLOCK__MEM_LIMIT"),
        ("FLOWSHIP_BLOCK__MEM_LIMT", "FLOWSHIP_BLOCK__MEM_LIMIT"),
        ("FLOWSHIP_DEPLOYMENTS__CRON", "set FLOWSHIP_DEPLOYMENTS to the whole value"),
    ],
)
def test_a_variable_for_an_unknown_table_is_a_warning(tmp_path, variable, suggestion):
    (tmp_path / "flowship.toml").write_text('name = "p"\nentrypoint = "flow.py:f"\n')
    (warning,) = load(tmp_path, environ={variable: "2g"}).warnings
    assert warning.startswith(f"{variable} is not a flowship setting")
    assert suggestion in warning


def test_a_list_of_names_can_be_separated_by_commas_where_a_table_is_possible_too(tmp_path):
    text = 'entrypoint = "flow.py:f"\n'
    for value in ("API_TOKEN, DB_PASSWORD", '["API_TOKEN", "DB_PASSWORD"]'):
        settings = load(tmp_path, text, {"FLOWSHIP_BLOCK__SECRETS": value})
        assert settings.block.secrets == {"API_TOKEN": "", "DB_PASSWORD": ""}
    settings = load(tmp_path, text, {"FLOWSHIP_BLOCK__SECRETS": '{"API_TOKEN": "mine"}'})
    assert settings.block.secrets == {"API_TOKEN": "mine"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FLOWSHIP_DEPLOYMENTS", "[{"),
        ("FLOWSHIP_BLOCK__ENV", '{"TZ": UTC}'),
        ("FLOWSHIP_APT", "[libpq5]"),
        ("FLOWSHIP_BLOCK__SECRETS", "[API_TOKEN]"),
    ],
)
def test_json_that_is_not_valid_is_an_error_that_says_where(tmp_path, variable, value):
    with pytest.raises(ConfigError, match=r"not valid JSON: .* at column") as caught:
        load(tmp_path, 'entrypoint = "flow.py:f"\n', {variable: value})
    assert caught.value.where == variable


def test_a_variable_of_an_image_that_does_not_exist_is_a_warning_and_no_new_image(tmp_path):
    text = (
        'entrypoint = "flow.py:f"\n[images.report]\napt = ["curl"]\n'
        '[[deployments]]\nname = "a"\nimage = "report"\n'
    )
    settings = load(tmp_path, text, {"FLOWSHIP_IMAGES__REPRT__BASE_IMAGE": "x:1"})
    assert settings.warnings == (
        "FLOWSHIP_IMAGES__REPRT__BASE_IMAGE is not a flowship setting; did you mean"
        " FLOWSHIP_IMAGES__REPORT__BASE_IMAGE?",
    )
    assert [*settings.images] == ["report"]
    settings = load(tmp_path, text, {"FLOWSHIP_IMAGES__REPORT__BASE_IMAGE": "x:1"})
    assert settings.images["report"].base_image == "x:1"
