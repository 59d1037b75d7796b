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


# --- the name of a flow --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decorator", "name"),
    [
        ("@flow", "nightly-load"),
        ("@flow()", "nightly-load"),
        ("@flow(log_prints=True)", "nightly-load"),
        ('@flow(name="Taxi trips")', "Taxi trips"),
        ('@prefect.flow(retries=2, name="Taxi trips")', "Taxi trips"),
        ('@other\n@flow(name="Taxi trips")', "Taxi trips"),
        ("@flow(name=NAME)", None),
        ('@flow(name=f"taxi-{1}")', None),
        ("@flow(**options)", None),
        ("@other", None),
    ],
)
def test_the_name_of_a_flow_is_read_from_its_decorator(tmp_path, decorator, name):
    path = tmp_path / "flow.py"
    path.write_text(f"{decorator}\ndef nightly_load(): ...\n")
    assert entry_function.registered_name("flow.py:nightly_load", path) == name


def test_the_last_definition_counts_and_a_static_method_is_found(tmp_path):
    path = tmp_path / "flow.py"
    path.write_text(
        '@flow(name="a")\ndef f(): ...\n@flow(name="b")\ndef f(): ...\n'
        'class C:\n    @staticmethod\n    @flow(name="c")\n    def g(): ...\n'
    )
    assert entry_function.registered_name("flow.py:f", path) == "b"
    assert entry_function.registered_name("flow.py:C.g", path) == "c"
    assert entry_function.registered_name("flow.py:missing", path) is None
