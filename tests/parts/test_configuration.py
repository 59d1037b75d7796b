"""The tables of the configuration's page: every key of the models, as the code has it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import Field

from flowship.config import settings, tables
from flowship.config.keys import known_keys
from parts import configuration

PAGE = configuration.PAGE.read_text(encoding="utf-8")


def test_the_page_of_the_configuration_is_up_to_date():
    assert configuration.page(PAGE) == PAGE, f"run: {configuration.COMMAND}"


def test_every_table_of_the_configuration_has_its_keys_in_the_page():
    listed = re.findall(r"^<!-- keys of (\w+) -->$", PAGE, flags=re.MULTILINE)
    inline = {"Table", "ImageSettings", "Concurrency"}  # bases, and one in a row of its own
    assert sorted(listed) == sorted(configuration.models().keys() - inline)


def test_every_key_of_the_file_has_a_row_or_a_section():
    shown = {key.name for key in configuration.keys(settings.Settings)}
    others = known_keys(settings.Settings).keys() - shown - INTERNAL
    headings = re.findall(r"^## `\[+([a-z]+)", PAGE, flags=re.MULTILINE)
    assert others == {h for h in headings if h in known_keys(settings.Settings)}


INTERNAL = {
    *("root", "source", "notes", "warnings", "origins", "environment", "environments"),
    *("base-is-default", "whole", "image"),
}


def test_a_row_has_the_type_the_default_and_the_docstring():
    rows = {key.name: key.row() for key in configuration.keys(tables.Probe)}
    assert rows["timeout"] == (
        "| `timeout` | number | `120` | How many seconds loading one flow may take. |"
    )
    assert next(iter(configuration.keys(tables.Deployment))).default == "required"


def test_a_default_without_a_value_in_the_code_is_in_words():
    shown = {key.name: key.default for key in configuration.keys(settings.Settings)}
    assert shown["profile"] == "the active one"
    assert shown["repo"] == "none"
    assert shown["work-pool"] == '`"flowship"`'


def test_the_defaults_of_the_block_are_those_of_a_new_block():
    shown = {key.name: key.default for key in configuration.keys(tables.Block)}
    assert shown["auto-remove"] == "`true`"
    assert shown["networks"] == "`[]`"


class Undescribed(tables.Table):
    """A table as a contributor may leave it."""

    speed: bool = False
    shape: complex = Field(default=0j)
    """What it looks like."""


@pytest.mark.parametrize(
    ("name", "advice"), [("speed", "write its meaning"), ("shape", "add complex to TYPES")]
)
def test_a_key_without_a_meaning_or_with_an_unknown_type_stops_the_command(
    name: str, advice: str
) -> None:
    model: Any = Undescribed
    with pytest.raises(SystemExit, match=advice):
        configuration.key(model, name)
