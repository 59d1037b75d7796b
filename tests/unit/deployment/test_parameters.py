"""Parameters: typed text becomes JSON values, validated by the flow's schema."""

from __future__ import annotations

from datetime import date
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowship.commands.options import pairs
from flowship.deployment import parameters
from flowship.deployment.json_schema import problem
from flowship.deployment.parameters import (
    RawValue,
    all_masked,
    coerce,
    missing,
    open_secrets,
    resolve,
    table,
)
from flowship.errors import ConfigError, UsageError
from support.json_schemas import SCHEMAS

ROOT = {
    "properties": {},
    "definitions": {
        "Trip": {
            "title": "Trip", "type": "object", "required": ["miles"],
            "properties": {"miles": {"type": "number", "minimum": 0}},
        }
    },
}  # fmt: skip


INTS = {"type": "array", "items": {"type": "integer"}}


DECIMAL = {"anyOf": [{"type": "number"}, {"type": "string"}]}  # as pydantic writes it


MAYBE_TEXT = {"anyOf": [{"type": "string"}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("3", {"type": "integer"}, 3),
        ("3", {"type": "number"}, 3),
        ("3", {"type": "string"}, "3"),
        ("3.5", {"type": "number"}, 3.5),
        ("3", {}, 3),
        ("abc", {}, "abc"),
        ("true", {"type": "boolean"}, True),
        ("Yes", {"type": "boolean"}, True),
        ("off", {"type": "boolean"}, False),
        ("1", {"type": "boolean"}, True),
        ("99999999999999999999", {"type": "string"}, "99999999999999999999"),
        ("[1,2]", INTS, [1, 2]),
        ("1,2", INTS, [1, 2]),
        ("1", INTS, [1]),
        ("a, b", {"type": "array", "items": {"type": "string"}}, ["a", "b"]),
        ("a", {"type": "array", "items": {"type": "string"}}, ["a"]),
        ("01,02", {"type": "array", "items": {"type": "string"}}, ["01", "02"]),
        ('"green"', {"type": "string"}, "green"),
        ("green", {"enum": ["yellow", "green"]}, "green"),
        ("a=b", {"type": "string"}, "a=b"),
        ("", {"type": "string"}, ""),
        ("null", MAYBE_TEXT, None),
        ("none", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
        ("none", MAYBE_TEXT, "none"),
        ("2026-01-31", {"type": "string", "format": "date"}, "2026-01-31"),
        ("15m", {"type": "string", "format": "duration"}, "PT900S"),
        ("12345678901234567.891", DECIMAL, "12345678901234567.891"),
        ("1.5", DECIMAL, 1.5),
        ("0.1234567890123456789", {"type": "number"}, 0.12345678901234568),
        ("1h30m", {"type": "string", "format": "duration"}, "PT5400S"),
        ("0.5s", {"type": "string", "format": "duration"}, "PT0.5S"),
        ("PT15M", {"type": "string", "format": "duration"}, "PT15M"),
        ("15m", {"type": "string"}, "15m"),
        ('{"miles": 2}', {"$ref": "#/definitions/Trip"}, {"miles": 2}),
    ],
)
def test_text_from_a_shell_becomes_what_the_schema_takes(text, schema, value):
    result = coerce(text, schema, ROOT)
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "schema", "reason"),
    [
        ("3.5", {"type": "integer"}, "3.5"),
        ("abc", {"type": "integer"}, '"abc"'),
        ("maybe", {"type": "boolean"}, '"maybe"'),
        ("[1,x]", INTS, '"x" at [1]'),
        ('[1,"x"]', INTS, '"x" at [1]'),
        ("red", {"enum": ["yellow", "green"]}, "not one of these"),
        ("31.1.2026", {"type": "string", "format": "date"}, "a date like 2026-01-31"),
        ('{"miles": -2}', {"$ref": "#/definitions/Trip"}, "at least 0"),
        ("{}", {"$ref": "#/definitions/Trip"}, 'has no "miles"'),
        ("NaN", {"type": "number"}, "NaN"),
        ("1e400", {"type": "number"}, '"1e400"'),
        ("99999999999999999999", {"type": "integer"}, "64 bits"),
        ("[1, 99999999999999999999]", INTS, "64 bits"),
        ("99999999999999999999", {"type": "integer"}, "99999999999999999999 does not fit"),
        ("20260101", {"type": "string", "format": "date"}, "20260101"),
        ("20260101", {"type": "string", "format": "date-time"}, "20260101"),
        ("20260101T050000", {"type": "string", "format": "date-time"}, "a time like 2026-01-31T"),
        ("0500", {"type": "string", "format": "time"}, "a time like 05:00:00"),
        ("1.e400", {"type": "integer"}, ""),
        ("", {"type": "array", "items": {"type": "string"}}, '""'),
    ],
)
def test_text_that_fits_nothing_is_an_error_with_the_reason(text, schema, reason):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the words are judged below
        coerce(text, schema, ROOT)
    assert reason in str(caught.value)


