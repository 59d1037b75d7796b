"""`Screen`: what it prints to stdout and stderr, as text and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pydantic import SecretStr

from flowship.errors import BuildError, UsageError
from flowship.events import Output, Phase, Step
from flowship.output.console import Screen


@dataclass(frozen=True)
class Value:
    path: Path
    names: tuple[str, ...]
    when: datetime


VALUE = Value(Path("a") / "b", ("x", "ü"), datetime(2024, 5, 1, tzinfo=timezone.utc))


def test_the_result_is_text_or_json(capsys):
    Screen().result(VALUE, "user/de-repo:tag\n")
    assert capsys.readouterr() == ("user/de-repo:tag\n", "")
    Screen(as_json=True).result(VALUE, "user/de-repo:tag")
    stdout, stderr = capsys.readouterr()
    assert stdout.count("\n") == 1
    assert json.loads(stdout) == {
        "version": 1,
        "path": "a/b",
        "names": ["x", "ü"],
        "when": "2024-05-01T00:00:00+00:00",
    }
    assert stderr == ""


def test_a_report_is_lines_on_stdout_or_json(capsys):
    Screen().report(VALUE, "[green]✓[/] one", "two\x1b[2J")
    assert capsys.readouterr() == ("✓ one\ntwo␛[2J\n", "")
    Screen(as_json=True).report(VALUE, "one")
    assert json.loads(capsys.readouterr().out)["path"] == "a/b"


def test_a_result_without_text_leaves_stdout_empty(capsys):
    Screen().result({"much": "to say"})
    assert capsys.readouterr() == ("", "")


def test_a_secret_never_becomes_json(capsys):
    with pytest.raises(TypeError):
        Screen(as_json=True).result({"password": SecretStr("hidden")})
    assert "hidden" not in capsys.readouterr().out


def test_text_that_looks_like_an_emoji_is_shown_unchanged(capsys):
    Screen().info("a:x:b")
    Screen().error(BuildError("no such image: A:B:C", hint=":warning:"))
    assert capsys.readouterr().err.splitlines() == [
        "a:x:b",
        "error: no such image: A:B:C",
        "  → :warning:",
    ]


def test_an_error_shows_the_place_the_reason_the_details_and_the_next_step(capsys):
    exc = BuildError(
        "it [red]broke[/]", where="flow.py:3", details="line 1\nline 2\n", hint="fix it"
    )
    Screen().error(exc)
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert stderr.splitlines() == [
        "flow.py:3: error: it [red]broke[/]",
        "  line 1",
        "  line 2",
        "  → fix it",
    ]


def test_with_json_an_error_is_the_result(capsys):
    Screen(as_json=True).error(UsageError("no", code="no-repository", hint="yes", where="--repo"))
    stdout, stderr = capsys.readouterr()
    assert json.loads(stdout) == {
        "version": 1,
        "error": {
            "code": "no-repository",
            "message": "no",
            "hint": "yes",
            "where": "--repo",
            "details": "",
            "exit_code": 2,
        },
    }
    assert stderr.startswith("--repo: error: no")


def test_brackets_in_a_warning_are_not_markup(capsys):
    Screen().warn("[block] has no [/name]")
    assert capsys.readouterr().err == "warning: [block] has no [/name]\n"


# --- text from outside ---------------------------------------------------------------------------

EVIL = "a\x1b[2Jb\x07\x9b1mc\x7f"
"""A file name that clears the screen, rings the bell and switches to bold."""


def control_characters(text):
    return [c for c in text if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0)]


def test_no_control_character_from_outside_reaches_stderr(capsys):
    screen = Screen()
    screen.warn(f"{EVIL} is ignored")
    screen.error(BuildError(EVIL, where=EVIL, hint=EVIL, details=f"{EVIL}\n{EVIL}"))
    screen.info(f"[green]✓[/] {EVIL}")
    screen.bug(ValueError(EVIL))
    with screen.progress() as report:
        for event in (Phase(EVIL), Step(EVIL, 1, 2, cached=True), Output(EVIL)):
            report(event)
    shown = capsys.readouterr().err
    assert control_characters(shown) == []
    assert "warning: a␛[2Jb" in shown


class Terminal(io.StringIO):
    """stdout that is a terminal."""

    def isatty(self):
        return True


def test_a_result_is_printable_in_a_pipe_too_unless_it_is_a_file(capsys, monkeypatch):
    Screen().result({}, EVIL)
    assert control_characters(capsys.readouterr().out) == []
    Screen().result({}, f"{EVIL}\n", exact=True)
    assert capsys.readouterr().out == f"{EVIL}\n"
    stdout = Terminal()
    monkeypatch.setattr("sys.stdout", stdout)
    Screen().result({}, EVIL, exact=True)
    assert control_characters(stdout.getvalue()) == []


def test_json_has_no_control_characters(capsys):
    Screen(as_json=True).result({"path": EVIL})
    stdout = capsys.readouterr().out
    assert control_characters(stdout) == []
    assert json.loads(stdout)["path"] == EVIL
