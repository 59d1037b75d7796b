"""Text from outside becomes printable; the console prints nothing else."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from flowship.output import terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe\tx\ny", "größe\tx\ny"),
        ("\x1b[31mred", "␛[31mred"),
        ("a\x00b\rc\x7f", "a␀b␍c␡"),
        ("\x9b31m", "\ufffd31m"),
        ("gpj\u202etxt", "gpj\ufffdtxt"),
        ("a\u2028b\u200fc\udc80d\U000e0041", "a\ufffdb\ufffdc\ufffdd\ufffd"),
        ("flow\u200b f\xadlow f\u2060low", "flow\ufffd f\ufffdlow f\ufffdlow"),
        ("👩\u200d🚀 ما", "👩\u200d🚀 ما"),
    ],
)
def test_a_control_character_is_replaced_by_a_visible_one(text, shown):
    assert terminal.printable(text) == shown


def test_a_name_that_is_one_line_of_a_result_stays_one_line():
    assert terminal.one_line("a\nb\x1b") == "a␊b␛"


@given(st.text())
def test_printable_text_keeps_its_length_and_its_lines(text):
    shown = terminal.printable(text)
    assert len(shown) == len(text)
    assert shown.count("\n") == text.count("\n")
    assert not any(ord(c) < 32 and c not in "\n\t" for c in shown)
    assert terminal.printable(shown) == shown


@pytest.mark.parametrize("renderable", ["a\x1b[2Jb", Text("a\x1b[2Jb")], ids=["str", "Text"])
def test_the_console_makes_what_it_prints_printable(capsys, renderable):
    terminal.console().print(renderable)
    assert capsys.readouterr().err == "a␛[2Jb\n"


def test_the_cells_of_a_table_are_printable_too(capsys):
    table = Table()
    table.add_column("name")
    table.add_row("a\x1b[2Jb")
    terminal.console().print(table)
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert "a␛[2Jb" in shown


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "CI": "true"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"CI": "true"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_colours_depend_on_the_environment(capsys, monkeypatch, environ, coloured):
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    terminal.console().print("[red]x[/]")
    assert ("\x1b[31m" in capsys.readouterr().err) is coloured


@given(st.lists(st.text(alphabet="ab \t[\n"), max_size=8), st.booleans())
def test_no_line_ends_with_a_blank_whatever_is_printed(parts, as_text):
    stream = io.StringIO()
    console = terminal.console()
    console.file = stream
    table = Table(box=None, padding=(0, 2))
    for column in ("one", "two"):
        table.add_column(column)
    for part in parts:
        table.add_row(escape(part), "")
        console.print(Text(part, style="red") if as_text else escape(part))
    console.print(table)
    lines = stream.getvalue().split("\n")
    assert [line for line in lines if line != line.rstrip(" \t")] == []
    printed = "".join("\n".join(parts).split())
    assert "".join(stream.getvalue().split()).startswith(printed)


def test_the_blank_after_a_question_stays(capsys):
    terminal.console().print("go on? ", end="")
    assert capsys.readouterr().err == "go on? "


def test_a_text_of_several_lines_loses_only_the_blanks_at_their_ends():
    assert terminal.without_blanks("  a  \n\n b\t\n") == "  a\n\n b\n"
