"""Whether a file has the function that an entrypoint names."""

from __future__ import annotations

import pytest

from flowship.config import loading
from flowship.errors import ConfigError
from flowship.project import entry_function
from support.projects import FLOW, write


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "trips"
    folder.mkdir()
    return folder


def refuse(folder, function):
    settings = loading.load(folder, environ={})
    entry_function.require(settings, f"flow.py:{function}", "flow.py", folder / "flow.py")


def test_a_function_whose_name_is_nowhere_in_the_file_is_refused_with_the_nearest_flow(project):
    write(project, "python:3.11", {"other.py": FLOW.replace("hello", "hallo")})
    with pytest.raises(ConfigError) as caught:
        refuse(project, "hallo")
    assert caught.value.message == "flow.py has no flow named hallo"
    assert caught.value.code == "flow-not-found"
    assert caught.value.hint == 'did you mean entrypoint = "flow.py:hello"?'
    assert caught.value.details == "flows in that file: hello"
    with pytest.raises(ConfigError) as caught:
        refuse(project, "zzz")
    assert "choose one of its flows" in caught.value.hint
    (project / "flow.py").write_text("def hell(): pass\n")
    with pytest.raises(ConfigError) as caught:
        refuse(project, "hello")
    assert caught.value.hint.startswith("decorate the function in flow.py with @flow")


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("from jobs import *\n", "hello"),
        ("from jobs import hello\n", "hello"),
        ("globals()[f'hel{x}'] = 1\n", "hello"),
        ("hello = flow(run)\n", "hello"),
        ("class Jobs:\n    def run(): pass\n", "Jobs.run"),
        ("# -*- coding: latin-1 -*-\ndef hello(): 'caf\xe9'\n", "hello"),
        ("def broken(:\n", "broken"),
        ("\ufb01ve = 1\n", "five"),
    ],
)
def test_a_function_that_the_file_may_define_is_left_to_the_probe(project, text, function):
    write(project, "python:3.11")
    (project / "flow.py").write_bytes(text.encode("latin-1" if "latin" in text else "utf-8"))
    refuse(project, function)
