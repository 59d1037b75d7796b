"""The tables of the configuration: which values are valid."""

from __future__ import annotations

import pytest

from flowship.config import loading
from flowship.errors import ConfigError
from support.configuring import failure, load

ONE = 'entrypoint = "a.py:f"\n[[deployments]]\nname = "x"\n'


@pytest.mark.parametrize("value", ["a.py", "a b:f", "a.py.f", "/abs.py:f", "../x.py:f", "a.py:"])
def test_an_invalid_entrypoint_is_refused(tmp_path, value):
    assert "entrypoint" in failure(tmp_path, f'entrypoint = "{value}"\n').message


@pytest.mark.parametrize(
    "schedule",
    ['cron = "0 5 * * *"\ninterval = 60', 'timezone = "UTC"', ""],
)
def test_a_schedule_must_have_exactly_one_kind(tmp_path, schedule):
    head = 'entrypoint = "a.py:f"\n[[deployments]]\nname = "x"\n[[deployments.schedules]]\n'
    text = f"{head}{schedule}\n"
    assert "exactly one" in failure(tmp_path, text).message


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ('cron = "0 5 * * *"\nanchor-date = "2026-01-05"', "anchor-date needs interval"),
        ("interval = 60\nanchor-date = 5", "must be a date and time such as"),
        ('interval = 60\nanchor-date = "soon"', "anchor-date"),
        ("interval = 60\nanchor-date = 0001-01-01T00:00:00", "between 1901 and 2199"),
    ],
)
def test_an_anchor_is_a_moment_of_an_interval(tmp_path, schedule, message):
    head = 'entrypoint = "a.py:f"\n[[deployments]]\nname = "x"\n[[deployments.schedules]]\n'
    assert message in failure(tmp_path, f"{head}{schedule}\n").message


@pytest.mark.parametrize(
    "written", ["2026-01-05T06:00:00", "2026-01-05 06:00:00", '"2026-01-05 06:00"']
)
def test_an_anchor_is_written_as_text_or_as_toml_writes_a_time(tmp_path, written):
    (tmp_path / "flowship.toml").write_text(
        'name = "p"\nentrypoint = "a.py:f"\n[[deployments]]\nname = "x"\n'
        f"[[deployments.schedules]]\ninterval = 60\nanchor-date = {written}\n"
    )
    [deployment] = loading.load(tmp_path, environ={}).deployments
    assert deployment.schedules[0].anchor_date.isoformat() == "2026-01-05T06:00:00"


def test_true_is_not_an_interval(tmp_path):
    text = 'entrypoint = "a.py:f"\n[[deployments]]\nname = "x"\ninterval = true\n'
    assert "seconds or text" in failure(tmp_path, text).message


@pytest.mark.parametrize(
    ("text", "limit", "on_conflict"),
    [
        ("concurrency = 2", 2, None),
        ("concurrency-limit = 2", 2, None),
        ('concurrency = { limit = 2, on-conflict = "queue" }', 2, "queue"),
        ('concurrency = "2"', 2, None),
        ('concurrency = "${FS_LIMIT:-2}"', 2, None),
        ('concurrency = { limit = "${FS_LIMIT:-2}" }', 2, None),
        ("concurrency = 2.0", 2, None),
    ],
)
def test_a_limit_of_concurrent_runs_is_a_number_or_a_table(tmp_path, text, limit, on_conflict):
    found = load(tmp_path, f"{ONE}{text}\n").deployments[0].limit
    assert found is not None
    assert (found.limit, found.on_conflict) == (limit, on_conflict)


def test_without_a_limit_there_is_none(tmp_path):
    assert load(tmp_path, ONE).deployments[0].limit is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("concurrency = true", "must be a number or a table"),
        ('concurrency = "three"', "concurrency: must be a number or a table: { limit = 1 }"),
        ("concurrency = [1]", "concurrency: must be a number or a table: { limit = 1 }"),
        ("concurrency = 1.5", "concurrency.limit must be a whole number"),
        ('concurrency = "1.5"', "concurrency.limit must be a whole number"),
        ("concurrency = { limit = true }", "concurrency.limit must be a whole number"),
        ("concurrency = 0", "concurrency.limit must be greater than 0"),
        ('concurrency = "${FS_LIMIT:-0}"', "concurrency.limit must be greater than 0"),
        ('concurrency = { on-conflict = "queue" }', "limit is required"),
        (
            'concurrency = { limit = 1, on-conflict = "drop" }',
            '"drop" is not one of "queue", "cancel-new"',
        ),
        ("concurrency = { limit = 1, on-conflic = 1 }", 'unknown key "'),
        ("concurrency = 1\nconcurrency-limit = 1", "cannot be combined"),
        ('work-queue = "a/b"', "work-queue must not contain /"),
        ('version = ""', "version is empty"),
        ('enforce-parameters = "perhaps"', "must be true or false"),
        ('labels = { "prefect.flow.id" = "x" }', "are the server's"),
        ("labels = { a = [1] }", "labels.a must be text, a number, true or false"),
    ],
)
def test_an_invalid_field_of_a_deployment_is_refused_before_the_build(tmp_path, text, words):
    error = failure(tmp_path, f"{ONE}{text}\n")
    assert words in error.message
    assert 'deployment "x"' in error.message


