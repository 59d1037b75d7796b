"""The credentials of `flowship login`: given, piped in, or missing."""

from __future__ import annotations

import io

import pytest

from flowship.errors import UsageError
from flowship.output.prompts import ask_credentials, confirm


class Pipe(io.StringIO):
    """stdin that is not a terminal."""


def test_a_password_is_read_from_a_pipe_without_its_newline(monkeypatch):
    monkeypatch.setattr("sys.stdin", Pipe("a word with spaces \r\n"))
    user, password = ask_credentials("ada", from_stdin=True)
    assert (user, password.get_secret_value()) == ("ada", "a word with spaces ")


@pytest.mark.parametrize(
    ("stdin", "reason"),
    [
        (Pipe(""), "no password given"),
        (Pipe("\n"), "no password given"),
        (Pipe("\udcff\udcfe"), "not valid UTF-8"),
        (io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), "utf-8"), "not valid UTF-8"),
        (None, "no password given"),
    ],
)
def test_an_invalid_password_on_stdin_is_refused(monkeypatch, stdin, reason):
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(UsageError, match=reason):
        ask_credentials("ada", from_stdin=True)


@pytest.mark.parametrize(
    ("username", "from_stdin", "place"),
    [(None, True, "--username"), (None, False, "--username"), ("ada", False, "--password-stdin")],
)
def test_without_a_terminal_missing_credentials_are_an_error(
    monkeypatch, username, from_stdin, place
):
    monkeypatch.setattr("sys.stdin", Pipe(""))
    with pytest.raises(UsageError) as caught:
        ask_credentials(username, from_stdin=from_stdin)
    assert caught.value.where == place
    assert caught.value.hint


class Terminal(io.StringIO):
    """stdin that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "agreed"),
    [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False), ("yy\n", False)],
)
def test_only_an_explicit_yes_is_a_yes(monkeypatch, typed, agreed):
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    assert confirm("Break it?") is agreed


@pytest.mark.parametrize("stdin", [Pipe("y\n"), None])
def test_without_a_terminal_nothing_is_agreed_to(monkeypatch, stdin):
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(UsageError) as caught:
        confirm("Break it?")
    assert caught.value.code == "confirmation-required"
