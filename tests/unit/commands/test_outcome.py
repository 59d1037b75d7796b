"""What a command does when its result is out and something failed."""

from __future__ import annotations

import pytest
import typer

from flowship.commands.outcome import exit_on
from flowship.errors import RunFailedError
from flowship.output.console import Screen


def test_without_an_error_nothing_happens(capsys):
    exit_on(None, Screen())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("as_json", [False, True])
def test_an_error_is_shown_on_stderr_only_and_sets_the_exit_code(capsys, as_json):
    with pytest.raises(typer.Exit) as caught:
        exit_on(RunFailedError("the run failed", hint="see its page"), Screen(as_json=as_json))
    assert caught.value.exit_code == 8
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert "error: the run failed" in stderr
    assert "see its page" in stderr
