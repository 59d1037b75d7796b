"""`flowship try`: what it refuses before anything is built."""

from __future__ import annotations

import pytest

from support.projects import write

TWO = '[[deployments]]\nname = "nightly"\n[[deployments]]\nname = "weekly"\n'


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nightli",), 'did you mean "nightly"?'),
        ((), "nightly, weekly"),
        (("nightly", "--param", "x"), "key=value"),
        (("",), "is empty"),
    ],
)
def test_a_wrong_call_is_refused_at_once(cli, tmp_path, arguments, words):
    folder = tmp_path / "p"
    folder.mkdir()
    write(folder, "python:3.11", more=TWO)
    done = cli("try", "--offline", *arguments, cwd=folder)
    assert done.code == 2
    assert words in done.stderr
