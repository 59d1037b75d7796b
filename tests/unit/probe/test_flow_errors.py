"""Exceptions that a flow file raises while it is imported, and what the user reads."""

from __future__ import annotations

import pytest

from flowship.errors import BuildError
from flowship.probe.answer import interpret
from flowship.probe.inside.failures import Failure
from flowship.probe.result import Project
from support.probing import FLOW, ask, explained

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


SETTINGS = """
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    model_config = {"env_prefix": "APP_"}
    host: str
    port: int
    name: str = "x"
"""


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ("int(os.getenv('NOT_HERE'))", "NOT_HERE"),
        ("X = os.getenv('NOT_HERE')\nY = [\n  a for a in X.split(',')]", "NOT_HERE"),
        ("int(os.environ.get('NOT_HERE', ''))", "NOT_HERE"),
        ("from os import environ\nenviron['NOT_HERE']", "NOT_HERE"),
        (f"{SETTINGS}\nSettings()", "APP_HOST and APP_PORT"),
    ],
)
def test_a_variable_is_named_however_it_is_read(tmp_path, lines, names):
    (tmp_path / "flow.py").write_text(f"import os\n{lines}\n{FLOW}")
    error = explained(tmp_path, "flow.py:hello")
    assert error.code == "environment-variable-missing"
    assert f" {names} while" in error.message
    assert f"[probe] env = {{ {names.split()[0]} = " in error.hint


@pytest.mark.parametrize(
    "line",
    [
        "from prefect.blocks.system import Secret; Secret.load('x')",
        "from prefect.variables import Variable; Variable.get('x', default=1)",
        "from prefect import task; task(lambda: 1)()",
    ],
)
def test_what_needs_the_api_is_reported_in_seconds_with_its_cure(tmp_path, line):
    (tmp_path / "flow.py").write_text(f"{line}\n{FLOW}")
    error = explained(tmp_path, "flow.py:hello")
    assert error.code == "network-during-import"
    assert "Prefect API" in error.message
    assert "PREFECT_API_URL" in error.hint
    assert error.where.endswith("flow.py:1")


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("hello('a')", "hello()"),
        ("try: hello('a')\nexcept BaseException: pass", "hello()"),
        ("hello.with_options(name='b')('a')", "hello()"),
        ("hello.serve(name='x')", "hello.serve()"),
        ("from prefect import serve; serve(hello.to_deployment('x'))", "serve()"),
    ],
)
def test_a_flow_that_is_called_during_the_import_does_not_run(tmp_path, call, named):
    (tmp_path / "flow.py").write_text(f"{FLOW.replace('pass', 'print(1 / 0)')}\n{call}\n")
    error = explained(tmp_path, "flow.py:hello")
    assert error.code == "flow-called-during-import"
    assert f"calls {named} while" in error.message
    assert "__main__" in error.hint


@pytest.mark.parametrize(
    ("line", "code", "hint"),
    [
        ("from prefect import get_run_logger; get_run_logger()", "run-context-missing",
         "logging.getLogger"),
        ("import argparse; argparse.ArgumentParser().parse_args()", "arguments-read-during-import",
         "__main__"),
        ("open('/data/x/y.csv', 'w')", "file-missing-during-import", "mkdir(parents=True"),
        ("open('/proc/1/root/x') if 0 else (_ for _ in ()).throw(PermissionError(13, 'no', '/x'))",
         "file-access-denied", "/tmp"),
        ("from prefect.deployments import Deployment", "prefect-2-code", "for Prefect 3"),
        ("import sqlite3; sqlite3.connect('/not/here/x.db')", "flow-import-failed",
         "correct that line"),
    ],
)  # fmt: skip
def test_frequent_mistakes_at_the_top_of_a_file_have_their_cure(tmp_path, line, code, hint):
    (tmp_path / "flow.py").write_text(f"{line}\n{FLOW}")
    error = explained(tmp_path, "flow.py:hello")
    assert (error.code, hint in error.hint) == (code, True)
    assert error.where.endswith("flow.py:1")


def test_a_file_that_was_not_sent_is_named_with_the_line_that_leaves_it_out(tmp_path):
    (tmp_path / "flow.py").write_text(f"open('data.csv')\n{FLOW}")
    error = explained(tmp_path, "flow.py:hello", left_out={"data.csv": ".dockerignore line 2"})
    assert error.code == "file-missing-during-import"
    assert "!data.csv" in error.hint


def test_a_flow_that_still_loads_when_the_time_is_up_shows_its_own_line(tmp_path):
    (tmp_path / "flow.py").write_text(f"import time\n\ntime.sleep(60)\n{FLOW}")
    with pytest.raises(BuildError) as caught:
        interpret(ask(tmp_path, "flow.py:hello", seconds=15), Project("flow.py:hello"))
    assert caught.value.code == "probe-timed-out"
    assert caught.value.where.endswith("flow.py:3")
    assert "time.sleep(60)" in caught.value.details


def test_a_wait_for_a_server_is_known_by_the_modules_that_wait():
    answer = {"failure": Failure.WAITING, "modules": ["__prefect_loader__", "psycopg.waiting"]}
    with pytest.raises(BuildError) as caught:
        interpret({**answer, "traceback": ""}, Project("flow.py:f"))
    assert "for a server" in caught.value.message
    assert "network = true" in caught.value.hint
