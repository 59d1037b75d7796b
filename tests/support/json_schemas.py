"""JSON values and schemas for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

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
