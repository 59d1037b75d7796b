"""The file of a module entrypoint is found without importing it."""

from __future__ import annotations

import pytest

from flowship.build_request import prepare_build
from flowship.check import check_build, refuse_missing_flow
from flowship.config import loading
from flowship.errors import ConfigError
from support.projects import FLOW, git, write_files


def prepared(folder, entrypoint, files, more=""):
    config = f'name = "p"\nentrypoint = "{entrypoint}"\nbase-image = "python:3.11"\n{more}'
    write_files(folder, {"app/flowship.toml": config, **dict.fromkeys(files, FLOW)})
    git(folder, "init", "--quiet")
    return prepare_build(loading.load(folder / "app", environ={}))


@pytest.mark.parametrize(
    ("file", "more", "found"),
    [
        ("app/taxi/flows.py", "", "taxi/flows.py"),
        ("app/taxi/flows/__init__.py", "", "taxi/flows/__init__.py"),
        ("app/src/taxi/flows.py", "", "src/taxi/flows.py"),
        ("libs/taxi/flows.py", 'include = ["../libs"]\n', "libs/taxi/flows.py"),
        ("app/taxi/flows.py", 'context = ".."\n', "app/taxi/flows.py"),
        ("elsewhere.py", "", ""),
    ],
)
def test_the_file_of_a_module(tmp_path, file, more, found):
    sent = prepared(tmp_path, "taxi.flows:hello", [file], more)
    assert sent.flow_source("taxi.flows:hello")[0] == found
    refuse_missing_flow(sent)
    assert not check_build(sent).errors


@pytest.mark.parametrize(
    ("entrypoint", "hint"),
    [
        ("taxi.flow:hello", '"taxi.flows:hello"'),
        ("taxy.flows:hello", '"taxi.flows:hello"'),
        ("src.taxi.flowz:hello", "taxi.flows:hello"),
        ("taxi.flows:helo", '"taxi.flows:hello"'),
    ],
)
def test_a_module_or_function_that_is_misspelled(tmp_path, entrypoint, hint):
    sent = prepared(tmp_path, entrypoint, ["app/src/taxi/flows.py"])
    with pytest.raises(ConfigError) as caught:
        refuse_missing_flow(sent)
    assert hint in caught.value.hint
    assert caught.value.where.endswith("flowship.toml:2:1")


def test_a_module_of_a_dependency_is_left_to_the_probe(tmp_path):
    refuse_missing_flow(prepared(tmp_path, "acme.flows:hello", ["app/x.py"]))
