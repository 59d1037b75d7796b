"""What passes to the two streams, and how."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pydantic import SecretStr
from rich.console import Console

from flowship.errors import BuildError, UsageError
from flowship.events import Output, Phase, Step, Transfer
from flowship.output import console
from flowship.output.console import Screen


@dataclass(frozen=True)
class Value:
    path: Path
    names: tuple[str, ...]
    when: datetime


VALUE = Value(Path("a") / "b", ("x", "ü"), datetime(2024, 5, 1, tzinfo=timezone.utc))


def test_the_result_is_text_or_else_json(capsys):
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


def test_a_result_without_text_leaves_stdout_empty(capsys):
    Screen().result({"much": "to say"})
    assert capsys.readouterr() == ("", "")


def test_a_secret_never_becomes_json(capsys):
    with pytest.raises(TypeError):
        Screen(as_json=True).result({"password": SecretStr("hidden")})
    assert "hidden" not in capsys.readouterr().out


def test_what_looks_like_an_emoji_s_name_is_told_as_it_is(capsys):
    Screen().info("a:x:b")
    Screen().error(BuildError("no such image: A:B:C", hint=":warning:"))
    assert capsys.readouterr().err.splitlines() == [
        "a:x:b",
        "error: no such image: A:B:C",
        "  → :warning:",
    ]


def test_an_error_names_the_place_the_reason_the_details_and_the_next_step(capsys):
    exc = BuildError("it [red]broke[/]", where="flow.py:3", details="line 1\nline 2\n", hint="mend")
    Screen().error(exc)
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert stderr.splitlines() == [
        "flow.py:3: error: it [red]broke[/]",
        "  line 1",
        "  line 2",
        "  → mend",
    ]


def test_an_error_is_the_result_where_that_is_json(capsys):
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


def test_warnings_show_brackets_as_they_are(capsys):
    Screen().warn("[block] has no [/name]")
    assert capsys.readouterr().err == "warning: [block] has no [/name]\n"


EVENTS = [
    Phase("sending 2 files"),
    Step("COPY [a] b", 1, 3, cached=True),
    Step("RUN x", 2, 3),
    Output("[bold]done[/] 10%"),
    Transfer("aaa", "Pushing", 10, 100),
    Transfer("aaa", "Pushed", 100, 100),
    Transfer("bbb", "Layer already exists"),
    Transfer("ccc", "Preparing"),
]


def test_progress_off_a_terminal_is_a_line_for_each_thing_that_happened(capsys):
    with Screen().progress() as report:
        for event in EVENTS:
            report(event)
    assert capsys.readouterr() == (
        "",
        "• sending 2 files\n"
        "  [1/3] COPY [a] b  (cached)\n"
        "  [2/3] RUN x\n"
        "      [bold]done[/] 10%\n"
        "  aaa: Pushed\n"
        "  bbb: Layer already exists\n",
    )


@pytest.fixture
def terminal(monkeypatch):
    """A screen on a terminal of 60 columns, and what that terminal was sent."""
    screen, shown = Screen(), io.StringIO()
    console = Console(
        file=shown, force_terminal=True, width=60, height=20, highlight=False, _environ={}
    )
    monkeypatch.setattr(screen, "_story", console)
    return screen, shown


def draw(screen, events):
    with screen.progress() as report:
        for event in events:
            report(event)
            report._live.refresh()  # else what is drawn depends on the clock


def test_progress_on_a_terminal_shows_the_step_its_last_lines_and_the_layers(terminal):
    screen, shown = terminal
    draw(screen, EVENTS)
    for text in ("[2/3] RUN x", "[bold]done[/] 10%", "0.0 MB", "Pushed", "COPY [a] b"):
        assert text in shown.getvalue()
    assert shown.getvalue().count("• sending 2 files") == 1


def test_long_lines_are_cut_on_a_terminal_and_many_layers_do_no_harm(terminal):
    screen, shown = terminal
    events = [Step("RUN " + "x" * 500, 1, 1), *(Output("y" * 500) for _ in range(50))]
    draw(screen, [*events, *(Transfer(f"layer{i}", "Pushing", i, 100) for i in range(100))])
    assert "x" * 20 in shown.getvalue()
    assert "x" * 61 not in shown.getvalue()
    assert "y" * 61 not in shown.getvalue()


def test_progress_that_breaks_off_gives_the_cursor_back(terminal):
    screen, shown = terminal

    def broken():
        yield EVENTS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(screen, broken())
    assert shown.getvalue().rindex("\x1b[?25h") > shown.getvalue().rindex("\x1b[?25l")


class Pipe(io.StringIO):
    """stdin that is no terminal."""


def test_credentials_are_read_from_a_pipe_without_its_line_end(monkeypatch):
    monkeypatch.setattr("sys.stdin", Pipe("a word with spaces \r\n"))
    user, password = console.ask_credentials("ada", from_stdin=True)
    assert (user, password.get_secret_value()) == ("ada", "a word with spaces ")


@pytest.mark.parametrize(
    ("stdin", "reason"),
    [
        (Pipe(""), "no password is given"),
        (Pipe("\n"), "no password is given"),
        (Pipe("\udcff\udcfe"), "no UTF-8 text"),
        (io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), "utf-8"), "no UTF-8 text"),
        (None, "no password is given"),
    ],
)
def test_what_is_no_password_is_refused(monkeypatch, stdin, reason):
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(UsageError, match=reason):
        console.ask_credentials("ada", from_stdin=True)


@pytest.mark.parametrize(
    ("username", "from_stdin", "place"),
    [(None, True, "--username"), (None, False, "--username"), ("ada", False, "--password-stdin")],
)
def test_without_a_terminal_what_is_missing_is_an_error(monkeypatch, username, from_stdin, place):
    monkeypatch.setattr("sys.stdin", Pipe(""))
    with pytest.raises(UsageError) as caught:
        console.ask_credentials(username, from_stdin=from_stdin)
    assert caught.value.where == place
    assert caught.value.hint
