"""The picture of a session: which lines are left out, and what is drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from parts import session


def test_each_run_of_build_steps_and_transfers_becomes_one_ellipsis():
    output = (
        "• sending 3 files\n  [1/2] COPY a b\n      Installed\n✓ built\n  db9c313c86ae: Pushed\nx"
    )
    assert list(session.shortened(output)) == ["…", "✓ built", "…", "x"]


@pytest.mark.parametrize(
    "line",
    ["13:33:12 INFO    gabby-axolotl hello world: 5 letters", "✓ pushed a/b:c", "hello/hello"],
)
def test_results_and_the_logs_of_the_flow_are_drawn(line):
    assert list(session.shortened(line)) == [line]


def test_a_long_line_is_broken_between_words():
    lines = list(session.shortened("word " * 40))
    assert len(lines) > 1
    assert max(map(len, lines)) <= session.COLUMNS


def test_the_picture_is_valid_and_holds_special_characters():
    shown = [session.Shown("flowship run", 'a <b> & "c"\n')]
    root = ElementTree.fromstring(session.drawn(shown))
    texts = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert texts == ["$ flowship run", 'a <b> & "c"']
