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
    return translate(read(path)["deployments"][0], 1, problem, folder)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"description": "d", "version": 1.0}, {"description": "d", "version": "1.0"}),
        ({"tags": ["a", 1]}, {"tags": ["a", "1"]}),
        ({"tags": "a, b"}, {"tags": ["a", "b"]}),
        ({"paused": True}, {"paused": True}),
        ({"concurrency_limit": 3}, {"concurrency": 3}),
        ({"concurrency_limit": "{{ $LIMIT }}"}, {"concurrency": "${LIMIT}"}),
        (
            {"concurrency_limit": {"limit": "{{ $LIMIT }}", "collision_strategy": None}},
            {"concurrency": {"limit": "${LIMIT}"}},
        ),
        ({"paused": "{{ $PAUSED }}"}, {"paused": "${PAUSED}"}),
        ({"schedule": {"interval": "{{ $EVERY }}"}}, {"interval": "${EVERY}"}),
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
    assert result.in_full() == result.table
    assert (result.left, result.reason) == ((), "")


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
            {"work_pool": {"job_variables": {"image": "{{ $IMAGE }}"}}},
            "work_pool.job_variables.image",
            "the image that flowship builds",
        ),
        ({"work_pool": {"job_variables": "env"}}, "work_pool.job_variables", "not a mapping"),
        ({"work_pool": {"queue": "high"}}, "work_pool.queue", "does not read this key"),
        ({"work_pool": {"name": ["p"]}}, "work_pool.name", "it is not text: set work-pool"),
        (
            {"work_pool": {"work_queue_name": "{{ q }}"}},
            "work_pool.work_queue_name",
            "no counterpart for {{ q }}: set work-queue",
        ),
        ({"description": {"a": 1}}, "description", "it is not text"),
        ({"version": [1]}, "version", "it is not text"),
        ({"tags": {"a": 1}}, "tags", "it is not a list of text"),
        ({"tags": [["a"]]}, "tags", "it is not a list of text"),
        ({"concurrency_options": {"collision_strategy": "ENQUEUE"}}, "concurrency_options",
         "concurrency = { limit = 1"),
        ({"concurrency_limit": {"limit": 1, "collision_strategy": "DROP"}}, "concurrency_limit",
         "collision_strategy: it is not ENQUEUE or CANCEL_NEW"),
        ({"concurrency_limit": {"limit": 1, "grace_period_seconds": 60}}, "concurrency_limit",
         "grace_period_seconds: the server's own setting holds"),
        ({"concurrency_limit": {"limit": "{{ l }}"}}, "concurrency_limit", "{{ l }}"),
        ({"version": "{{ $1 }}"}, "version", "{{ $1 }}"),
        ({"schedules": [{}]}, "schedules", "it is empty"),
        ({"schedules": [None]}, "schedules", "it is empty"),
        ({"schedules": ["0 5 * * *"]}, "schedules", "it is not a schedule"),
        ({"schedules": {"cron": "0 5 * * *"}}, "schedules", "it is not a list"),
        ({"schedule": [{"cron": "0 5 * * *"}]}, "schedule", "it is not a schedule"),
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
        (
            {"name": "x", "entrypoint": "f.py:m", "concurrency_limit": 0},
            "concurrency.limit must be greater than 0",
        ),
        (
            {"name": "x", "entrypoint": "f.py:m", "concurrency_limit": "many"},
            "concurrency: must be a number or a table: { limit = 1 }",
        ),
        ({"name": ["x"], "entrypoint": "f.py:m"}, "its name is not text"),
        ({"name": "{{ x }}", "entrypoint": "f.py:m"}, "no counterpart for {{ x }} in a name"),
        ({"entrypoint": ["f.py:m"]}, "it has no name; its entrypoint is not text"),
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
    assert translate(entry, 1, problem, tmp_path).reason == "name must not contain / % & > <"


REFUSED = """\
deployments:
- name: bad
  entrypoint: flow.py:main
  concurrency_limit: 0
  bogus: 1
  triggers: [{type: event}]
  schedules:
  - {interval: 900, timezone: Mars/Phobos}
  - {cron: "0 5 * * *"}
  - "0 6 * * *"
  parameters:
    token: "{{ prefect.blocks.secret.token }}"
    size: "{{ prefect.variables.size }}"
    none: null
    year: 2026
"""


def test_a_deployment_that_is_refused_loses_nothing_silently(tmp_path):
    path = tmp_path / "prefect.yaml"
    path.write_text(REFUSED)
    [entry] = read(path)["deployments"]
    refused = translate(entry, 1, problem, tmp_path)
    assert refused.reason == "concurrency.limit must be greater than 0"
    assert [(left.line, left.key.removeprefix("deployments.bad.")) for left in refused.left] == [
        (5, "bogus"),
        (6, "triggers"),
        (11, "parameters"),
        (11, "parameters"),
        (11, "parameters"),
        (10, "schedules"),
        (8, "schedules"),
    ]
    assert refused.table["cron"] == "0 5 * * *"
    assert refused.in_full() == {
        "name": "bad",
        "entrypoint": "flow.py:main",
        "concurrency": 0,
        "parameters": {"year": 2026},
        "schedules": [{"interval": 900, "timezone": "Mars/Phobos"}, {"cron": "0 5 * * *"}],
    }
