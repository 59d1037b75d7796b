"""`flowship build`: what it refuses before it asks an engine."""

from __future__ import annotations

import pytest

from support.commands import one_object


def test_an_invalid_tag_is_refused_first(cli, tmp_path):
    for wrong in ("Bad Tag", "trips@sha256:" + "0" * 64):
        code, _, stderr = cli("build", "--tag", wrong, cwd=tmp_path)
        assert code == 2
        assert "--tag" in stderr


NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


def test_the_dockerfile_is_printed_without_an_engine(cli, project):
    (project / "requirements.txt").write_text("pandas\n")
    done = cli("build", "--print-dockerfile", env=NO_ENGINE)
    assert done.code == 0
    assert done.stdout.startswith("FROM python:3.11\n")
    printed = cli("build", "--print-dockerfile", "--json", env=NO_ENGINE)
    assert one_object(printed.stdout) == {"dockerfile": done.stdout}


@pytest.mark.parametrize("arguments", [["--build-arg", "TEAM"], ["--platform", "x"]], ids=str)
def test_an_invalid_option_is_refused_before_an_engine_is_needed(cli, project, arguments):
    done = cli("build", *arguments, env=NO_ENGINE)
    assert (done.code, done.stdout) == (2, "")
    assert arguments[0] in done.stderr


def test_a_missing_flow_is_an_error_that_suggests_the_nearest(cli, project):
    env = {**NO_ENGINE, "FLOWSHIP_ENTRYPOINT": "flows.py:hello"}
    done = cli("build", env=env)
    assert done.code == 3
    assert "flow.py:hello" in done.stderr
