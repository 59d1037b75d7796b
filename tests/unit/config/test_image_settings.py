"""The keys of an image: the same rules for the project's own image and for a named one."""

from __future__ import annotations

import pytest

from flowship.config.image_settings import ImageSettings
from flowship.config.keys import known_keys
from flowship.config.settings import Settings
from flowship.config.tables import Deployment
from support.configuring import failure, load

PROJECT = 'entrypoint = "a.py:f"\n'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('platform = "amd64"', "linux/amd64"),
        ('copy = { "a" = "opt/a" }', "/opt/a"),
        ('apt = ["Bad Name"]', "Debian package"),
        ('dockerfile = "D"\ntemplate = "t.j2"', "dockerfile and template cannot be combined"),
        ('dockerfile = "D"\ninclude = ["../x"]', "include and dockerfile cannot be combined"),
        ('requirements = "r.txt"\nlock = "uv.lock"', "requirements and lock cannot be combined"),
        ('base-image = ""', "is empty"),
        ('context = "x"', "must be a folder above the project"),
    ],
)
def test_the_rules_of_the_project_are_those_of_a_named_image(tmp_path, line, words):
    if "is empty" not in words:  # the project has a default for it
        assert words in failure(tmp_path, f"{PROJECT}{line}\n").message
    named = failure(tmp_path, f"{PROJECT}[images.gpu]\n{line}\n")
    assert words in named.message
    assert named.message.startswith("images.gpu")
    assert named.where.startswith(f"{tmp_path}/flowship.toml:")


def test_every_key_of_an_image_is_one_of_the_project_and_not_of_a_deployment():
    keys = known_keys(ImageSettings).keys()
    assert keys < known_keys(Settings).keys()
    assert keys & known_keys(Deployment).keys() == set()


def test_a_key_that_is_not_of_an_image_is_unknown_in_one(tmp_path):
    error = failure(tmp_path, f'{PROJECT}[images.gpu]\nwork-pool = "x"\n')
    assert (error.code, error.message) == ("unknown-key", 'unknown key "images.gpu.work-pool"')
    assert error.where.endswith("flowship.toml:3:1")
    nearest = failure(tmp_path, f'{PROJECT}[images.gpu]\nbase-imge = "x"\n')
    assert nearest.hint == 'did you mean "base-image"?'


def test_an_option_counts_for_all_images(tmp_path):
    text = (
        f'{PROJECT}platform = "linux/amd64"\n[images.arm]\nplatform = "linux/arm64"\n'
        '[[deployments]]\nname = "a"\nimage = "arm"\n'
    )
    [arm] = load(tmp_path, text).per_image()
    assert arm.platform == "linux/arm64"
    [forced] = load(tmp_path, text, platform="linux/386").per_image()
    assert forced.platform == "linux/386"
