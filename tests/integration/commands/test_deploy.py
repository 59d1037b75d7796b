"""`flowship deploy`: what it refuses before it asks an engine or an API."""

from __future__ import annotations

import pytest

NOWHERE = {
    "DOCKER_HOST": "unix:///nowhere/docker.sock",
    "PREFECT_API_URL": "http://127.0.0.1:9/api",
}
"""An engine and an API that do not answer."""


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["--cron", "0 25 * * *"], "--cron"),
        (["--interval", "soon"], "--interval"),
        (["--param", "months"], "--param"),
        (["--timezone", "UTC"], "--timezone"),
        (["--name", "a/b"], "--name"),
    ],
)
def test_an_invalid_option_is_refused_before_anything_is_asked(cli, project, arguments, place):
    code, stdout, stderr = cli("deploy", *arguments, env=NOWHERE)
    assert (code, stdout) == (2, "")
    assert place in stderr


def test_a_schedule_needs_a_name_if_several_deployments_are_configured(cli, project):
    with (project / "flowship.toml").open("a") as file:
        file.write('[[deployments]]\nname = "a"\n[[deployments]]\nname = "b"\n')
    code, _, stderr = cli("deploy", "--cron", "0 5 * * *", env=NOWHERE)
    assert code == 2
    assert "--name" in stderr


def test_an_invalid_schedule_of_the_configuration_is_reported_with_its_line(cli, project):
    with (project / "flowship.toml").open("a") as file:
        file.write('[[deployments]]\nname = "a"\ncron = "0 25 * * *"\n')
    code, _, stderr = cli("deploy", env=NOWHERE)
    assert code == 3
    assert "flowship.toml:6:1" in stderr


def test_an_api_that_does_not_answer_is_an_error_of_the_api(cli, project):
    code, stdout, stderr = cli("deploy", env=NOWHERE)
    assert (code, stdout) == (7, "")
    assert "127.0.0.1:9" in stderr


@pytest.mark.server
def test_an_engine_that_does_not_answer_is_an_error_of_the_engine(cli, project, prefect_server):
    env = {**NOWHERE, "PREFECT_API_URL": prefect_server}
    code, stdout, stderr = cli("deploy", "--dry-run", env=env)
    assert (code, stdout) == (4, "")
    assert "cannot connect to a container engine" in stderr
