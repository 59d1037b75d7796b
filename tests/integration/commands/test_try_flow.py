"""`flowship try`: what it refuses before anything is built."""

from __future__ import annotations

import json

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


def test_a_name_that_is_not_there_is_called_by_its_argument(cli, tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    write(folder, "python:3.11", more=TWO)
    done = cli("try", "--offline", "nightli", cwd=folder)
    assert "DEPLOYMENT: error: no deployment is named" in done.stderr


def test_a_secret_without_a_value_is_reported_before_the_build(cli, tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    write(folder, "python:3.11", more='[block]\nsecrets = ["API_TOKEN"]\n')
    env = {"DOCKER_HOST": "tcp://127.0.0.1:9"}  # an engine would be an error of its own
    done = cli("try", "--offline", "--json", cwd=folder, env=env)
    assert done.code == 3, done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "secret-not-found"
