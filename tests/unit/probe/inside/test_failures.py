"""What is described of a flow that does not load."""

from __future__ import annotations

import pytest

from flowship.probe.inside.failures import Failure
from support.probing import FLOW, ask

pytestmark = pytest.mark.slow


def test_the_values_of_a_failure_are_plain_text_in_the_answer(tmp_path):
    answer = ask(tmp_path, "flow.py:hello")
    assert answer["failure"] == "file-missing"
    assert Failure(answer["failure"]) is Failure.FILE_MISSING


def test_a_flow_file_that_calls_exit_is_reported(tmp_path):
    (tmp_path / "flow.py").write_text("import sys\nsys.exit(0)\n")
    assert ask(tmp_path, "flow.py:hello")["type"] == "SystemExit"


def test_a_module_without_the_flow_lists_those_of_its_file(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package/module.py").write_text(FLOW)
    answer = ask(tmp_path, "package.module:other")
    assert answer == {"failure": "flow-not-found", "function": "other", "flows": ["hello"]}