def test_the_schema_that_prefect_makes_of_a_flow_is_understood():
    from prefect import flow
    from prefect.utilities.callables import parameter_schema

    @flow
    def taxi(
        day: date,
        months: list[int] = [1, 2],  # noqa: B006 as flows are written
        colour: Literal["yellow", "green"] = "yellow",
        limit: int | None = None,
        options: dict[str, float] | None = None,
    ) -> None: ...

    schema = parameter_schema(taxi).model_dump()
    assert missing(schema, {}) == ("day",)
    described = {p.name: p for p in parameters.table(schema, {"limit": 3})}
    assert list(described) == ["day", "months", "colour", "limit", "options"]
    assert {n: p.expected for n, p in described.items()} == {
        "day": "a date",
        "months": "a list of whole numbers",
        "colour": '"yellow" or "green"',
        "limit": "a whole number or nothing (null)",
        "options": "a table (JSON object) or nothing (null)",
    }
    assert [p.source for p in described.values()] == ["missing", "default", "default", "given",
                                                 "default"]  # fmt: skip
    text = {"day": "2026-01-31", "months": "3,4", "limit": "5", "options": '{"a": 1.5}'}
    assert resolve(schema, {k: RawValue(v) for k, v in text.items()}) == {
        "day": "2026-01-31", "months": [3, 4], "limit": 5, "options": {"a": 1.5},
    }  # fmt: skip
    assert resolve(schema, {"day": date(2026, 1, 31)}) == {"day": "2026-01-31"}


def test_a_value_that_the_server_fills_in_is_left_to_it():
    schema = {"properties": {"year": {"type": "integer"}}}
    variable = {"__prefect_kind": "workspace_variable", "variable_name": "year"}
    assert resolve(schema, {"year": variable}) == {"year": variable}


def test_a_configured_text_is_not_taken_for_a_number():
    with pytest.raises(ConfigError, match="a whole number"):
        resolve({"properties": {"year": {"type": "integer"}}}, {"year": "2021"})


def test_assignments_split_at_the_first_equals_sign():
    assert pairs(["a=b=c"], "--param") == {"a": "b=c"}
    for wrong in ("a", "=b", ""):
        with pytest.raises(UsageError, match="key=value"):
            pairs([wrong], "--param")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12), SCHEMAS)
def test_no_text_makes_coercion_crash(text, schema):
    try:
        value = coerce(text, schema, schema)
    except ValueError:
        return
    assert problem(value, schema, schema) is None


