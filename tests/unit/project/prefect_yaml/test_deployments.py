"""The deployments of a ``prefect.yaml``, one by one."""

from __future__ import annotations

import datetime

import pytest
import yaml

from flowship.deployment.schedules import problem
from flowship.project.prefect_yaml.deployments import translate
from flowship.project.prefect_yaml.document import read

BASE = {"name": "nightly", "entrypoint": "flow.py:main"}


def translated(folder, entry):
    path = folder / "prefect.yaml"
    path.write_text(yaml.safe_dump({"deployments": [entry]}, sort_keys=False))
    return translate(read(path)["deployments"][0], 1, problem)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"description": "d", "version": 1.0}, {"description": "d", "version": "1.0"}),
        ({"tags": ["a", 1]}, {"tags": ["a", "1"]}),
        ({"tags": "a, b"}, {"tags": ["a", "b"]}),
        ({"paused": True}, {"paused": True}),
        ({"concurrency_limit": 3}, {"concurrency": 3}),
        (
            {"concurrency_limit": {"limit": 3, "collision_strategy": "CANCEL_NEW"}},
            {"concurrency": {"limit": 3, "on-conflict": "cancel-new"}},
        ),
        ({"enforce_parameter_schema": False}, {"enforce-parameters": False}),
        ({"parameters": {"a": 1, "b": {"c": [1]}}}, {"parameters": {"a": 1, "b": {"c": [1]}}}),
        (
            {"parameters": {"when": datetime.date(2024, 1, 2)}},
            {"parameters": {"when": datetime.date(2024, 1, 2)}},
        ),
        ({"schedule": {"cron": "0 5 * * *"}}, {"cron": "0 5 * * *"}),
        (
            {"schedules": [{"cron": "0 5 * * *"}, {"interval": 60}]},
            {"schedules": [{"cron": "0 5 * * *"}, {"interval": 60}]},
        ),
        (
            {"schedule": {"interval": 60, "parameters": {"a": 1}}},
            {"schedules": [{"interval": 60, "parameters": {"a": 1}}]},
        ),
        ({"work_pool": {"name": "p", "work_queue_name": "default"}}, {}),
        ({"work_pool": {"name": "p", "work_queue_name": "high"}}, {"work-queue": "high"}),
        (
            {"work_pool": {"job_variables": {"env": {"A": "{{ $B }}"}, "mem_limit": None}}},
            {"job-variables": {"env": {"A": "${B}"}}},
        ),
        (
            {"work_pool": {"job_variables": {"image": "{{ build.image }}"}}},
            {},
        ),
        ({"build": None, "push": None, "pull": None, "flow_name": None}, {}),
    ],
)
def test_the_fields_of_a_deployment_are_imported(tmp_path, fields, expected):
    result = translated(tmp_path, BASE | fields)
    assert result.table == BASE | expected
    assert (result.left, result.reason) == ((), "")


@pytest.mark.parametrize(
    ("written", "entrypoint"),
    [
        ("./flows/a.py:main", "flows/a.py:main"),
        ("flows\\a.py:main", "flows/a.py:main"),
        ("taxi.flows.main", "taxi.flows:main"),
        ("taxi.flows:main", "taxi.flows:main"),
    ],
)
def test_an_entrypoint_gets_flowships_spelling(tmp_path, written, entrypoint):
    result = translated(tmp_path, BASE | {"entrypoint": written})
    assert (result.table["entrypoint"], result.reason) == (entrypoint, "")


@pytest.mark.parametrize(
    ("fields", "key", "words"),
    [
        ({"triggers": [{"enabled": True}]}, "triggers", "automations"),
        ({"sla": [{"name": "x"}]}, "sla", "Cloud"),
        ({"version_type": "vcs"}, "version_type", "names the inputs"),
        ({"workpool": {}, "shedule_": "x"}, "shedule_", "does not read this key"),
        ({"version": "{{ get-commit-hash.stdout }}"}, "version", "{{ get-commit-hash.stdout }}"),
        ({"parameters": {"a": "{{ prefect.variables.x }}"}}, "parameters", "prefect.variables.x"),
        ({"parameters": {"a": {"b": None}}}, "parameters", "a.b: TOML has no null"),
        (
            {"work_pool": {"name": "{{ pool }}"}}, "work_pool.name", "set work-pool",
        ),
        (
            {"work_pool": {"job_variables": {"image": "a/b:1"}}},
            "work_pool.job_variables.image",
            "the image that flowship builds",
        ),
        (
            {"work_pool": {"job_variables": {"env": {"A": "{{ step.output }}"}}}},
            "work_pool.job_variables",
            "env.A: flowship has no counterpart for {{ step.output }}",
        ),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_reported_with_its_line(tmp_path, fields, key, words):
    result = translated(tmp_path, BASE | fields)
    (left,) = result.left
    assert left.key == f"deployments.nightly.{key}"
    assert words in left.reason
    assert left.line > 1
    assert result.reason == ""


def test_a_reference_that_a_worker_resolves_stays_in_the_job_variables(tmp_path):
    variables = {"env": {"TOKEN": "{{ prefect.blocks.secret.token }}"}}
    result = translated(tmp_path, BASE | {"work_pool": {"job_variables": variables}})
    assert result.table["job-variables"] == variables


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"name": "x"}, "no entrypoint"),
        ({"entrypoint": "flow.py:main"}, "no name"),
        ({"name": "a/b", "entrypoint": "flow.py:main"}, "name"),
        ({"name": "x", "entrypoint": "../flow.py:main"}, "entrypoint"),
        ({"name": "x", "entrypoint": "{{ entry }}"}, "{{ entry }}"),
        ({"name": "x", "entrypoint": "f.py:m", "concurrency_limit": 0}, "concurrency"),
    ],
)
def test_a_deployment_that_flowship_would_refuse_has_a_reason(tmp_path, entry, words):
    assert words in translated(tmp_path, entry).reason


def test_only_what_has_no_counterpart_is_left_out_of_a_table(tmp_path):
    fields = {
        "parameters": {"year": "{{ $YEAR }}", "day": "{{ prefect.variables.day }}", "n": [1, None]},
        "work_pool": {"job_variables": {"env": {"A": 1, "B": "{{ x.y }}", "C": True, "D": None}}},
    }
    result = translated(tmp_path, BASE | fields)
    assert result.table["parameters"] == {"year": "${YEAR}", "n": [1]}
    assert result.table["job-variables"] == {"env": {"A": "1", "C": "true"}}
    assert [left.reason.partition(":")[0] for left in result.left] == [
        "day", "n[1]", "env.B", "env.D",
    ]  # fmt: skip


@pytest.mark.parametrize("fields", [{"schedule": "0 5 * * *"}, {"work_pool": "p"}])
def test_a_value_of_another_shape_is_reported(tmp_path, fields):
    (left,) = translated(tmp_path, BASE | fields).left
    assert "it is not a" in left.reason


def test_a_name_that_prefect_does_not_accept_is_explained_in_words(tmp_path):
    path = tmp_path / "prefect.yaml"
    path.write_text("deployments:\n- name: a/b\n  entrypoint: flow.py:f\n")
    [entry] = read(path)["deployments"]
    assert translate(entry, 1, problem).reason == "name must not contain / % & > <"
