"""The environments that are not chosen: their errors are found, each with its name."""

from __future__ import annotations

import pytest

from flowship import check
from flowship.config import loading
from flowship.config.every_environment import failures, outlines
from support.projects import CONFIG

DEPLOYMENTS = '[[deployments]]\nname = "nightly"\ncron = "0 5 * * *"\n'


def found(folder, more, environment=None):
    (folder / "flow.py").write_text("def hello(): ...\n")
    (folder / "flowship.toml").write_text(CONFIG + DEPLOYMENTS + more)
    return check.check_environments(folder, environment)


@pytest.mark.parametrize(
    ("more", "place", "words"),
    [
        (
            '[env.staging.deployments.nightly]\ncron = "0 25 * * *"\n',
            "flowship.toml:8:1",
            "0 25 * * *",
        ),
        (
            '[env.staging.deployments.nightly]\nimage = "gpu"\n',
            "flowship.toml:8:1",
            'no image "gpu"',
        ),
        ('[[env.staging.deployments]]\nname = "n"\n', "flowship.toml:7:3", "must be tables"),
        ('[env.staging]\nbase-image = "UPPER"\n', "flowship.toml:8:1", "base-image"),
        ('[env.staging.check]\nwarn = ["secrt"]\n', "flowship.toml:8:1", 'unknown rule "secrt"'),
    ],
    ids=["schedule", "image", "list", "base image", "rule"],
)
def test_an_error_in_an_environment_is_found_at_its_place(tmp_path, more, place, words):
    [failure] = found(tmp_path, more)
    assert failure.environment == "staging"
    assert failure.error.message.startswith("environment staging: ")
    assert words in failure.error.message
    assert failure.error.where.endswith(place)


def test_every_wrong_environment_is_named_and_a_right_one_is_not(tmp_path):
    more = (
        '[env.a.deployments.nightly]\ncron = "x"\n[env.b]\nwork-pool = "b"\n'
        "[env.c.deployments.nightly]\nconcurrency = 0\n"
    )
    assert [each.environment for each in found(tmp_path, more)] == ["a", "c"]


def test_the_chosen_environment_is_not_loaded_again(tmp_path):
    settings_text = CONFIG + '[env.a]\nwork-pool = "a"\n[env.b]\nwork-pool = "b"\n'
    (tmp_path / "flowship.toml").write_text(settings_text)
    seen = []
    settings = loading.load(tmp_path, environment="a", environ={})
    assert failures(settings, tmp_path, lambda each: seen.append(each.environment)) == ()
    assert seen == ["b"]


def test_a_variable_that_is_set_elsewhere_is_not_an_error(tmp_path, monkeypatch):
    monkeypatch.delenv("PRODUCTION_REGISTRY", raising=False)
    more = '[env.production]\nrepo = "${PRODUCTION_REGISTRY}/flows"\n'
    assert found(tmp_path, more) == ()
    [failure] = found(tmp_path, '[env.production]\nrepo = "${A-B}"\n')
    assert failure.error.code == "variable-invalid"


@pytest.mark.parametrize(
    ("top", "environment", "expected"),
    [
        ("", None, ["hello-staging", "other"]),
        ("", "staging", ["other", "hello-docker"]),
        ("require-env = true\n", "production", ["hello-staging"]),
    ],
)
def test_the_outlines_of_the_others_have_their_blocks(
    tmp_path, monkeypatch, top, environment, expected
):
    more = '[env.staging]\nblock.name = "hello-staging"\n[env.production]\nblock.name = "other"\n'
    (tmp_path / "flow.py").write_text("def hello(): ...\n")
    config = 'name = "hello"\nentrypoint = "flow.py:hello"\n'
    (tmp_path / "flowship.toml").write_text(top + config + more)
    monkeypatch.setenv("FLOWSHIP_ENV", "production")  # of the shell; it is not the chosen one here
    settings = loading.load(tmp_path, environment=environment, environ={})
    assert [each.block_name for each in outlines(settings)] == expected


def test_an_environment_that_cannot_be_read_is_left_out(tmp_path):
    config = 'name = "hello"\nentrypoint = "flow.py:hello"\nrequire-env = true\n'
    more = '[env.a]\n[env.b]\nprofile = ["x"]\n[env.c]\nprofile = "c"\n'
    (tmp_path / "flowship.toml").write_text(config + more)
    settings = loading.load(tmp_path, environment="a")
    assert [each.environment for each in outlines(settings)] == ["c"]
