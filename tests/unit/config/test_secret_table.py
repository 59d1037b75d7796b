"""The key ``secrets``: a list of names or a table."""

from __future__ import annotations

import pytest

from support.configuring import failure, load

START = 'name = "taxi"\nentrypoint = "flow.py:f"\nbase-image = "python:3.11"\n[block]\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["API_TOKEN", "db"]', {"API_TOKEN": "", "db": ""}),
        ('{ API_TOKEN = "my-block" }', {"API_TOKEN": "my-block"}),
        ("[]", {}),
    ],
)
def test_a_list_and_a_table_are_the_same_key(tmp_path, text, expected):
    assert load(tmp_path, f"{START}secrets = {text}\n").block.secrets == expected


def test_a_variable_gives_the_key_as_json(tmp_path):
    environ = {"FLOWSHIP_BLOCK__SECRETS": '["API_TOKEN"]'}
    assert load(tmp_path, START, environ).block.secrets == {"API_TOKEN": ""}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"API_TOKEN"', "must be a list of names"),
        ("[1]", "must be a list of names"),
        ('["A", "A"]', '"A" is named more than once'),
        ('["API-TOKEN"]', '"API-TOKEN" is not a name of an environment variable'),
        ('[""]', '"" is not a name of an environment variable'),
        ('{ A = "My Block" }', '"My Block" is not a name of a block'),
        ("{ A = 1 }", "must be text"),
    ],
)
def test_what_cannot_be_a_secret_is_an_error_in_its_place(tmp_path, text, message):
    error = failure(tmp_path, f"{START}secrets = {text}\n")
    assert message in error.message
    assert error.where.endswith(":5:1") or ":5:" in error.where
    assert error.code == "invalid-value"