def test_secrets_are_masked_at_every_depth_and_their_parameters_are_named():
    schema = {
        "properties": {
            "key": {"anyOf": [{"type": "string", "format": "password", "writeOnly": True},
                              {"type": "null"}]},
            "login": {"$ref": "#/definitions/Login"},
            "plain": {"type": "string"},
        },
        "definitions": {
            "Login": {"type": "object", "properties": {
                "user": {"type": "string"},
                "passwords": {"type": "array", "items": {"type": "string", "format": "password"}},
            }}
        },
    }  # fmt: skip
    given = {"key": "hunter2", "login": {"user": "ada", "passwords": ["hunter3"]}, "plain": "x"}
    values = {v.name: v.value for v in table(schema, given)}
    assert values == {
        "key": "********",
        "login": {"user": "ada", "passwords": ["********"]},
        "plain": "x",
    }
    assert open_secrets(schema, given) == ("key", "login")
    with pytest.raises(ConfigError) as caught:
        resolve(schema, {"key": 12345})
    assert "12345" not in caught.value.message


PLAIN = {
    "properties": {
        "db_password": {"type": "string", "position": 0},
        "dsn": {"type": "string", "position": 1},
        "api_key": {"type": "string", "default": "sk-live-1", "position": 2},
        "login": {"type": "object", "position": 3},
        "token_count": {"type": "integer", "position": 4},
        "gcp_token": {"type": "string", "position": 5},
    },
    "required": ["db_password"],
}
PLAIN_GIVEN = {
    "db_password": "hunter2",
    "dsn": "postgres://ada:hunter3@db/x",
    "login": {"user": "ada", "tokens": ["hunter4"]},
    "token_count": 8,
    "gcp_token": "{{ prefect.blocks.secret.gcp }}",
}
PLAIN_SHOWN = {
    "db_password": "********",
    "dsn": "postgres://ada:********@db/x",
    "login": {"user": "ada", "tokens": ["********"]},
    "token_count": 8,
    "gcp_token": "{{ prefect.blocks.secret.gcp }}",
}


@pytest.mark.parametrize("schema", [PLAIN, None])
def test_plain_text_is_masked_by_its_name_and_its_form_with_and_without_a_schema(schema):
    assert all_masked(PLAIN_GIVEN, schema) == PLAIN_SHOWN
    assert open_secrets(schema, PLAIN_GIVEN) == ("db_password", "dsn", "login")
    values = {v.name: v.value for v in table(schema, PLAIN_GIVEN) if v.name in PLAIN_GIVEN}
    assert values == PLAIN_SHOWN


def test_without_any_schema_parameters_are_masked_by_their_name():
    assert all_masked({"api_key": "sk-1", "year": 2021}) == {"api_key": "********", "year": 2021}


def test_a_default_that_is_a_secret_is_masked():
    (found,) = [v for v in table(PLAIN, {}) if v.name == "api_key"]
    assert (found.value, found.source) == ("********", "default")


@pytest.mark.parametrize(
    ("schema", "name", "value"),
    [
        ({"type": "integer"}, "api_key", RawValue("hunter2")),
        ({"type": "string", "maxLength": 3, "default": "hunter2"}, "api_key", RawValue("long one")),
        ({"type": "string"}, "api_key", 1234567),
        ({"type": "integer"}, "dsn", "postgres://ada:hunter2@db/x"),
        ({"type": "integer"}, "login", RawValue('{"password": "hunter2"}')),
        ({"type": "array", "items": {"type": "integer"}}, "urls", ["http://a:hunter2@x"]),
    ],
)
def test_the_error_about_a_wrong_secret_does_not_repeat_it(schema, name, value):
    with pytest.raises(UsageError) as caught:
        resolve({"properties": {name: schema}}, {name: value}, error=UsageError)
    shown = f"{caught.value.message} {caught.value.hint} {caught.value.details}"
    assert "this value is not valid" in shown
    assert not [s for s in ("hunter2", "long one", "1234567") if s in shown]


