"""Names: what may be one, and how a text becomes one."""

from __future__ import annotations

import re

import pytest

from flowship.config.names import LONGEST_NAME, PREFECT_NAME, module_of, slug, slugify


@pytest.mark.parametrize(
    ("text", "name"),
    [("My Flöws_2", "my-flows-2"), ("--a--b--", "a-b"), ("日本", ""), ("a.b/c", "a-b-c")],
)
def test_a_text_becomes_a_name(text, name):
    assert slugify(text) == name
    assert not name or slug(name, "a name") == name


@pytest.mark.parametrize(
    ("value", "words"),
    [("My Flow", '"my-flow"'), ("a--b", '"a-b"'), ("a" * (LONGEST_NAME + 1), "at most 100")],
)
def test_another_name_is_refused_with_one_that_is_accepted(value, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        slug(value, "a name")


@pytest.mark.parametrize("name", ["a", "a b", "nightly (EU)"])
def test_prefect_accepts_the_name(name):
    assert re.fullmatch(PREFECT_NAME, name)


@pytest.mark.parametrize("name", ["", " ", "a/b", "50%", "a&b", "<a>"])
def test_prefect_refuses_the_name(name):
    assert not re.fullmatch(PREFECT_NAME, name)


@pytest.mark.parametrize(
    ("entrypoint", "module"),
    [("taxi.flows:nightly", "taxi.flows"), ("flow.py:nightly", ""), ("a/b.py:nightly", "")],
)
def test_a_module_entrypoint_names_its_module(entrypoint, module):
    assert module_of(entrypoint) == module
