"""`flowship rollback` as a user types it, without an engine; with one: operate/test_rollback.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowship.releases import store
from support.commands import flowship, world
from support.deploying import Project
from support.releases import RELEASE

pytestmark = pytest.mark.server


@pytest.fixture
def project(prefect_server) -> Project:
    return Project(prefect_server)


@pytest.fixture
def roll(project, tmp_path, prefect_server):
    env = world(tmp_path / "home", PREFECT_API_URL=prefect_server)

    def run(*arguments):
        options = ("--project", project.values["name"], "--json")
        return flowship("rollback", *arguments, *options, cwd=tmp_path, env=env)

    return run


def refusal(done) -> tuple[int, str]:
    return done.code, done.json["error"]["code"]


def test_without_an_earlier_release_there_is_nothing_to_go_back_to(project, roll):
    assert refusal(roll()) == (2, "project-unknown")
    project.deploy()
    done = roll()
    assert refusal(done) == (2, "release-not-found")
    assert "no earlier release that differs from release 1" in done.json["error"]["message"]
    assert refusal(roll("7")) == (2, "release-not-found")


def test_a_release_of_the_first_format_is_refused(project, roll):
    name = project.values["name"]
    old = {"format": 1, "image": "a/b:old@sha256:" + "12" * 32, "applied": {}}
    body = {"type": "json", "data": old}
    project.api.create_artifact(store.artifact_key(name), body)
    done = roll("12" * 6)
    assert refusal(done) == (3, "release-too-old")
    assert "flowship ship" in done.json["error"]["hint"]


def test_several_environments_of_a_server_are_not_mixed(project, roll):
    for number, environment in ((1, "staging"), (2, "production")):
        release = replace(RELEASE, project=project.values["name"], number=number)
        store.record(project.api, replace(release, environment=environment))
    assert refusal(roll()) == (2, "environment-required")


def test_a_release_of_another_environment_and_a_missing_first_one_say_so(
    project, tmp_path, prefect_server
):
    name = project.values["name"]
    (tmp_path / "flowship.toml").write_text(
        f'name = "{name}"\nentrypoint = "f.py:f"\nrequire-env = true\n'
        "[env.staging]\n[env.production]\n"
    )
    env = world(tmp_path / "home", PREFECT_API_URL=prefect_server)

    def error(*arguments):
        options = ("--env", "production", "--json")
        done = flowship("rollback", *arguments, *options, cwd=tmp_path, env=env)
        assert refusal(done) == (2, "release-not-found")
        return done.json["error"]

    def record(number, environment):
        release = replace(RELEASE, project=name, number=number, environment=environment)
        store.record(project.api, release)

    none = error()
    assert none["message"].startswith(f"{name} has no release of production at ")
    assert "`flowship ship --env production` records the first one" in none["hint"]
    record(1, "staging")
    assert error()["hint"] == none["hint"]
    record(2, "production")
    other = error("1")
    assert other["message"] == f"{name} has no release 1 of production: release 1 is of staging"
    assert other["hint"] == "`flowship history --env production` lists those of production"
    assert error("3")["message"] == f"{name} has no release 3"
