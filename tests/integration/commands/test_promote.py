"""`flowship promote`: what it refuses before it asks a server, and what it prints first."""

from __future__ import annotations

import pytest

from support.commands import one_object
from support.projects import CONFIG

ENVIRONMENTS = """
[env.staging]
profile = "staging"
[env.production]
profile = "local"
"""


@pytest.fixture
def two(project):
    (project / "flowship.toml").write_text(CONFIG + ENVIRONMENTS)
    return project


def test_both_environments_are_required_and_must_exist(cli, two):
    for words in ((), ("--from", "staging"), ("--to", "staging"), ("--from", "", "--to", "x")):
        assert cli("promote", *words).code == 2
    for start, end in (("stagng", "production"), ("staging", "productoin")):
        done = cli("promote", "--from", start, "--to", end, "--json")
        error = one_object(done.stdout)["error"]
        assert (done.code, error["code"]) == (2, "environment-unknown")
        assert error["where"] == ("--to" if start == "staging" else "--from")


def test_one_environment_twice_is_refused(cli, two):
    done = cli("promote", "--from", "staging", "--to", "staging", "--json")
    assert one_object(done.stdout)["error"]["code"] == "same-environment"


def test_a_missing_profile_is_refused_before_any_server_is_asked(cli, two):
    done = cli("promote", "--from", "staging", "--to", "production")
    assert done.code == 3
    assert 'flowship.toml:6:1: error: profile "staging" does not exist' in done.stderr
    assert "flowship profile set-api URL --profile staging" in done.stderr


def test_a_variable_does_not_stand_in_for_two_servers(cli, two):
    env = {"PREFECT_API_URL": "http://127.0.0.1:1/api"}
    done = cli("promote", "--from", "staging", "--to", "production", "--json", env=env)
    assert one_object(done.stdout)["error"]["code"] == "api-contradicts-profile"
