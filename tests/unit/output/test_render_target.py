"""The line with the server and the environment."""

from __future__ import annotations

from flowship.config.settings import Settings
from flowship.output import render_target
from flowship.prefect.profiles.resolution import resolve
from support.rendering import shown


def settings(tmp_path, environment):
    return Settings(
        root=tmp_path, name="p", entrypoint="a.py:f", base_image="x", environment=environment
    )


def test_the_environment_the_server_and_its_source_are_shown(tmp_path):
    environ = {"HOME": str(tmp_path), "PREFECT_API_URL": "http://ada:pw@example.com/api"}
    line = shown(
        [render_target.server("deploying to", settings(tmp_path, "qa"), resolve(tmp_path, environ))]
    )
    assert line.strip() == (
        "deploying to qa: http://ada:********@example.com/api (environment variable"
        " PREFECT_API_URL)"
    )


def test_that_no_environment_is_chosen_is_shown(tmp_path):
    target = resolve(tmp_path, {"HOME": str(tmp_path)})
    line = shown([render_target.server("deploying to", settings(tmp_path, None), target)])
    assert line.strip() == (
        "deploying to no API (profile ephemeral (no API address)), without an environment"
    )
