"""The script that runs in the image, run here by a Python of its own."""

from __future__ import annotations

import pytest

from flowship.deployment import parameters
from flowship.errors import ConfigError
from flowship.probe.script import Failure
from support.probing import FLOW, ask, described, unusual

pytestmark = pytest.mark.slow


def test_the_values_of_a_failure_are_plain_text_in_the_answer(tmp_path):
    answer = ask(tmp_path, "flow.py:hello")
    assert answer["failure"] == "file-missing"
    assert Failure(answer["failure"]) is Failure.FILE_MISSING


def test_variadic_parameters_are_optional_and_keywords_are_an_object(tmp_path):
    source = FLOW.replace("times: int = 2", "*sizes: int, unit='kg', **notes: float")
    (tmp_path / "flow.py").write_text(source)
    result = described(tmp_path, "flow.py:hello")
    known = result.parameters["properties"]
    assert (list(known), result.parameters["required"]) == (["name", "unit", "notes"], ["name"])
    assert known["notes"]["default"] == {}
    given = {"notes": {"weight": 1.5}}
    assert parameters.resolve(result.parameters, given) == given
    for wrong in ({"notes": {"weight": "heavy"}}, {"sizes": [1]}):
        with pytest.raises(ConfigError):
            parameters.resolve(result.parameters, wrong)


def test_values_that_the_server_rejects_are_left_out_and_stay_optional(tmp_path):
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


def test_modules_next_to_the_flow_and_in_the_project_folder_can_be_imported(tmp_path):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/sibling.py").write_text("A = 1\n")
    (tmp_path / "common.py").write_text("B = 1\n")
    (tmp_path / "flows/main.py").write_text("import sibling, common\n" + FLOW)
    assert "flow" in ask(tmp_path, "flows/main.py:hello")


def test_a_flow_file_that_calls_exit_is_reported(tmp_path):
    (tmp_path / "flow.py").write_text("import sys\nsys.exit(0)\n")
    assert ask(tmp_path, "flow.py:hello")["type"] == "SystemExit"
