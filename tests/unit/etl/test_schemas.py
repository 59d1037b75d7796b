"""The schemas of the three colours."""

from __future__ import annotations

from typing import get_args

import pyarrow as pa
import pytest

from flowship.etl.schemas import SCHEMAS, Colour


def test_every_colour_has_a_schema():
    assert set(SCHEMAS) == set(get_args(Colour))


@pytest.mark.parametrize("colour", SCHEMAS)
def test_pickup_and_dropoff_are_timestamps_and_names_are_unique_without_case(colour):
    schema = SCHEMAS[colour]
    for name in (schema.pickup, schema.dropoff):
        assert schema.table.field(name).type == pa.timestamp("us")
    names = [name.lower() for name in schema.table.names]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("colour", SCHEMAS)
def test_aliases_are_lower_case_names_of_existing_columns(colour):
    schema = SCHEMAS[colour]
    for alias, name in schema.aliases.items():
        assert alias == alias.lower()
        assert name in schema.table.names
