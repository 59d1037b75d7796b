"""Invalid values: each error names the key, the place and what is expected."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from flowship.config.explain import reason
from flowship.config.tables import Deployment
from flowship.errors import ConfigError
from support.configuring import failure, load


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('tags = "a"', 'deployment "d", tags must be a list: ["…", "…"]'),
        ('parameters = "a"', 'deployment "d", parameters must be a table'),
        ("concurrency-limit = 1.5", 'deployment "d", concurrency-limit must be a whole number'),
        ("interval = [1]", 'deployment "d", interval must be seconds or text such as "15m"'),
        ('paused = "perhaps"', 'deployment "d", paused must be true or false'),
        ("description = 3", 'deployment "d", description must be text, in quotes'),
        ("concurrency-limit = true", 'deployment "d", concurrency-limit must be a whole number'),
        ("concurrency-limit = 0", 'deployment "d", concurrency-limit must be greater than 0'),
        ("concurrency-limit = inf", 'deployment "d", concurrency-limit must be a whole number'),
        (
            'schedules = [{ interval = 60, anchor-date = "soon" }]',
            'deployment "d", schedule 1.anchor-date must be a date and time such as "2026-01-05',
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_explained_in_terms_of_toml(tmp_path, line, words):
    text = f'entrypoint = "a.py:f"\n[[deployments]]\nname = "d"\n{line}\n'
    error = failure(tmp_path, text)
    assert error.message.startswith(words)
    assert error.where.endswith("flowship.toml:4:1")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[probe]\ntimeout = true", "probe.timeout must be a whole number"),
        ("[[alerts]]\nretry-crashed = true", "alert 1, retry-crashed must be a whole number"),
        ("[probe]\ntimeout = 0", "probe.timeout must be greater than 0"),
        ("[[alerts]]\nretry-crashed = 11", "alert 1, retry-crashed must be at most 10"),
        ("[[alerts]]\nretry-crashed = -1", "alert 1, retry-crashed must be at least 0"),
    ],
)
def test_the_error_for_a_number_says_what_it_must_be(tmp_path, table, message):
    error = failure(tmp_path, f'entrypoint = "a.py:f"\n{table}\n')
    assert error.message == message
    assert error.where.endswith("flowship.toml:3:1")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"concurrency": {"limit": 0}}, "concurrency.limit must be greater than 0"),
        ({"paused": "perhaps"}, "paused must be true or false"),
        ({"paused": "${PAUSED}"}, ""),
        ({"paused": "${PAUSED}", "tags": 3}, 'tags must be a list: ["…", "…"]'),
        ({"paused": "$${PAUSED}"}, "paused must be true or false"),
    ],
)
def test_the_reason_why_a_table_is_refused_is_not_a_value_that_is_not_known_yet(values, words):
    with pytest.raises(ValidationError) as caught:
        Deployment.model_validate({"name": "d", **values})
    assert reason(caught.value) == words


def test_a_deployment_name_with_a_slash_is_refused(tmp_path):
    error = failure(tmp_path, 'entrypoint = "a.py:f"\n[[deployments]]\nname = "a/b"\n')
    assert error.message == 'deployment "a/b", name must not contain / % & > <'


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("a\\nb", "must not contain control characters such as line breaks and tabs"),
        (" a", "must not begin or end with a blank"),
        ("--version", 'must not begin with "-": commands would read it as an option'),
    ],
)
def test_a_deployment_name_that_could_not_work_is_refused(tmp_path, name, problem):
    error = failure(tmp_path, f'entrypoint = "a.py:f"\n[[deployments]]\nname = "{name}"\n')
    assert error.message.endswith(f"name {problem}")
    assert error.where.endswith("flowship.toml:3:1")


def test_a_deployment_without_a_name_points_at_its_table(tmp_path):
    error = failure(tmp_path, 'entrypoint = "a.py:f"\n[[deployments]]\ntags = ["a"]\n')
    assert error.message == "deployment 1, name is required"
    assert error.where.endswith("flowship.toml:2:3")


def test_a_variable_for_a_table_must_be_json(tmp_path):
    error = failure(tmp_path, 'entrypoint = "a.py:f"\n', {"FLOWSHIP_BLOCK__ENV": "A=1"})
    assert "block.env must be a table, as JSON" in error.message
    assert error.where == "FLOWSHIP_BLOCK__ENV"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[deployments]\nname = "x"\n', 2, "[[deployments]]"),
        ('[[deployments]]\nname = "x"\n[deployments.schedules]\ncron = "* * * * *"\n', 4,
         "[[deployments.schedules]]"),
        ('[tool.flowship]\nname = "x"\n', 2, "without [tool.flowship]"),
    ],
)  # fmt: skip
def test_a_wrong_header_is_an_error_that_shows_the_right_one(tmp_path, text, line, words):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f'entrypoint = "a.py:f"\n{text}')
    assert words in f"{caught.value.message} {caught.value.hint}"
    assert f"flowship.toml:{line}:" in caught.value.where


@pytest.mark.parametrize(
    ("text", "key", "nearest", "line"),
    [
        ('entrypoint = "a.py:f"\nrepoo = "x"\n', "repoo", "repo", 2),
        ('entrypoint = "a.py:f"\n[block]\nmem_limt = "x"\n', "block.mem_limt", "mem-limit", 3),
        (
            'entrypoint = "a.py:f"\n[[deployments]]\nname = "a"\n[[deployments]]\nname = "b"\n'
            'crun = "* * * * *"\n',
            'deployment "b": unknown key "crun"',
            "cron",
            6,
        ),
    ],
)
def test_an_unknown_key_names_its_line_and_the_nearest_key(tmp_path, text, key, nearest, line):
    error = failure(tmp_path, text)
    assert key in error.message
    assert nearest in error.hint
    assert f"flowship.toml:{line}:" in error.where


def test_a_key_called_interval_outside_a_schedule_is_not_an_interval(tmp_path):
    text = 'name = "p"\nentrypoint = "flow.py:f"\n[block]\nenv = { interval = 5 }\n'
    (tmp_path / "flowship.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"block\.env\.interval must be text"):
        load(tmp_path)


def test_an_unknown_key_of_a_schedule_has_no_quotes_within_quotes(tmp_path):
    error = failure(
        tmp_path,
        'entrypoint = "a.py:f"\n[[deployments]]\nname = "b"\n[[deployments.schedules]]\n'
        'cron = "0 5 * * *"\ncrun = 1\n',
    )
    assert error.message == 'deployment "b", schedule 1: unknown key "crun"'


@pytest.mark.parametrize("table", ["", "[images.gpu]\n"])
def test_a_value_of_install_is_explained_without_the_types_that_were_tried(tmp_path, table):
    error = failure(tmp_path, f'entrypoint = "a.py:f"\n{table}install = "maybe"\n')
    assert error.message.endswith('install must be true, false or "auto"')


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (
            'on = ["failed", "crash"]\nnotify = "slack-webhook/ops"',
            'alert 1, on: "crash" is not one of "failed", "crashed", "late", "stuck"',
            'did you mean "crashed"?',
        ),
        (
            'on = [7]\nnotify = "slack-webhook/ops"',
            'alert 1, on: 7 is not one of "failed", "crashed", "late", "stuck"',
            "",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_named(tmp_path, line, message, hint):
    error = failure(tmp_path, f'entrypoint = "a.py:f"\n[[alerts]]\n{line}\n')
    assert (error.message, error.hint) == (message, hint)
    assert error.where.endswith("flowship.toml:3:1")


def test_the_nearest_of_two_allowed_values_is_suggested(tmp_path):
    table = '[[deployments]]\nname = "d"\nconcurrency = { limit = 1, on-conflict = "cancel" }\n'
    error = failure(tmp_path, f'entrypoint = "a.py:f"\n{table}')
    assert '"cancel" is not one of "queue", "cancel-new"' in error.message
    assert error.hint == 'did you mean "cancel-new"?'
