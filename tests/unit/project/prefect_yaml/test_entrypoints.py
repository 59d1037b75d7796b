"""Entrypoints of a ``prefect.yaml``."""

from __future__ import annotations

import pytest

from flowship.project.prefect_yaml.entrypoints import translate

FLOWS = "from prefect import flow\n\n\n@flow\ndef main(): ...\n\n\n@flow\ndef load(): ...\n"


@pytest.mark.parametrize(
    ("written", "entrypoint"),
    [
        ("./flows/a.py:main", "flows/a.py:main"),
        ("flows\\a.py:main", "flows/a.py:main"),
        ("taxi.flows.main", "taxi.flows:main"),
        ("taxi.flows:main", "taxi.flows:main"),
        ("flow.py:Class.method", "flow.py:Class.method"),
        ("{{ $FILE }}:main", "${FILE}:main"),
    ],
)
def test_an_entrypoint_gets_flowships_spelling(tmp_path, written, entrypoint):
    assert translate(written, tmp_path) == (entrypoint, "")


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_an_entrypoint_can_be_missing(tmp_path, value):
    assert translate(value, tmp_path) == ("", "it has no entrypoint")


@pytest.mark.parametrize(
    ("value", "text"), [("flow.py", "flow.py"), ("./flow.py", "flow.py"), ("flow.py:", "flow.py:")]
)
def test_a_file_without_a_function_gets_the_flows_of_the_file_as_suggestions(tmp_path, value, text):
    (tmp_path / "flow.py").write_text(FLOWS)
    assert translate(value, tmp_path) == (
        text,
        f'its entrypoint "{text}" names no function: write FILE:FUNCTION,'
        ' such as "flow.py:main" or "flow.py:load"',
    )


@pytest.mark.parametrize("value", ["missing.py", "flows/trips"])
def test_a_file_without_flows_suggests_none(tmp_path, value):
    (tmp_path / "flows" / "trips").mkdir(parents=True)
    text, reason = translate(value, tmp_path)
    assert (text, reason) == (
        value,
        f'its entrypoint "{value}" names no function: write FILE:FUNCTION',
    )


@pytest.mark.parametrize(
    ("value", "instead"),
    [
        (["flow.py"], ', such as "flow.py:main" or "flow.py:load"'),
        (["flow.py:main", "flow.py:load"], ""),
        ({"file": "flow.py"}, ""),
        (5, ""),
    ],
)
def test_an_entrypoint_that_is_not_text_is_not_made_text(tmp_path, value, instead):
    (tmp_path / "flow.py").write_text(FLOWS)
    reason = f"its entrypoint is not text: write FILE:FUNCTION{instead}"
    assert translate(value, tmp_path) == ("", reason)


def test_a_placeholder_without_a_counterpart_is_named(tmp_path):
    assert "{{ entry }} in an entrypoint" in translate("{{ entry }}", tmp_path)[1]
