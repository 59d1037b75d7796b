"""Whether a value fits a JSON schema, and what the schema accepts."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import assume, given, settings

from flowship.deployment.json_schema import describe, problem
from support.json_schemas import JSON, SCHEMAS


@settings(max_examples=400, deadline=None)
@given(SCHEMAS, JSON)
def test_a_value_is_valid_exactly_where_the_json_schema_library_says_so(schema, value):
    assume(json.dumps(value) not in ("[1, true]", "[true, 1]", "[0, false]", "[false, 0]"))
    expected = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert (problem(value, schema, schema) is None) == expected
    describe(schema, schema)


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("uri", "https://example.com/a?b=c", "example.com/a"),
        ("uri", "gs://bucket/path", "not a url"),
        ("email", "ada@example.com", "ada"),
        ("ipv4", "10.0.0.1", "10.0.0.256"),
        ("ipv6", "::1", "10.0.0.1"),
        ("ipv4network", "10.0.0.0/8", "10.0.0.0/99"),
        ("ipvanyaddress", "::1", "localhost"),
        ("uuid4", "7b9f2c1e-6a52-4a0e-9f6c-0d4b1c8e2f3a", "7b9f"),
    ],
)
def test_formats_are_validated_as_pydantic_does(form, good, bad):
    schema = {"type": "string", "format": form}
    assert problem(good, schema, schema) is None
    assert f'"{bad}" is not a' in problem(bad, schema, schema)


def test_a_set_says_which_value_is_repeated():
    schema = {"type": "array", "uniqueItems": True, "items": {"type": "integer"}}
    assert problem([3, 1, 3], schema, schema) == "[3, 1, 3] is a set: it can have 3 only once"
    assert describe(schema, schema) == "a set of whole numbers"
    assert problem([1, 3], schema, schema) is None
