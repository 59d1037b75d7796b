"""Positions in the text of a Dockerfile."""

from __future__ import annotations

from flowship.dockerfile.instructions import Lines, line_of
from flowship.dockerfile.parser import parse


def test_positions_are_counted_from_one_and_without_a_byte_order_mark():
    text = "\ufeffFROM é\r\nCOPY a b"
    lines = Lines(text)
    assert lines.place(1, 5) == (1, 1, 5)
    assert lines.place(text.index("é"), text.index("é") + 1) == (1, 6, 7)
    assert lines.place(text.index("b"), len(text)) == (2, 8, 9)
    assert line_of(text, 1) == "FROM é"
    assert line_of(text, 2) == "COPY a b"
    assert line_of(text, 3) == ""


def test_a_word_on_two_lines_is_underlined_to_the_end_of_the_first():
    text = "COPY a op\\\nt/x"
    word = parse(text).instructions[0].words[1]
    assert Lines(text).place(word.start, word.end) == (1, 8, 11)
