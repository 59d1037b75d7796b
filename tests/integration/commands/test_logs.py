"""`flowship logs` as a process, against a real Prefect server."""

from __future__ import annotations

import pytest

from support.commands import Running, misfits, one_object
from support.shapes import LOGS

pytestmark = pytest.mark.server


@pytest.fixture
def logs(cli, started_run):
    def run(*arguments: str):
        return cli("logs", *arguments, env={"PREFECT_API_URL": started_run.api.url})

    return run


def test_stdout_is_the_log_and_nothing_else(logs, started_run):
    started_run.log("hello\n  \x1b]0;title\x07world", level=30)
    started_run.state("FAILED", "no rows")
    done = logs(f"flow-{started_run.project.tag}/nightly")
    assert done.code == 0
    name = started_run.api.run(started_run.run_id)["name"]
    moment = started_run.moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert done.stdout == f"{moment} WARNING {name} hello\n      ␛]0;title␇world\n"
    assert f"✗ {name}: Failed" in done.stderr
    assert "no rows" in done.stderr


def test_one_json_object_has_the_run_its_records_and_its_container(logs, started_run):
    started_run.log("one")
    started_run.state("CRASHED", "killed")
    done = logs(started_run.run_id, "--json")
    assert misfits(one_object(done.stdout), LOGS) == []
    assert [record["message"] for record in one_object(done.stdout)["records"]] == ["one"]
    assert one_object(done.stdout)["run"]["state_type"] == "CRASHED"
    assert one_object(done.stdout)["container"]["origin"] == "nowhere"


def test_following_stops_at_the_end_of_the_run_with_its_exit_code(started_run, tmp_path):
    started_run.state("RUNNING")
    started_run.log("one")
    env = {"PREFECT_API_URL": started_run.api.url}
    with Running("logs", started_run.run_id, "-f", cwd=tmp_path, env=env) as running:
        running.until("• Running")
        started_run.log("two")
        started_run.state("FAILED", "no rows")
        ended = running.ended()
    assert ended.code == 8
    assert [line.rpartition(" ")[2] for line in ended.stdout.splitlines()] == ["one", "two"]
    assert f"`flowship logs {started_run.run_id}`" in ended.stderr


def test_ctrl_c_ends_the_following_and_not_the_run(started_run, tmp_path):
    started_run.state("RUNNING")
    env = {"PREFECT_API_URL": started_run.api.url}
    with Running("logs", started_run.run_id, "-f", cwd=tmp_path, env=env) as running:
        running.until("• Running")
        ended = running.interrupt()
    assert ended.code == 130
    assert started_run.api.run(started_run.run_id)["state"]["type"] == "RUNNING"


@pytest.mark.parametrize(
    ("arguments", "code", "where"),
    [
        (("--level", "loud"), "log-level-unknown", "--level"),
        (("--since", "yesterday"), "since-invalid", "--since"),
        (("--grep", "("), "pattern-invalid", "--grep"),
        (("--container", "--follow"), "invalid-usage", "--follow"),
        (("--container", "--level", "INFO"), "invalid-usage", "--level"),
    ],
)
def test_a_wrong_option_is_an_error_before_any_request(cli, arguments, code, where):
    env = {"PREFECT_API_URL": "http://127.0.0.1:9/api"}
    done = cli("logs", "nightly", *arguments, "--json", env=env)
    assert done.code == 2
    assert (
        one_object(done.stdout)["error"]["code"],
        one_object(done.stdout)["error"]["where"],
    ) == (code, where)


def test_a_moment_of_since_is_a_length_of_time_or_a_time(logs, started_run):
    started_run.log("new")
    for since in ("1h", "2020-01-01", "2020-01-01T05:00Z", "PT10M"):
        assert "new" in logs(started_run.run_id, "--since", since).stdout, since
    assert logs(started_run.run_id, "--since", "2999-01-01").stdout == ""


def test_the_log_of_a_deployment_without_a_run_is_an_error(logs, started_run):
    done = logs(f"flow-{started_run.project.tag}/nightly", "--failed", "--json")
    assert (done.code, one_object(done.stdout)["error"]["code"]) == (2, "run-not-found")


def test_no_lines_at_all_cannot_be_asked_for(cli):
    done = cli("logs", "nightly", "--tail", "0")
    assert done.code == 2
    assert "greater than or equal to" in " ".join(done.stderr.split())
