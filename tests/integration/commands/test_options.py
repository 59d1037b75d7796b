"""Options that several commands share."""

from __future__ import annotations

import pytest
import typer

from flowship.commands import options
from flowship.errors import UsageError


@pytest.mark.parametrize("option", ["--image", "--name", "--timezone"])
def test_an_empty_option_is_a_usage_error(cli, tmp_path, option):
    code, _, stderr = cli("deploy", option, "", cwd=tmp_path)
    assert code == 2
    assert "is empty" in stderr


def test_an_option_that_is_not_given_has_no_value():
    assert options.not_empty(None) is None
    assert options.not_empty("x") == "x"
    with pytest.raises(typer.BadParameter, match="is empty"):
        options.not_empty(" ")


@pytest.mark.parametrize(
    ("items", "result"),
    [
        (None, {}),
        (["a=1", "b=x=y", "c="], {"a": "1", "b": "x=y", "c": ""}),
        (["a=1", "a=2"], {"a": "2"}),
    ],
)
def test_pairs_are_split_at_the_first_equals_sign(items, result):
    assert options.pairs(items, "--param") == result


@pytest.mark.parametrize("item", ["a", "=1", ""])
def test_a_pair_needs_a_name_and_an_equals_sign(item):
    with pytest.raises(UsageError, match="must be key=value") as caught:
        options.pairs([item], "--param")
    assert caught.value.where == "--param"
