"""The errors of the ETL: a message with its hint, and a stable code."""

from __future__ import annotations

import pickle

import pytest

from flowship.etl import errors

FAMILY = [kind for kind in vars(errors).values() if isinstance(kind, type)]


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
