"""Errors of the command line itself: a message, an exit code, and JSON if it was asked for."""

from __future__ import annotations

import pytest
import typer

from flowship.commands.boundary import after_failure, examples_text, register, run
from flowship.errors import ApiError
from support.commands import one_object


@pytest.mark.parametrize(
    "arguments", [["build", "--tga"], ["-C", "/nope", "build"], ["nonsense"], ["run", "a", "b"]]
)
def test_a_usage_error_is_one_json_object(cli, project, arguments):
    code, stdout, stderr = cli(*arguments, "--json")
    assert code == 2
    error = one_object(stdout)["error"]
    assert error["exit_code"] == 2
    assert error["message"] in stderr
    assert "--help" in error["hint"]


# --- commands made for these tests ---------------------------------------------------------------


def application(body):
    app = typer.Typer()
    register(app, "work", body, ("flowship work",))
    register(app, "other", lambda: None, ("flowship other",))
    return app


def work(monkeypatch, body, *options):
    monkeypatch.setattr("sys.argv", ["flowship", "work", *options])
    return run(application(body))


def raising(exc):
    def body(as_json: bool = typer.Option(False, "--json")) -> None:
        raise exc

    return body


def test_an_expected_failure_ends_with_its_message_and_exit_code(monkeypatch, capsys):
    failure = ApiError("no answer", code="api-unreachable", hint="start it")
    assert work(monkeypatch, raising(failure)) == 7
    assert capsys.readouterr() == ("", "error: no answer\n  → start it\n")
    assert work(monkeypatch, raising(failure), "--json") == 7
    assert one_object(capsys.readouterr().out)["error"]["code"] == "api-unreachable"


def test_an_interrupt_ends_with_130(monkeypatch, capsys):
    assert work(monkeypatch, raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_an_unexpected_failure_is_a_bug_with_its_traceback(monkeypatch, capsys):
    assert work(monkeypatch, raising(KeyError("name")), "--json") == 1
    stdout, stderr = capsys.readouterr()
    assert "Traceback (most recent call last)" in stderr
    assert one_object(stdout)["error"]["code"] == "bug"


def test_what_is_to_hear_of_the_failure_hears_of_it_once(monkeypatch):
    heard = []

    def body(fails: bool = typer.Option(False), listens: bool = typer.Option(False)) -> None:
        if listens:
            after_failure(heard.append)
        if fails:
            raise ApiError("no answer", code="api-unreachable")

    assert work(monkeypatch, body, "--listens") == 0
    assert work(monkeypatch, body, "--fails") == 7
    assert heard == []
    assert work(monkeypatch, body, "--fails", "--listens") == 7
    assert [error.message for error in heard] == ["no answer"]


def test_an_exit_of_the_command_keeps_its_code(monkeypatch):
    assert work(monkeypatch, raising(typer.Exit(5))) == 5


def test_a_command_that_returns_ends_with_0(monkeypatch):
    assert work(monkeypatch, lambda: None) == 0


def test_examples_are_indented_below_their_heading():
    assert examples_text(["a", "b"]) == "\nExamples:\n  a\n  b"