@pytest.mark.parametrize("value", ["true", '"true"'])
def test_a_lock_that_is_only_true_does_not_say_which_one(tmp_path, value):
    (tmp_path / "flowship.toml").write_text(f'entrypoint = "a.py:f"\nlock = {value}\n')
    with pytest.raises(ConfigError, match='lock: must be "auto", false or the path') as caught:
        loading.load(tmp_path, environ={})
    assert caught.value.where.endswith("flowship.toml:2:1")


ALERT = 'entrypoint = "a.py:f"\n[[deployments]]\nname = "x"\n[[alerts]]\n'
OPS = 'notify = "slack-webhook/ops"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'an alert needs on = ["failed"] or retry-crashed = 2'),
        ("deployments = ['x']", 'an alert needs on = ["failed"] or retry-crashed = 2'),
        ('on = ["failed"]', "on needs notify: a notification block and what it reports"),
        (f"{OPS}retry-crashed = 1", "notify needs on: a notification block and what it reports"),
        (f'{OPS}on = ["failed"]\nafter = "15m"', 'after needs "late" or "stuck" in on'),
        ('on = ["failed"]\nnotify = "ops"', "the type and the name of a notification block"),
        (f'{OPS}on = ["fialed"]', '"fialed" is not one of "failed", "crashed", "late", "stuck"'),
        ("retry-crashed = 11", "10"),
        ("retry-crashed = -1", "0"),
        (f'{OPS}on = ["failed"]\nto = "x"', 'unknown key "alert 1, to"'),
        (f'{OPS}on = "failed"', 'alert 1, on must be a list: ["…", "…"]'),
        (f'{OPS}on = ["failed"]\ndeployments = "x"', "alert 1, deployments must be a list"),
        (f'{OPS}on = ["late"]\nafter = true', "alert 1, after must be seconds or text such as"),
        (f'{OPS}on = ["late"]\nafter = []', "alert 1, after must be seconds or text such as"),
        ('retry-crashed = "x"', "alert 1, retry-crashed must be a whole number"),
    ],
)
def test_an_incomplete_alert_is_refused_with_its_place(tmp_path, text, message):
    error = failure(tmp_path, f"{ALERT}{text}\n")
    assert message in error.message
    assert "flowship.toml:" in (error.where or "")


def test_the_alerts_of_an_environment_replace_the_others(tmp_path):
    text = (
        f'{ALERT}{OPS}on = ["failed"]\n'
        "[env.staging]\nalerts = []\n"
        '[[env.production.alerts]]\non = ["late"]\nnotify = "slack-webhook/pager"\nafter = "5m"\n'
    )
    assert [a.on for a in load(tmp_path, text).alerts] == [("failed",)]
    assert load(tmp_path, text, {"FLOWSHIP_ENV": "staging"}).alerts == ()
    (alert,) = load(tmp_path, text, {"FLOWSHIP_ENV": "production"}).alerts
    assert (alert.on, alert.notify, alert.after) == (("late",), "slack-webhook/pager", "5m")


@pytest.mark.parametrize("text", ['[alerts]\non = ["failed"]\n', 'alerts = "x"\n'])
def test_alerts_have_double_brackets(tmp_path, text):
    error = failure(tmp_path, f'entrypoint = "a.py:f"\n{text}')
    assert error.message == "alerts must be tables with a header in double brackets: [[alerts]]"


def test_an_unknown_key_of_an_alert_shows_the_nearest(tmp_path):
    assert failure(tmp_path, f"{ALERT}retry-crash = 2\n").hint == 'did you mean "retry-crashed"?'
