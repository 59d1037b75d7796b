"""`flowship ship`: in which order it refuses what cannot work."""

from __future__ import annotations

import pytest

NOWHERE = {
    "DOCKER_HOST": "unix:///nowhere/docker.sock",
    "PREFECT_API_URL": "http://127.0.0.1:9/api",
}
"""An engine and an API that do not answer."""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "no repository"),
        (["--repo", "A/B"], 2, "is lowercase"),
        (["--repo", "a/b", "--cron", "0 25 * * *"], 2, "--cron"),
        (["--repo", "a/b", "--build-arg", "x"], 2, "--build-arg"),
        (["--repo", "a/b"], 7, "127.0.0.1:9"),
    ],
)
def test_everything_that_needs_no_build_is_validated_first(cli, project, arguments, code, words):
    done = cli("ship", *arguments, env=NOWHERE)
    assert (done.code, done.stdout) == (code, "")
    assert words in done.stderr


def test_the_repository_may_come_from_the_environment(cli, project):
    done = cli("ship", env={**NOWHERE, "FLOWSHIP_REPO": "a/b"})
    assert done.code == 7
