"""What the image answers, told to a data engineer. The answers are the real script's own."""

from __future__ import annotations

import pytest

from flowship.deployment import parameters
from flowship.errors import BuildError, ConfigError
from flowship.probe.result import ProbeResult, Project, crashed, interpret
from support.probing import ask, unusual


def explained(folder, entrypoint, **project) -> BuildError:
    with pytest.raises(BuildError) as caught:
        interpret(ask(folder, entrypoint), Project(entrypoint, **project))
    return caught.value


FLOW = """
from prefect import flow
print("noise on stdout")

@flow(name="named", description="What it does.")
def hello(name: str, times: int = 2):
    pass
"""


def test_a_flow_that_loads_tells_its_name_its_parameters_and_the_versions(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    result = interpret(ask(tmp_path, "flow.py:hello"), Project("flow.py:hello"))
    assert (result.flow_name, result.description) == ("named", "What it does.")
    assert result.parameters["required"] == ["name"]
    assert result.parameters["properties"]["times"]["default"] == 2
    assert result.prefect.startswith("3.")
    assert ProbeResult.from_json(result.to_json()) == result


def test_nobody_must_give_variadic_parameters_and_keywords_are_a_table(tmp_path):
    source = FLOW.replace("times: int = 2", "*sizes: int, unit='kg', **notes: float")
    (tmp_path / "flow.py").write_text(source)
    result = interpret(ask(tmp_path, "flow.py:hello"), Project("flow.py:hello"))
    known = result.parameters["properties"]
    assert (list(known), result.parameters["required"]) == (["name", "unit", "notes"], ["name"])
    assert known["notes"]["default"] == {}
    given = {"notes": {"weight": 1.5}}
    assert parameters.resolve(result.parameters, given) == given
    for wrong in ({"notes": {"weight": "heavy"}}, {"sizes": [1]}):
        with pytest.raises(ConfigError):
            parameters.resolve(result.parameters, wrong)


def test_what_no_server_stores_is_left_out_of_the_schema_and_stays_optional(tmp_path):
    result = unusual(tmp_path)
    known = result.parameters["properties"]
    about = ("default", "minimum", "maximum", "examples", "pattern", "patternProperties")
    assert {n: {k: v for k, v in known[n].items() if k in about} for n in known} == {
        "limit": {},
        "share": {"default": 0.5, "minimum": 0},
        "steps": {"default": 2},
        "limits": {},
        "name": {"default": "a"},
        "code": {"default": "a", "pattern": "^[a-z]+$"},
        "notes": {"default": {}, "patternProperties": {}},
    }
    limits = result.parameters["definitions"]["Limits"]["properties"]
    assert {n: "default" in limits[n] for n in limits} == {
        "low": False, "pattern": True, "default": False,
    }  # fmt: skip
    assert parameters.missing(result.parameters, {}) == ()


def test_siblings_and_modules_at_the_root_are_imported_as_on_the_laptop(tmp_path):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/sibling.py").write_text("A = 1\n")
    (tmp_path / "common.py").write_text("B = 1\n")
    (tmp_path / "flows/main.py").write_text("import sibling, common\n" + FLOW)
    assert "flow" in ask(tmp_path, "flows/main.py:hello")


def test_a_missing_module_says_what_to_add_where(tmp_path):
    (tmp_path / "flow.py").write_text("import yaml_not_here, os\n" + FLOW)
    error = explained(tmp_path, "flow.py:hello", requirements="docker-requirements.txt")
    assert "yaml_not_here" in error.message
    assert error.hint == "add yaml_not_here to docker-requirements.txt"
    assert error.where.endswith("flow.py:1")
    assert "import yaml_not_here" in error.details
    assert "importlib" not in error.details


def test_a_module_known_under_another_name_is_told_by_that_name(tmp_path):
    answer = {
        "failure": "exception",
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


def test_a_module_of_the_project_that_was_ignored_is_told_so(tmp_path):
    (tmp_path / "flow.py").write_text("import helpers\n" + FLOW)
    error = explained(
        tmp_path, "flow.py:hello", left_out={"helpers.py": ".dockerignore line 3: help*"}
    )
    assert ".dockerignore line 3" in error.hint


def test_a_module_that_lies_elsewhere_in_the_project_is_told_so(tmp_path):
    (tmp_path / "flow.py").write_text("import helpers\n" + FLOW)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/helpers.py").write_text("")
    error = explained(tmp_path, "flow.py:hello", files=frozenset({"lib/helpers.py"}))
    assert "lib/helpers.py is in the image" in error.hint


def test_a_module_that_was_sent_and_never_copied_is_told_with_the_missing_copy(tmp_path):
    (tmp_path / "flow.py").write_text("import helpers.m\n" + FLOW)
    files = frozenset({"flow.py", "helpers/__init__.py", "helpers/m.py"})
    error = explained(tmp_path, "flow.py:hello", files=files)
    assert error.hint.endswith("COPY helpers /opt/prefect/flows/helpers")


def test_a_module_that_is_a_link_to_nowhere_is_told_as_one(tmp_path):
    (tmp_path / "flow.py").write_text("import helpers\n" + FLOW)
    (tmp_path / "helpers.py").symlink_to("../elsewhere.py")
    error = explained(tmp_path, "flow.py:hello", files=frozenset({"flow.py", "helpers.py"}))
    assert "helpers.py is a link to ../elsewhere.py" in error.message


def test_a_prefect_that_is_there_and_does_not_import_is_not_told_to_be_added(tmp_path):
    answer = {"failure": "no-prefect", "version": "2.10.0", "traceback": "…"}
    with pytest.raises(BuildError, match=r"2\.10\.0 is in the image") as caught:
        interpret(answer, Project("flow.py:f"))
    assert "Prefect 3" in caught.value.hint


def test_a_syntax_error_names_line_and_column(tmp_path):
    (tmp_path / "flow.py").write_text("x = 1\ndef broken(:\n    pass\n")
    error = explained(tmp_path, "flow.py:hello")
    assert "SyntaxError" in error.message
    assert "flow.py:2:" in error.where


def test_a_renamed_flow_names_the_flows_that_are_there(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    error = explained(tmp_path, "flow.py:helo")
    assert "no flow called helo" in error.message
    assert 'did you mean entrypoint = "flow.py:hello"?' in error.hint


def test_a_name_that_is_near_none_of_the_flows_is_not_guessed(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    error = explained(tmp_path, "flow.py:nightly_export")
    assert "did you mean" not in error.hint
    assert "flow.py:hello" in error.hint


METHODS = """
from prefect import flow

class K:
    @flow
    def method(self, a: int = 1):
        pass

    @staticmethod
    @flow
    def static(a: int = 1):
        pass
"""


def test_a_flow_that_needs_an_instance_is_refused_and_a_static_one_is_not(tmp_path):
    (tmp_path / "flow.py").write_text(METHODS)
    assert "`self`" in explained(tmp_path, "flow.py:K.method").message
    assert "flow" in ask(tmp_path, "flow.py:K.static")


def test_a_link_that_points_outside_what_was_sent_is_told_as_one(tmp_path):
    (tmp_path / "flow.py").symlink_to("../elsewhere/flow.py")
    error = explained(tmp_path, "flow.py:hello")
    assert "flow.py is a link to ../elsewhere/flow.py" in error.message


def test_a_variable_that_is_missing_while_imported_says_where_to_set_it(tmp_path):
    (tmp_path / "flow.py").write_text("import os\nos.environ['HOME_OF_MINE']\n")
    error = explained(tmp_path, "flow.py:hello")
    assert "HOME_OF_MINE" in error.message
    assert "[probe] env" in error.hint
    assert "[block] env" in error.hint


def test_a_plain_function_is_told_to_be_decorated(tmp_path):
    (tmp_path / "flow.py").write_text("def hello():\n    pass\n")
    assert "@flow" in explained(tmp_path, "flow.py:hello").hint


def test_a_wrong_path_offers_the_file_that_was_meant(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    error = explained(tmp_path, "flows/flow.py:hello", files=frozenset({"flow.py"}))
    assert 'entrypoint = "flow.py:hello"' in error.hint


def test_a_file_that_was_ignored_is_told_with_its_line(tmp_path):
    error = explained(tmp_path, "flow.py:hello", left_out={"flow.py": ".dockerignore line 1: *.py"})
    assert ".dockerignore line 1" in error.hint


def test_a_missing_folder_says_what_to_copy_where(tmp_path):
    error = explained(tmp_path / "nowhere", "flow.py:hello")
    assert "COPY . /opt/prefect/flows/" in error.hint


def test_a_flow_file_that_exits_is_explained_not_obeyed(tmp_path):
    (tmp_path / "flow.py").write_text("import sys\nsys.exit(0)\n")
    assert "SystemExit" in explained(tmp_path, "flow.py:hello").message


@pytest.mark.parametrize(
    "line",
    [
        "import urllib.request; urllib.request.urlopen('http://nowhere.invalid/')",
        "import httpx; httpx.get('http://127.0.0.1:9/')",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
    ],
)
def test_a_flow_that_needs_the_network_while_imported_is_recognised(tmp_path, line):
    (tmp_path / "flow.py").write_text(line + "\n" + FLOW)
    error = explained(tmp_path, "flow.py:hello")
    assert "network" in error.message
    assert "[probe]" in error.hint


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("from ..lib import x", "above the flow's folder", "from lib import"),
        ("from .helpers import x", "no helpers beside", "from .helpers"),
    ],
)
def test_an_import_with_dots_is_explained(tmp_path, line, message, hint):
    (tmp_path / "flow.py").write_text(f"{line}\n{FLOW}")
    error = explained(tmp_path, "flow.py:hello")
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
def test_an_import_with_two_dots_is_answered_with_one_that_works(tmp_path, entrypoint, line, works):
    file = tmp_path / entrypoint.partition(":")[0]
    file.parent.mkdir(parents=True)
    file.write_text(f"{line}\n{FLOW}")
    assert works in explained(tmp_path, entrypoint).hint


def test_any_other_exception_shows_its_own_traceback(tmp_path):
    (tmp_path / "flow.py").write_text("d = {}\nd['missing']\n")
    error = explained(tmp_path, "flow.py:hello")
    assert "KeyError" in error.message
    assert "d['missing']" in error.details
    assert error.where.endswith("flow.py:2")


@pytest.mark.parametrize(
    ("code", "output", "word"),
    [
        (137, "", "memory"),
        (127, 'exec: "python": executable file not found', "no `python`"),
        (127, "[FATAL tini (7)] exec python failed: No such file or directory", "no `python`"),
    ],
)
def test_a_probe_that_crashed_says_why(code, output, word):
    assert word in crashed(code, output).message


@pytest.mark.parametrize(("code", "word"), [(3, "exit code 3"), (139, "signal 11")])
def test_a_flow_that_ends_the_process_is_told_as_that(code, word):
    error = crashed(code, "", file="flow.py", started=True)
    assert word in error.message
    assert error.where == "flow.py"
    assert "--no-probe" not in error.hint
