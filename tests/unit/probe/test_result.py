"""The result of the probe as a label of the image, and the project's facts."""

from __future__ import annotations

import json

import pytest

from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.errors import ConfigError
from flowship.probe.result import ProbeResult, Project
from support.lock_tools import pylock

RESULT = ProbeResult(
    "taxi", "flow.py:taxi", "3.8.8", "3.11.2", "Loads trips.", {"properties": {"year": {}}}
)


def test_a_result_survives_the_label():
    assert ProbeResult.from_json(RESULT.to_json()) == RESULT
    assert "\n" not in RESULT.to_json()


def test_a_label_from_a_newer_flowship_is_read_without_its_new_fields():
    stored = json.loads(RESULT.to_json()) | {"flows": ["taxi"], "version": 7}
    assert ProbeResult.from_json(json.dumps(stored)) == RESULT


def test_a_label_without_optional_fields_is_read():
    stored = json.loads(RESULT.to_json())
    del stored["description"], stored["parameters"]
    result = ProbeResult.from_json(json.dumps(stored))
    assert (result.description, result.parameters) == (None, {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting"),
        ("[]", "not a JSON object"),
        ("5", "not a JSON object"),
        ("{}", "flow_name is missing"),
        (RESULT.to_json().replace('"3.8.8"', "3"), "prefect has the wrong type"),
        (RESULT.to_json().replace('{"properties":{"year":{}}}', '"x"'), "parameters has the wrong"),
        ("[" * 100_000, "recursion"),
    ],
    ids=["cut", "list", "number", "empty", "version", "parameters", "deep"],
)
def test_a_damaged_label_is_refused_with_a_way_out(text, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        ProbeResult.from_json(text)
    assert caught.value.code == "probe-label-damaged"
    assert "flowship build --no-cache" in caught.value.hint


def test_a_file_is_left_out_with_the_folder_above_it():
    project = Project("jobs/flow.py:nightly", left_out={"data": ".dockerignore line 2: data"})
    assert (project.flow_file, project.flow_function) == ("jobs/flow.py", "nightly")
    assert project.why_left_out("data/2021/a.csv") == ".dockerignore line 2: data"
    assert project.why_left_out("jobs/flow.py") == ""


def test_dependencies_are_never_written_to_a_lockfile(tmp_path):
    (tmp_path / "flow.py").write_text("def f(): ...\n")
    (tmp_path / "flowship.toml").write_text('entrypoint = "flow.py:f"\n')
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    (tmp_path / "pylock.toml").write_text(pylock("six", "1.17.0"))
    project = Project.of(prepare_build(loading.load(tmp_path, environ={})), "flow.py:f")
    assert project.requirements == "pyproject.toml (then make pylock.toml again)"
    (tmp_path / "pyproject.toml").unlink()
    project = Project.of(prepare_build(loading.load(tmp_path, environ={})), "flow.py:f")
    assert project.requirements == "the list that it was made from (then make pylock.toml again)"
