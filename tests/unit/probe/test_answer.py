"""The answer of the script in the image, explained to a data engineer."""

from __future__ import annotations

import pytest

from flowship.errors import BuildError
from flowship.probe.answer import EXPLANATIONS, interpret
from flowship.probe.inside.failures import Failure
from flowship.probe.result import ProbeResult, Project
from support.probing import FLOW, ask, explained

pytestmark = pytest.mark.slow


def test_every_failure_has_its_explanation():
    assert set(EXPLANATIONS) == set(Failure)


def test_a_flow_that_loads_reports_its_name_parameters_and_versions(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    result = interpret(ask(tmp_path, "flow.py:hello"), Project("flow.py:hello"))
    assert (result.flow_name, result.description) == ("named", "What it does.")
    assert result.parameters["required"] == ["name"]
    assert result.parameters["properties"]["times"]["default"] == 2
    assert result.prefect.startswith("3.")
    assert ProbeResult.from_json(result.to_json()) == result


def test_a_prefect_2_that_cannot_be_imported_points_to_its_version():
    answer = {"failure": Failure.PREFECT_MISSING, "version": "2.10.0", "traceback": "…"}
    with pytest.raises(BuildError, match=r"2\.10\.0 is installed") as caught:
        interpret(answer, Project("flow.py:f"))
    assert "Prefect 3" in caught.value.hint
    assert caught.value.code == "prefect-import-failed"


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (
            {"failure": "prefect-missing", "version": "", "traceback": "…"},
            "prefect-missing",
            "not installed",
        ),
        ({"failure": "prefect-too-old", "prefect": "2.20.1"}, "prefect-too-old", "Prefect 2.20.1"),
    ],
)
def test_an_image_without_prefect_3_is_refused(answer, code, message):
    with pytest.raises(BuildError, match=message) as caught:
        interpret(answer, Project("flow.py:f"))
    assert caught.value.code == code


def test_a_renamed_flow_suggests_the_closest_flow_in_the_file(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    error = explained(tmp_path, "flow.py:helo")
    assert "no flow named helo" in error.message
    assert error.code == "flow-not-found"
    assert 'did you mean entrypoint = "flow.py:hello"?' in error.hint


def test_a_name_that_resembles_no_flow_lists_one_without_guessing(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    error = explained(tmp_path, "flow.py:nightly_export")
    assert "did you mean" not in error.hint
    assert "flow.py:hello" in error.hint


def test_a_function_without_the_decorator_suggests_it(tmp_path):
    (tmp_path / "flow.py").write_text("def hello():\n    pass\n")
    assert "@flow" in explained(tmp_path, "flow.py:hello").hint


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


def test_a_method_is_refused_and_a_static_method_is_accepted(tmp_path):
    (tmp_path / "flow.py").write_text(METHODS)
    error = explained(tmp_path, "flow.py:K.method")
    assert "`self`" in error.message
    assert error.code == "flow-is-method"
    assert "flow" in ask(tmp_path, "flow.py:K.static")


def test_a_flow_file_that_is_a_broken_link_is_reported_as_one(tmp_path):
    (tmp_path / "flow.py").symlink_to("../elsewhere/flow.py")
    error = explained(tmp_path, "flow.py:hello")
    assert error.where.endswith("flow.py")
    assert "the file is a symbolic link to ../elsewhere/flow.py" in error.message


def test_a_module_that_is_a_broken_link_is_reported_as_one(tmp_path):
    (tmp_path / "flow.py").write_text("import helpers\n" + FLOW)
    (tmp_path / "helpers.py").symlink_to("../elsewhere.py")
    error = explained(tmp_path, "flow.py:hello", files=frozenset({"flow.py", "helpers.py"}))
    assert error.where.endswith("helpers.py")
    assert "the file is a symbolic link to ../elsewhere.py" in error.message
    assert error.code == "broken-link"


def test_a_wrong_path_suggests_the_closest_file(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    error = explained(tmp_path, "flows/flow.py:hello", files=frozenset({"flow.py"}))
    assert error.code == "flow-file-missing"
    assert 'entrypoint = "flow.py:hello"' in error.hint


def test_a_flow_file_that_dockerignore_leaves_out_names_the_line(tmp_path):
    error = explained(tmp_path, "flow.py:hello", left_out={"flow.py": ".dockerignore line 1: *.py"})
    assert ".dockerignore line 1" in error.hint


def test_a_flow_file_that_the_dockerfile_does_not_copy_names_the_copy(tmp_path):
    (tmp_path / "other.py").touch()
    error = explained(tmp_path, "jobs/nowhere-else.py:f", files=frozenset({"jobs/nowhere-else.py"}))
    assert error.hint == (
        "copy it there: COPY jobs/nowhere-else.py /opt/prefect/flows/jobs/nowhere-else.py"
    )
    assert error.details == "/opt/prefect/flows contains: other.py"


def test_a_flow_file_that_does_not_exist_asks_to_correct_the_entrypoint(tmp_path):
    error = explained(tmp_path, "nightly.py:f", files=frozenset({"README"}))
    assert error.hint == "the project has no file nightly.py: correct the entrypoint"


def test_a_missing_flows_folder_says_what_to_copy(tmp_path):
    error = explained(tmp_path / "nowhere", "flow.py:hello")
    assert error.code == "flows-folder-missing"
    assert "COPY . /opt/prefect/flows/" in error.hint


def test_a_decorator_above_flow_is_named(tmp_path):
    source = (
        "from prefect import flow\nimport functools\ndef timed(f):\n"
        "    return functools.wraps(f)(lambda *a: f(*a))\n@timed\n@flow(name='x')\n"
        "def hello(): pass\n"
    )
    (tmp_path / "flow.py").write_text(source)
    error = explained(tmp_path, "flow.py:hello")
    assert error.code == "flow-wrapped"
    assert error.where == "flow.py:5"
    assert "move @flow above @timed" in error.hint


def test_a_file_that_the_images_user_may_not_read_is_named():
    answer = {"failure": Failure.FILE_UNREADABLE, "path": "/opt/prefect/flows/a.py", "user": "app"}
    with pytest.raises(BuildError) as caught:
        interpret(answer, Project("a.py:f"))
    assert caught.value.code == "flow-file-unreadable"
    assert "app, may not read /opt/prefect/flows/a.py" in caught.value.message
