"""Keys: their spelling, what they hold, and the nearest known one."""

from __future__ import annotations

import pytest

from flowship.config.keys import Key, kebab, known_keys, nearest_key
from flowship.config.settings import Settings
from flowship.config.tables import Block


@pytest.mark.parametrize(
    ("field", "key"), [("base_image", "base-image"), ("copy_", "copy"), ("name", "name")]
)
def test_a_field_is_written_in_kebab_case(field, key):
    assert kebab(field) == key


@pytest.mark.parametrize(
    ("key", "held"),
    [
        ("name", Key(is_list=False, is_table=False)),
        ("repo", Key(is_list=False, is_table=False)),
        ("apt", Key(is_list=True, is_table=False)),
        ("deployments", Key(is_list=True, is_table=False)),
        ("copy", Key(is_list=False, is_table=True)),
        ("block", Key(is_list=False, is_table=True, model=Block)),
    ],
)
def test_a_key_holds_what_its_annotation_says(key, held):
    assert known_keys(Settings)[key] == held


def test_an_optional_key_holds_what_it_holds_when_it_is_set():
    assert known_keys(Block)["env"].is_table
    assert known_keys(Block)["networks"].is_list


def test_internal_fields_are_not_keys():
    assert {"root", "source", "origins", "notes"} & known_keys(Settings).keys() == set()


def test_an_unknown_key_gets_the_nearest_one_or_all():
    assert nearest_key("repoo", {"repo": 1, "name": 2}) == 'did you mean "repo"?'
    assert nearest_key("xyz", {"repo": 1, "name": 2}) == "known keys: repo, name"
