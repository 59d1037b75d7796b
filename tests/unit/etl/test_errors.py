"""The errors of the ETL: a message with its hint, and a stable code."""

from __future__ import annotations

import pickle

import pytest

from flowship.etl import errors

FAMILY = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and kind.__module__ == errors.__name__
]


def test_the_text_has_the_hint_as_a_second_sentence():
    error = errors.SourceError("the file is empty", hint="check the address")
    assert str(error) == "the file is empty. Check the address"
    assert (error.message, error.hint) == ("the file is empty", "check the address")
    assert str(errors.SourceError("the file is empty")) == "the file is empty"


def test_a_code_can_be_more_specific_than_that_of_the_class():
    assert errors.SourceError("x").code == "source-invalid"
    assert errors.SourceError("x", code="source-damaged").code == "source-damaged"


def test_an_error_survives_the_way_from_another_process():
    error = errors.SourceError("the file is empty", code="source-empty", hint="check the address")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.code, copy.hint) == (str(error), "source-empty", "check the address")


@pytest.mark.parametrize("kind", FAMILY)
def test_every_error_has_a_code(kind):
    assert issubclass(kind, errors.EtlError)
    assert kind("x").code


def test_control_characters_of_a_file_are_made_visible():
    error = errors.SourceError("line 2: \x1b[2J\0\x9b\u202e\ud800 7 €", hint="say \x07")
    assert str(error) == r"line 2: \x1b[2J\x00\x9b\u202e\ud800 7 €. Say \x07"
    assert (error.message, error.hint) == (r"line 2: \x1b[2J\x00\x9b\u202e\ud800 7 €", r"say \x07")
    assert errors.printable("a\n\tb") == "a\n\tb"


def test_an_expected_failure_stays_what_it_is():
    error = errors.SourceError("x", hint="do y")
    assert errors.as_etl_error(error) is error


def test_an_unexpected_failure_has_its_type_and_place():
    try:
        int("\x1b")
    except ValueError as exc:
        found = errors.as_etl_error(exc)
    assert found.message.startswith("unexpected ValueError (test_errors.py:")
    assert "\x1b" not in found.message
    assert found.code == "month-crashed"
    assert str(errors.as_etl_error(MemoryError())) == "unexpected MemoryError"
