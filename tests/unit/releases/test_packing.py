"""Tables with much in common, written once and read back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowship.releases.packing import pack, unpack

VALUES = st.one_of(st.booleans(), st.integers(), st.text(max_size=3), st.lists(st.integers()))
TABLES = st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), max_size=5)


@given(TABLES)
def test_what_is_packed_is_unpacked(tables):
    assert unpack(json.loads(json.dumps(pack(tables)))) == tables


def test_what_most_tables_have_is_written_once():
    tables = [{"pool": "a", "n": 1}, {"pool": "a", "n": 2}, {"pool": "b", "n": 3}, {"n": 4}]
    assert pack(tables) == {
        "shared": {"pool": "a"},
        "each": [{"n": 1}, {"n": 2}, {"n": 3, "pool": "b"}, {"n": 4, "pool": None}],
    }


@pytest.mark.parametrize("damaged", [None, [], "x", {}, {"each": 3}, {"shared": 1, "each": [1]}])
def test_what_is_damaged_is_as_nothing(damaged):
    assert unpack(damaged) == []
