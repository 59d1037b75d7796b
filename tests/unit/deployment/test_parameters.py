"""Parameters: typed text becomes JSON values, and our judgement is the JSON Schema library's."""

from __future__ import annotations

import json
from datetime import date
from typing import Literal

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flowship.commands.options import pairs
from flowship.deployment import parameters
from flowship.deployment.json_schema import describe, problem
from flowship.deployment.parameters import RawValue, coerce, missing, open_secrets, resolve, table
from flowship.errors import ConfigError, UsageError

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
        ("99999999999999999999", {"type": "integer"}, "99999999999999999999 is beyond"),
        ("20260101", {"type": "string", "format": "date"}, "20260101"),
        ("20260101", {"type": "string", "format": "date-time"}, "20260101"),
        ("20260101T050000", {"type": "string", "format": "date-time"}, "a time like 2026-01-31T"),
        ("0500", {"type": "string", "format": "time"}, "a time like 05:00:00"),
        ("1.e400", {"type": "integer"}, ""),
        ("", {"type": "array", "items": {"type": "string"}}, '""'),
    ],
)
def test_text_that_fits_nothing_says_what_was_wrong(text, schema, reason):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the words are judged below
        coerce(text, schema, ROOT)
    assert reason in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner,
                                                                max_size=2),
    max_leaves=6,
)  # fmt: skip
SCHEMAS = st.recursive(
    st.sampled_from(
        [
            {}, {"type": "integer"}, {"type": "number", "minimum": 0, "maximum": 2},
            {"type": "string", "maxLength": 2}, {"type": "boolean"}, {"type": "null"},
            {"enum": [1, "a", None]}, {"const": True}, {"type": ["integer", "null"]},
            {"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": "^a"},
            {"type": "integer", "multipleOf": 2},
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
        st.lists(inner, min_size=1, max_size=2).map(lambda branches: {"allOf": branches}),
        inner.map(lambda item: {"type": "array", "items": item, "maxItems": 2}),
        inner.map(lambda item: {"type": "array", "items": item, "uniqueItems": True}),
        st.lists(inner, min_size=1, max_size=2).map(
            lambda fixed: {"type": "array", "prefixItems": fixed, "items": False}
        ),
        inner.map(
            lambda item: {"type": "object", "properties": {"a": item}, "required": ["a"],
                          "additionalProperties": {"type": "integer"}}
        ),
    ),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(SCHEMAS, JSON)
def test_a_value_is_judged_as_the_json_schema_library_judges_it(schema, value):
    assume(json.dumps(value) not in ("[1, true]", "[true, 1]", "[0, false]", "[false, 0]"))
    expected = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert (problem(value, schema, schema) is None) == expected
    describe(schema, schema)


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
    told = {p.name: p for p in parameters.table(schema, {"limit": 3})}
    assert list(told) == ["day", "months", "colour", "limit", "options"]
    assert {n: p.expected for n, p in told.items()} == {
        "day": "a date",
        "months": "a list of whole numbers",
        "colour": '"yellow" or "green"',
        "limit": "a whole number or nothing (null)",
        "options": "a table (JSON object) or nothing (null)",
    }
    assert [p.source for p in told.values()] == ["missing", "default", "default", "given",
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
def test_no_text_makes_the_reading_crash(text, schema):
    try:
        value = coerce(text, schema, schema)
    except ValueError:
        return
    assert problem(value, schema, schema) is None


def test_secrets_are_covered_wherever_they_stand_and_named():
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


@pytest.mark.parametrize(
    ("text", "schema", "reason", "example"),
    [
        ("13", {"type": "array", "items": {"type": "integer", "maximum": 12}},
         "13 at [0] is not at most 12", "--param 'p=[1, 2, 3]'"),
        ("abc", {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
         '"abc" is not that', "--param p=3"),
        ("soon", {"type": "string", "format": "duration"}, "PT2H30M", "--param p=PT2H"),
    ],
)  # fmt: skip
def test_a_wrong_text_is_answered_with_the_limit_and_an_example_for_the_shell(
    text, schema, reason, example
):
    with pytest.raises(UsageError) as caught:
        resolve({"properties": {"p": schema}}, {"p": RawValue(text)}, error=UsageError)
    assert reason in caught.value.message
    assert example in caught.value.hint


@pytest.mark.parametrize("text", ["PT2H", "P1D", "02:30:00", "-PT1H"])
def test_a_duration_is_what_the_flow_will_read(text):
    assert coerce(text, {"type": "string", "format": "duration"}, {}) == text


@pytest.mark.parametrize("value", [float("inf"), [1, {"a": float("nan")}], 2**63, -(2**63) - 1])
def test_a_number_that_the_server_could_not_keep_is_refused_wherever_it_stands(value):
    with pytest.raises(ConfigError):
        resolve({"properties": {"any": {}}}, {"any": value})


def test_the_last_number_that_the_server_keeps_passes():
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


def test_a_type_that_holds_itself_is_told_and_judged_all_the_way_down():
    (told,) = table(TREE, {"p": [1, [2]]})
    assert (told.value, told.expected) == ([1, [2]], "a list or a whole number")
    assert open_secrets(TREE, {"p": [1, [2]]}) == ()
    assert resolve(TREE, {"p": RawValue("[1, [2, [3]]]")}) == {"p": [1, [2, [3]]]}
    with pytest.raises(UsageError) as caught:
        resolve(TREE, {"p": RawValue('[1, [2, ["x"]]]')}, error=UsageError)
    assert '"x" at [1][1][0] is not that' in caught.value.message
    assert caught.value.hint == "for instance --param p=3"


def test_a_type_that_is_nothing_but_itself_is_left_to_the_server():
    schema = {**TREE, "properties": {"p": {"$ref": "#/definitions/Loop"}}}
    (told,) = table(schema, {"p": 3})
    assert told.expected == "anything or a whole number"
    assert open_secrets(schema, {"p": 3}) == ()
    assert resolve(schema, {"p": 3}) == {"p": 3}


def test_a_pattern_that_only_pydantic_reads_is_left_to_the_flow():
    schema = {"properties": {"name": {"type": "string", "pattern": r"^\p{L}+$"}}}
    assert resolve(schema, {"name": RawValue("abc")}) == {"name": "abc"}


def test_the_parameters_of_a_flow_that_nobody_asked_must_be_json_all_the_same():
    given = {"day": date(2026, 1, 31), "months": RawValue("[1]"), "note": RawValue("abc ")}
    assert resolve(None, given) == {"day": "2026-01-31", "months": [1], "note": "abc "}
    with pytest.raises(ConfigError, match="not a number that JSON has"):
        resolve(None, {"limit": float("nan")})
