"""Patterns of ignore files, in linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowship.project import glob
from flowship.project.glob import compile_glob


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("*.py", ["a.py", ".py"], ["a/b.py", "a.pyc"]),
        ("a?c", ["abc"], ["a/c", "ac"]),
        ("**/x", ["x", "a/x", "a/b/x"], ["ax", "x/y"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b/a"]),
        ("a/**/b/**/c*d*e", ["a/b/cde", "a/1/2/b/3/c4d5e"], ["a/b/cd/e", "ab/cde"]),
        ("[^a]x", ["bx"], ["ax", "bbx"]),
        (r"\*\?", ["*?"], ["a?"]),
        ("**.log", ["a.log", "b/a.log"], ["a.log/b"]),
    ],
)
def test_a_pattern_matches_whole_paths(pattern, matching, other):
    match = compile_glob(pattern)
    assert [path for path in [*matching, *other] if match(path)] == matching


TOKENS = ["**/", "**", "*", "?", "a", "b", "/", "[ab]"]


@given(st.lists(st.sampled_from(TOKENS), max_size=8), st.text(alphabet="ab/", max_size=12))
def test_both_ways_to_match_agree(tokens, path):
    pattern = "".join(tokens)
    found = glob._TOKEN.findall(pattern)
    regex = glob.re.compile("".join(map(glob._translated, found)) + r"\Z")
    assert glob._States(found).match(path) == (regex.match(path) is not None)


@pytest.mark.parametrize("pattern", ["*a" * 30 + "b", "**/" * 30 + "b", "**a" * 30 + "b"])
def test_many_stars_take_no_time(pattern):
    start = time.process_time()
    assert not compile_glob(pattern)("a" * 4000)
    assert time.process_time() - start < 2
