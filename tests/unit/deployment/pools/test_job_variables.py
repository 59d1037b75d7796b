"""Job variables: validated by the pool's own template, pointing at the block where it allows it."""

from __future__ import annotations

from datetime import date

import pytest

from flowship.config import loading
from flowship.deployment.draft import Places
from flowship.deployment.pools import DEFAULT
from flowship.deployment.pools.job_variables import Pointer, known_variables, validate
from flowship.errors import ConfigError

TEMPLATE = {
    "variables": {
        "properties": {
            "mem_limit": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "stream_output": {"type": "boolean"},
            "labels": {"type": "object"},
            "size": {"$ref": "#/definitions/Size"},
        },
        "definitions": {"Size": {"enum": ["small", "large"], "type": "string"}},
    }
}


def refused(given: dict) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        validate("nightly", given, TEMPLATE)
    assert caught.value.where == 'deployment "nightly", job-variables'
    return caught.value


def test_a_variable_that_the_pool_does_not_have_is_refused_with_the_nearest_one():
    error = refused({"mem-limits": "1g"})
    assert (error.code, error.hint) == ("job-variable-unknown", 'did you mean "mem_limit"?')


def test_the_place_is_the_users_line(tmp_path):
    file = tmp_path / "flowship.toml"
    file.write_text(
        'entrypoint = "f.py:f"\n[[deployments]]\nname = "zones"\n'
        'job-variables = { image_pull_policy = "Always", mem_limt = "2g" }\n'
    )
    settings = loading.load(tmp_path, environ={})
    places = Places(settings, settings.deployments[0])
    with pytest.raises(ConfigError) as caught:
        validate("zones", {"mem_limt": "2g"}, TEMPLATE, places.of)
    assert caught.value.where.startswith(f"{file}:4:")
    assert caught.value.hint == 'did you mean "mem_limit"?'


def test_a_variable_that_resembles_none_is_refused_with_all_that_there_are():
    assert refused({"xyz": 1}).hint == "it has: mem_limit, stream_output, labels, size"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stream_output": "yes"}, 'expects true or false: "yes" is not valid'),
        ({"mem_limit": 512}, "expects text or nothing (null): 512 is not valid"),
        ({"size": "medium"}, 'expects "small" or "large"'),
        ({"labels": {"cpus": float("nan")}}, '["cpus"]'),
    ],
)
def test_a_value_of_another_type_is_refused_with_what_the_pool_takes(given, message):
    error = refused(given)
    assert error.code == "job-variable-invalid"
    assert message in error.message


def test_values_that_fit_pass():
    given = {"mem_limit": None, "size": "small", "labels": {"since": date(2026, 1, 31)}}
    validate("nightly", given, TEMPLATE)
    validate("nightly", {"mem_limit": "{{ prefect.variables.memory }}"}, TEMPLATE)


@pytest.mark.parametrize("template", [{}, {"variables": None}, {"variables": {}}])
def test_a_template_without_variables_has_none(template):
    assert known_variables(template) == {}
    assert "image" in known_variables(DEFAULT.template())


def test_a_pointer_remembers_what_follows_the_block_and_what_was_copied():
    pointer = Pointer("prefect.blocks.docker-container.taxi", TEMPLATE)
    values = {
        "mem_limit": pointer.live("mem_limit"),
        "stream_output": pointer.copy("stream_output", True),
        "team": pointer.leaf("labels.team", "de"),
        "a.b": pointer.leaf("labels.a.b", "c"),
        "number": pointer.leaf("labels.number", 3),
    }
    result = pointer.result(values)
    assert result.values["mem_limit"] == ("{{ prefect.blocks.docker-container.taxi.mem_limit }}")
    assert result.live == ("mem_limit", "labels.team")
    assert result.copied == ("stream_output", "labels.a.b", "labels.number")


def test_a_placeholder_is_accepted_only_where_the_schema_takes_text():
    pointer = Pointer("prefect.blocks.docker-container.taxi", TEMPLATE)
    known = known_variables(TEMPLATE)
    assert [name for name in known if pointer.accepts(name, known[name])] == ["mem_limit"]
