"""The picture of a terminal window: valid, one place per line."""

from __future__ import annotations

from xml.etree import ElementTree

from parts.window import Line

from parts import window

TEXT = "{http://www.w3.org/2000/svg}text"


def test_each_line_has_its_place_and_an_empty_one_takes_a_place_too():
    lines = [Line("$ ls", "command"), Line(""), Line('a <tspan class="dim">&lt;b&gt;</tspan>')]
    found = list(ElementTree.fromstring(window.drawn("A title", lines, 80)).iter(TEXT))
    assert ["".join(each.itertext()) for each in found] == ["$ ls", "a <b>"]
    assert [each.get("class") for each in found] == ["command", "plain"]
    first, last = (int(str(each.get("y"))) for each in found)
    assert last - first == 2 * window.LINE


def test_the_window_is_as_large_as_its_lines_and_columns():
    small, large = (
        ElementTree.fromstring(window.drawn("A title", [Line("a")] * number, columns))
        for number, columns in ((1, 40), (3, 80))
    )
    assert int(str(large.get("height"))) - int(str(small.get("height"))) == 2 * window.LINE
    assert int(str(large.get("width"))) > int(str(small.get("width")))
