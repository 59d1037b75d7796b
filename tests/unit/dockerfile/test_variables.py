"""Variable expansion, as in the builder."""

from __future__ import annotations

import pytest

from flowship.dockerfile.variables import WordError, expand

ENV = {"A": "x", "EMPTY": "", "UNKNOWN": None}


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("$A/y", "x/y"),
        ("${A}y", "xy"),
        ("'$A'", "$A"),
        ('"$A"', "x"),
        ('"a\\$A"', "a$A"),
        ("\\$A", "$A"),
        ("$", "$"),
        ("${A:-other}", "x"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY-other}", ""),
        ("${A:+other}", "other"),
        ("${EMPTY:+other}", ""),
        ("${NOT_SET:-${A}/z}", "x/z"),
        ("${NOT_SET:+other}", ""),
    ],
)
def test_variables_are_expanded_as_in_the_builder(word, text):
    value = expand(word, ENV, "\\")
    assert (value.text, value.known, value.variable) == (text, True, text)


@pytest.mark.parametrize(
    ("word", "leading", "unknown"),
    [
        ("$UNKNOWN/x", "", ("UNKNOWN",)),
        ("/a/$NOT_SET/$UNKNOWN", "/a/", ("NOT_SET", "UNKNOWN")),
        ("${A%x}", "", ("A",)),
        ("${NOT_SET:?message}", "", ("NOT_SET",)),
        ("a${UNKNOWN:-b}", "a", ("UNKNOWN",)),
    ],
)
def test_what_is_unknown_stays_as_written(word, leading, unknown):
    value = expand(word, ENV, "\\")
    assert (value.text, value.leading, value.unknown) == (word, leading, unknown)
    assert value.variable is None


@pytest.mark.parametrize(
    ("word", "error", "is_quote"),
    [
        ('"a', WordError.UNCLOSED_DOUBLE_QUOTE, True),
        ("it's", WordError.UNCLOSED_SINGLE_QUOTE, True),
        ("${A", WordError.MISSING_NAME, False),
        ("${A:-b", WordError.UNCLOSED_BRACE, False),
        ("${", WordError.MISSING_NAME, False),
        ("${A:-" * 40, WordError.TOO_DEEP, False),
    ],
)
def test_a_word_that_the_builder_rejects_has_an_error(word, error, is_quote):
    value = expand(word, {}, "\\")
    assert not value.known
    if error is not WordError.MISSING_NAME or word == "${":
        assert value.error is error
    assert value.error is not None
    assert value.error.is_quote == is_quote


def test_a_variable_that_is_never_set_is_empty_only_if_the_base_image_sets_none():
    assert expand("$X/y", {}, "\\").unknown == ("X",)
    assert expand("$X/y", {}, "\\", missing_is_empty=True).text == "/y"


def test_the_escape_character_is_that_of_the_file():
    assert expand("`$A\\b", ENV, "`").text == "$A\\b"


def test_a_word_without_variables_is_simple():
    assert expand("'$A'", ENV, "\\").simple
    assert not expand("$A", ENV, "\\").simple


def test_a_very_long_value_is_unknown_as_a_variable():
    assert expand("$A", {"A": "x" * 70_000}, "\\").variable is None
