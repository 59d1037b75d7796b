"""The family of errors: exit codes, stable codes, and what an error carries."""

from __future__ import annotations

import pytest

from flowship.errors import ExitCode, FlowshipError, UsageError, did_you_mean


@pytest.mark.parametrize("kind", FlowshipError.__subclasses__())
def test_each_kind_has_an_exit_code_and_a_default_code_of_its_own(kind):
    others = [other for other in FlowshipError.__subclasses__() if other is not kind]
    assert kind.exit_code not in {other.exit_code for other in others}
    assert kind.code not in {other.code for other in others}
    assert kind("message").code == kind.code


def test_the_exit_codes_are_these():
    assert {code.value for code in ExitCode} == {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 130}


def test_an_error_keeps_its_own_code_and_the_class_its_default():
    error = UsageError("no repository given", code="no-repository", hint="--repo", where="push")
    assert (error.code, UsageError.code) == ("no-repository", "invalid-usage")
    assert str(error) == error.message == "no repository given"
    assert (error.hint, error.where, error.details) == ("--repo", "push", "")


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("prodution", ["staging", "production"], 'did you mean "production"?'),
        ("prod", ["staging", "production"], 'did you mean "production"?'),
        ("prod", ["production-eu", "production-us"], "list"),
        ("p", ["staging", "production"], "list"),
        ("", ["staging"], "list"),
        ("qa", [], "list"),
    ],
)
def test_the_hint_for_an_unknown_name_is_the_nearest_one(name, known, hint):
    assert did_you_mean(name, known, "list") == hint