@pytest.mark.parametrize(
    ("text", "schema", "reason", "example"),
    [
        ("13", {"type": "array", "items": {"type": "integer", "maximum": 12}},
         "13 at [0] is not at most 12", "--param 'p=[1, 2, 3]'"),
        ("abc", {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
         '"abc" is not valid', "--param p=3"),
        ("soon", {"type": "string", "format": "duration"}, "PT2H30M", "--param p=PT2H"),
    ],
)  # fmt: skip
def test_a_wrong_text_is_an_error_with_the_limit_and_an_example_for_the_shell(
    text, schema, reason, example
):
    with pytest.raises(UsageError) as caught:
        resolve({"properties": {"p": schema}}, {"p": RawValue(text)}, error=UsageError)
    assert reason in caught.value.message
    assert example in caught.value.hint


@pytest.mark.parametrize("text", ["PT2H", "P1D", "02:30:00", "-PT1H"])
def test_a_duration_that_pydantic_reads_is_kept_as_it_is(text):
    assert coerce(text, {"type": "string", "format": "duration"}, {}) == text


@pytest.mark.parametrize("value", [float("inf"), [1, {"a": float("nan")}], 2**63, -(2**63) - 1])
def test_a_number_that_the_server_cannot_store_is_refused_at_every_depth(value):
    with pytest.raises(ConfigError):
        resolve({"properties": {"any": {}}}, {"any": value})


def test_the_largest_numbers_that_the_server_stores_pass():
    given = {"any": [2**63 - 1, -(2**63)]}
    assert resolve({"properties": {"any": {}}}, given) == given


TREE = {
    "properties": {"p": {"$ref": "#/definitions/Tree", "default": 1}},
    "definitions": {
        "Tree": {"anyOf": [{"type": "array", "items": {"$ref": "#/definitions/Tree"}},
                           {"type": "integer"}]},
        "Loop": {"anyOf": [{"$ref": "#/definitions/Loop"}, {"type": "integer"}]},
    },
}  # fmt: skip


def test_a_recursive_type_is_described_and_validated_at_every_depth():
    (described,) = table(TREE, {"p": [1, [2]]})
    assert (described.value, described.expected) == ([1, [2]], "a list or a whole number")
    assert open_secrets(TREE, {"p": [1, [2]]}) == ()
    assert resolve(TREE, {"p": RawValue("[1, [2, [3]]]")}) == {"p": [1, [2, [3]]]}
    with pytest.raises(UsageError) as caught:
        resolve(TREE, {"p": RawValue('[1, [2, ["x"]]]')}, error=UsageError)
    assert '"x" at [1][1][0] is not valid' in caught.value.message
    assert caught.value.hint == "for example --param p=3"


def test_a_type_that_only_refers_to_itself_is_left_to_the_server():
    schema = {**TREE, "properties": {"p": {"$ref": "#/definitions/Loop"}}}
    (described,) = table(schema, {"p": 3})
    assert described.expected == "anything or a whole number"
    assert open_secrets(schema, {"p": 3}) == ()
    assert resolve(schema, {"p": 3}) == {"p": 3}


def test_a_pattern_that_only_pydantic_reads_is_left_to_the_flow():
    schema = {"properties": {"name": {"type": "string", "pattern": r"^\p{L}+$"}}}
    assert resolve(schema, {"name": RawValue("abc")}) == {"name": "abc"}


def test_the_parameters_of_a_flow_that_was_not_probed_must_be_json_too():
    given = {"day": date(2026, 1, 31), "months": RawValue("[1]"), "note": RawValue("abc ")}
    assert resolve(None, given) == {"day": "2026-01-31", "months": [1], "note": "abc "}
    with pytest.raises(ConfigError, match="not a valid JSON number"):
        resolve(None, {"limit": float("nan")})


def test_a_repeated_value_of_a_set_is_named_for_the_shell_too():
    schema = {"type": "array", "uniqueItems": True, "items": {"type": "integer"}}
    with pytest.raises(ValueError, match="is a set: it can have 1 only once"):
        coerce("1,2,1", schema, schema)
    assert coerce("1,2", schema, schema) == [1, 2]
