"""`flowship push` and `flowship login`: what they refuse before they ask a registry."""

from __future__ import annotations

import pytest

from support.commands import one_object


def test_login_asks_nothing_without_a_terminal(cli):
    for arguments in (["login"], ["login", "--username", "ada"], ["login", "--password-stdin"]):
        code, stdout, stderr = cli(*arguments, timeout=30)
        assert (code, stdout) == (2, "")
        assert "--" in stderr.splitlines()[-1], "the hint names the option"
        assert "assword:" not in stderr


NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


@pytest.mark.parametrize(
    ("repository", "words"),
    [("User/Repo", "is lowercase"), ("localhost:5000", "without a repository"), ("", "is empty")],
)
def test_an_invalid_repository_is_refused_before_an_engine_is_needed(
    cli, project, repository, words
):
    code, stdout, stderr = cli("push", "--repo", repository, env=NO_ENGINE)
    assert (code, stdout) == (2, "")
    assert words in stderr


def test_a_named_image_needs_no_project(cli, tmp_path):
    (tmp_path / "other.py").touch()  # Python files, but no configuration
    done = cli("push", "--image", "a:b", "--repo", "a/b", "--json", env=NO_ENGINE)
    assert done.code == one_object(done.stdout)["error"]["exit_code"] == 4
