"""The settings' own rules: which values are valid, alone and together."""

from __future__ import annotations

from importlib import metadata

import pytest

from flowship.config.settings import Settings
from flowship.errors import ConfigError
from support.configuring import failure, load


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('name = "My Flow"', "my-flow"),
        ('platform = "amd64"', "linux/amd64"),
        ('copy = { "a" = "opt/a" }', "/opt/a"),
        ('apt = ["Bad Name"]', "Debian package"),
        ('dockerfile = "D"\ntemplate = "t.j2"', "cannot be combined"),
    ],
)
def test_an_invalid_value_is_an_error_that_shows_a_valid_one(tmp_path, line, word):
    assert word in failure(tmp_path, f'entrypoint = "a.py:f"\n{line}\n').message


def test_the_default_base_image_has_the_prefect_that_flowship_runs_on(tmp_path):
    base = load(tmp_path, 'entrypoint = "a.py:f"\n').base_image
    assert base.startswith(f"prefecthq/prefect:{metadata.version('prefect')}-python3.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('work-pool = "c/d"\n', "work-pool must not contain /"),
        ('[block]\nnetwork-mode = "host"\nnetworks = ["a"]\n', "cannot be combined"),
    ],
)
def test_what_the_server_or_the_engine_would_refuse_is_refused_at_once(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, f'entrypoint = "a.py:f"\n{text}')


# --- where the files go in the image, and other settings that the shipped flow uses --------------

PACKAGE = 'entrypoint = "acme/trips/flow.py:f"\n'


def test_the_files_of_a_project_can_go_into_a_folder_below_the_flows_folder(tmp_path):
    settings = load(tmp_path, PACKAGE + 'image-folder = "acme/trips/"\n')
    assert settings.project_dir == "/opt/prefect/flows/acme/trips"
    assert settings.flow_file == "flow.py"
    assert load(tmp_path, PACKAGE).flow_file == "acme/trips/flow.py"
    assert load(tmp_path, PACKAGE).project_dir == "/opt/prefect/flows"


@pytest.mark.parametrize("folder", ["/acme", "../acme", "acme/../x", "a b", "."])
def test_an_image_folder_must_be_below_the_flows_folder(tmp_path, folder):
    error = failure(tmp_path, f'{PACKAGE}image-folder = "{folder}"\n')
    assert "must be a folder below /opt/prefect/flows" in error.message
    assert error.where.endswith("flowship.toml:2:1")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('image-folder = "other"', "entrypoint must start with image-folder"),
        ('image-folder = "acme"\ndockerfile = "Dockerfile"', "cannot be combined"),
    ],
)
def test_an_image_folder_must_fit_the_other_keys(tmp_path, lines, words):
    assert words in failure(tmp_path, f"{PACKAGE}{lines}\n").message


def test_a_project_without_deployments_has_a_default_one(tmp_path):
    text = 'name = "p"\nentrypoint = "a.py:f"\n'
    assert load(tmp_path, text).deployment_names == ("p",)
    text += 'default-deployment = "nightly"\n'
    assert load(tmp_path, text).deployment_names == ("nightly",)
    assert load(tmp_path, text + '[[deployments]]\nname = "d"\n').deployment_names == ("d",)


def test_settings_do_not_change(tmp_path):
    settings = load(tmp_path, 'entrypoint = "a.py:f"\n')
    with pytest.raises(ValueError, match="frozen"):
        settings.name = "other"
    assert isinstance(settings, Settings)


# --- values that cannot be names -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("base-image = 0", "base-image must be text"),
        ("base-image = false", "base-image must be text"),
        ("base-image = []", "base-image must be text"),
        ('work-pool = " "', "work-pool is empty"),
        ('default-deployment = "\\t"', "default-deployment is empty"),
        ('[[deployments]]\nname = "  "', "name is empty"),
        ('work-pool = "a/b"', "work-pool must not contain"),
        (f'template = "{"a" * 5000}"', "template: the file name is too long"),
        (f'requirements = "{"a/" * 2100}"', "requirements: the file name is too long"),
        ('dockerfile = "a\\u0000b"', "dockerfile: the file name contains a control character"),
    ],
    ids=lambda value: value[:30],
)
def test_values_that_cannot_be_names_are_refused(tmp_path, line, words):
    (tmp_path / "flowship.toml").write_text(f'entrypoint = "flow.py:f"\n{line}\n')
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert words in caught.value.message
    assert "flowship.toml:" in caught.value.where
