"""What the probe's container printed: the marker, the answer, and the image's own output.

The containers themselves are tested with a real engine in tests/integration/test_image.py.
"""

from __future__ import annotations

import ast

import pytest

from flowship.probe.container import ContainerOutput, script
from flowship.probe.inside.script import STARTED


def test_the_answers_are_the_lines_of_json_after_the_marker():
    stdout = (
        '{"entrypoint": "printed by the ENTRYPOINT"}\n'
        f"{STARTED}\nnoise\n"
        '{"entrypoint": "b.py:b", "flow": 1}\n{"entrypoint": "a.py:a", "failure": "waiting"}\n'
    )
    output = ContainerOutput(0, stdout, "")
    assert output.started
    assert output.answers == {"b.py:b": {"flow": 1}, "a.py:a": {"failure": "waiting"}}


@pytest.mark.parametrize(
    "stdout", ["", "hello\n", '{"entrypoint": "a.py:a"}\n', f"# {STARTED}\n{{}}\n"]
)
def test_without_the_marker_there_is_no_answer(stdout):
    output = ContainerOutput(0, stdout, "")
    assert not output.started
    assert output.answers == {}


def test_a_script_that_ends_early_has_started_without_an_answer():
    output = ContainerOutput(139, f"{STARTED}\n", "")
    assert output.started
    assert output.answers == {}


def test_stderr_explains_a_failure_and_stdout_only_if_stderr_is_empty():
    assert ContainerOutput(1, "out", "err").text == "err"
    assert ContainerOutput(1, "out", "").text == "out"


def test_the_files_of_the_script_are_for_python_3_9_too_and_import_nothing_of_flowship():
    files = script("/probe")
    assert {"/probe/__main__.py", "/probe/flowship_probe/script.py"} < files.keys()
    for path, text in files.items():
        tree = ast.parse(text, path, feature_version=(3, 9))
        names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        names += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        assert not [n for n in names if n.partition(".")[0] == "flowship"], path
