"""Where to push, and the other names of an image."""

from __future__ import annotations

import pytest

from flowship.config import loading
from flowship.errors import ConfigError, UsageError
from flowship.registry.target import further_names, push_target
from support.projects import write


def settings(folder, more=""):
    folder.mkdir()
    return loading.load(write(folder, "python:3.11", more=more), environ={})


def test_without_a_repository_the_error_says_how_to_give_one():
    with pytest.raises(UsageError) as caught:
        push_target(None, None)
    assert caught.value.code == "no-repository"
    assert "--repo user/de-repo:tag" in caught.value.hint


def test_an_invalid_repository_in_the_configuration_is_reported_there(tmp_path):
    configured = settings(tmp_path / "p", 'repo = "User/x"\n')
    with pytest.raises(ConfigError, match=r"repo: .* is not an image reference") as caught:
        push_target(None, configured)
    assert caught.value.code == "invalid-image-reference"
    assert "flowship.toml" in caught.value.where
    with pytest.raises(UsageError):
        push_target("User/y", configured)


def test_a_repository_that_only_the_file_names_has_its_place(tmp_path):
    configured = settings(tmp_path / "p", 'repo = "ghcr.io/team/x"\n')
    assert push_target(None, configured).place.endswith("flowship.toml:4:1")
    assert push_target("ghcr.io/team/y", configured).place == ""
    folder = configured.root
    (folder / "flowship.toml").open("a").write('[env.prod]\nrepo = "ghcr.io/team/prod"\n')
    overlaid = loading.load(folder, environ={"FLOWSHIP_ENV": "prod"})
    target = push_target(None, overlaid)
    assert str(target) == "ghcr.io/team/prod"
    assert target.place.endswith("flowship.toml:6:1")  # another place in the same file
    by_variable = loading.load(folder, environ={"FLOWSHIP_REPO": "ghcr.io/team/z"})
    assert push_target(None, by_variable).place == ""
    by_option = loading.load(folder, environ={}, overrides={"repo": "ghcr.io/team/z"})
    assert push_target(None, by_option).place == ""


def test_a_repository_of_an_environment_has_its_place_in_the_file(tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    write(folder, "python:3.11", more='[env.a]\nrepo = "${HOST}/team/x"\n')
    configured = loading.load(folder, environment="a", environ={"HOST": "ghcr.io"})
    assert push_target(None, configured).place.endswith("flowship.toml:5:1")


def test_other_names_are_validated_before_the_build():
    assert further_names(None) == ()
    assert further_names(["trips:nightly", "trips"]) == ("trips:nightly", "trips")
    for name in ("Trips", f"trips@sha256:{'0' * 64}"):
        with pytest.raises(UsageError) as caught:
            further_names([name])
        assert caught.value.where == "--tag"
        assert caught.value.code == "invalid-image-reference"
