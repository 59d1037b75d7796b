"""`flowship rollback` as a user types it, without an engine; with one: operate/test_rollback.py."""

from __future__ import annotations

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
    from dataclasses import replace

    for number, environment in ((1, "staging"), (2, "production")):
        release = replace(RELEASE, project=project.values["name"], number=number)
        store.record(project.api, replace(release, environment=environment))
    assert refusal(roll()) == (2, "environment-required")
