"""Names: what may be one, and how a text becomes one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flowship.config.names import (
    LONGEST_NAME,
    PREFECT_NAME,
    module_of,
    prefect_name_problem,
    slug,
    slugify,
)
from flowship.config.tables import Deployment


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Flöws_2", "my-flows-2"),
        ("--a--b--", "a-b"),
        ("日本", ""),
        ("a.b/c", "a-b-c"),
        ("My Prøject (v2)", "my-project-v2"),
        ("Straße ÆØÅ Łódź", "strasse-aeoa-lodz"),
        ("Đuro þing Œuvre ﬁn", "duro-thing-oeuvre-fin"),
        ("İstanbul ışık", "istanbul-isik"),
        ("aжb", "a-b"),
        ("zero\u200bwidth", "zerowidth"),
        ("n\u0303o tilde", "no-tilde"),
        ("My Project (v2)", "my-project-v2"),
    ],
)
def test_a_text_becomes_a_name(text, name):
    assert slugify(text) == name
    assert not name or slug(name, "a name") == name


@given(st.text(st.characters(max_codepoint=127)))
def test_the_name_of_a_text_in_ascii_has_its_letters_and_digits(text):
    assert slugify(text) == re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


@given(st.text())
def test_each_text_becomes_a_name_or_nothing(text):
    name = slugify(text)[:LONGEST_NAME].strip("-")
    assert not name or slug(name, "a name") == name


@pytest.mark.parametrize(
    ("value", "words"),
    [("My Flow", '"my-flow"'), ("a--b", '"a-b"'), ("a" * (LONGEST_NAME + 1), "at most 100")],
)
def test_another_name_is_refused_with_one_that_is_accepted(value, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        slug(value, "a name")


@pytest.mark.parametrize("name", ["a", "a b", "nightly (EU)", "a-", "夜間", "n" * 300])
def test_prefect_accepts_the_name(name):
    assert re.fullmatch(PREFECT_NAME, name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        ("a/b", "must not contain /"),
        ("50%", "must not contain /"),
        ("a&b", "must not contain /"),
        ("<a>", "must not contain /"),
        ("a\nb", "control characters"),
        ("a\tb", "control characters"),
        ("a\x1b[31m", "control characters"),
        ("a\x9b", "control characters"),
        ("a\n", "control characters"),
        (" a", "begin or end with a blank"),
        ("a\xa0", "begin or end with a blank"),
        ("--version", 'begin with "-"'),
        ("-", 'begin with "-"'),
    ],
)
def test_a_name_that_no_run_or_no_command_could_use_is_refused_with_the_reason(name, problem):
    assert not re.fullmatch(PREFECT_NAME, name)
    assert problem in prefect_name_problem(name)
    with pytest.raises(ValidationError):
        Deployment(name=name)


@given(st.text(max_size=6))
def test_pydantic_and_python_read_the_pattern_in_the_same_way(name):
    try:
        accepted = bool(Deployment(name=name))
    except ValidationError:
        accepted = False
    assert accepted == bool(re.fullmatch(PREFECT_NAME, name))


@pytest.mark.parametrize(
    ("entrypoint", "module"),
    [("taxi.flows:nightly", "taxi.flows"), ("flow.py:nightly", ""), ("a/b.py:nightly", "")],
)
def test_a_module_entrypoint_names_its_module(entrypoint, module):
    assert module_of(entrypoint) == module
