"""Exceptions that a flow file raises while it is imported, and what the user reads."""

from __future__ import annotations

import pytest

from flowship.errors import BuildError
from flowship.probe.answer import interpret
from flowship.probe.result import Project
from flowship.probe.script import Failure
from support.probing import FLOW, explained

pytestmark = pytest.mark.slow


def test_a_missing_module_names_the_package_and_the_requirements_file(tmp_path):
    (tmp_path / "flow.py").write_text("import yaml_not_here, os\n" + FLOW)
    error = explained(tmp_path, "flow.py:hello", requirements="docker-requirements.txt")
    assert "yaml_not_here" in error.message
    assert error.code == "module-missing"
    assert error.hint == "add yaml_not_here to docker-requirements.txt"
    assert error.where.endswith("flow.py:1")
    assert "import yaml_not_here" in error.details
    assert "importlib" not in error.details


def test_a_module_with_another_package_name_is_reported_under_that_name():
    answer = {
        "failure": Failure.EXCEPTION,
        "type": "ModuleNotFoundError",
        "message": "No module named 'sklearn'",
        "chain": ["ModuleNotFoundError"],
        "traceback": "",
        "module": "sklearn.linear_model",
        "found": [],
    }
    with pytest.raises(BuildError) as caught:
        interpret(answer, Project("flow.py:f"))
    assert "scikit-learn" in caught.value.hint


def test_a_module_that_dockerignore_leaves_out_names_the_line(tmp_path):
    (tmp_path / "flow.py").write_text("import helpers\n" + FLOW)
    error = explained(
        tmp_path, "flow.py:hello", left_out={"helpers.py": ".dockerignore line 3: help*"}
    )
    assert ".dockerignore line 3" in error.hint


def test_a_module_in_another_folder_of_the_project_is_reported_with_its_path(tmp_path):
    (tmp_path / "flow.py").write_text("import helpers\n" + FLOW)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/helpers.py").write_text("")
    error = explained(tmp_path, "flow.py:hello", files=frozenset({"lib/helpers.py"}))
    assert "lib/helpers.py is in the image" in error.hint


def test_a_module_that_is_sent_but_not_copied_names_the_missing_copy(tmp_path):
    (tmp_path / "flow.py").write_text("import helpers.m\n" + FLOW)
    files = frozenset({"flow.py", "helpers/__init__.py", "helpers/m.py"})
    error = explained(tmp_path, "flow.py:hello", files=files)
    assert error.hint.endswith("COPY helpers /opt/prefect/flows/helpers")


def test_a_syntax_error_names_line_and_column(tmp_path):
    (tmp_path / "flow.py").write_text("x = 1\ndef broken(:\n    pass\n")
    error = explained(tmp_path, "flow.py:hello")
    assert "SyntaxError" in error.message
    assert error.code == "flow-syntax-error"
    assert "flow.py:2:" in error.where


def test_a_missing_environment_variable_says_where_to_set_it(tmp_path):
    (tmp_path / "flow.py").write_text("import os\nos.environ['HOME_OF_MINE']\n")
    error = explained(tmp_path, "flow.py:hello")
    assert "HOME_OF_MINE" in error.message
    assert error.code == "environment-variable-missing"
    assert "[probe] env" in error.hint
    assert "[block] env" in error.hint


@pytest.mark.parametrize(
    "line",
    [
        "import urllib.request; urllib.request.urlopen('http://nowhere.invalid/')",
        "import httpx; httpx.get('http://127.0.0.1:9/')",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
    ],
)
def test_a_flow_that_uses_the_network_while_imported_is_recognized(tmp_path, line):
    (tmp_path / "flow.py").write_text(line + "\n" + FLOW)
    error = explained(tmp_path, "flow.py:hello")
    assert "network" in error.message
    assert error.code == "network-during-import"
    assert "[probe]" in error.hint


@pytest.mark.parametrize(
    ("line", "code", "message", "hint"),
    [
        (
            "from ..lib import x",
            "relative-import-failed",
            "above the flow's folder",
            "from lib import",
        ),
        ("from .helpers import x", "module-missing", "no module helpers", "from .helpers"),
    ],
)
def test_an_import_with_dots_is_explained(tmp_path, line, code, message, hint):
    (tmp_path / "flow.py").write_text(f"{line}\n{FLOW}")
    error = explained(tmp_path, "flow.py:hello")
    assert error.code == code
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("entrypoint", "line", "works"),
    [
        ("flows/sub/a.py:hello", "from ..h import z", "from flows.h import z"),
        ("flows/sub/a.py:hello", "from ...lib.h import y, z", "from lib.h import y, z"),
        ("src/acme/jobs/a.py:hello", "from ..util import nice", "from acme.util import nice"),
        ("flows/a.py:hello", "from .. import util", "`import util`"),
    ],
)
def test_an_import_with_two_dots_suggests_one_that_works(tmp_path, entrypoint, line, works):
    file = tmp_path / entrypoint.partition(":")[0]
    file.parent.mkdir(parents=True)
    file.write_text(f"{line}\n{FLOW}")
    assert works in explained(tmp_path, entrypoint).hint


def test_any_other_exception_shows_its_own_traceback(tmp_path):
    (tmp_path / "flow.py").write_text("d = {}\nd['missing']\n")
    error = explained(tmp_path, "flow.py:hello")
    assert "KeyError" in error.message
    assert error.code == "flow-import-failed"
    assert "d['missing']" in error.details
    assert error.where.endswith("flow.py:2")
