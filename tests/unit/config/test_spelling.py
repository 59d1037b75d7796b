"""One spelling of each key, in tables of the configuration."""

from __future__ import annotations

import pytest

from flowship.config.settings import Settings
from flowship.config.spelling import canonical
from flowship.errors import ConfigError


def test_keys_become_kebab_case_in_nested_tables_too_and_unknown_ones_stay():
    table = {"work_pool": "a", "block": {"mem_limit": "1g", "env": {"MY_VAR": "x"}}, "no_key": 1}
    assert canonical(table, Settings, None) == {
        "work-pool": "a",
        "block": {"mem-limit": "1g", "env": {"MY_VAR": "x"}},
        "no_key": 1,
    }


def test_a_key_in_two_spellings_names_the_place_of_the_table(tmp_path):
    source = tmp_path / "flowship.toml"
    source.write_text('[env.a.block]\nmem_limit = "1g"\nmem-limit = "2g"\n')
    table = {"block": {"mem_limit": "1g", "mem-limit": "2g"}}
    with pytest.raises(ConfigError, match='"mem-limit" is set twice') as caught:
        canonical(table, Settings, source, "env", "a")
    assert caught.value.where == f"{source}:2:1"
