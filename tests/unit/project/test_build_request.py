"""The hash of all inputs: what changes an image changes it, and nothing else does."""

from __future__ import annotations

import pytest

from flowship.config import loading
from flowship.project.build_request import prepare_build
from support.projects import write

BASE = {"python:3.11": "sha256:1"}


def digest(folder, bases=BASE, **overrides):
    return prepare_build(loading.load(folder, environ={}, overrides=overrides)).digest(bases)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "trips"
    folder.mkdir()
    return write(folder, "python:3.11", {"helpers.py": "RATE = 1\n"})


def rewrite(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: rewrite(folder / "helpers.py", "1", "2"),
        lambda folder: (folder / "helpers.py").rename(folder / "helper.py"),
        lambda folder: (folder / "helpers.py").chmod(0o755),
        lambda folder: (folder / "empty").mkdir(),
        lambda folder: rewrite(folder / "flowship.toml", '"trips"', '"other"'),
        lambda folder: rewrite(folder / "flowship.toml", ":hello", ":other"),
        lambda folder: (folder / "requirements.txt").write_text("tabulate\n"),
    ],
    ids=["content", "path", "mode", "folder", "name", "entrypoint", "requirements"],
)
def test_another_input_is_another_image(project, change):
    before = digest(project)
    change(project)
    assert digest(project) != before


def test_options_and_the_base_are_inputs_too(project):
    before = digest(project)
    assert digest(project, platform="linux/arm64") != before
    assert digest(project, build_args={"TEAM": "data"}) != before
    assert digest(project, {"python:3.11": "sha256:2"}) != before


def test_what_does_not_reach_the_image_is_no_input(project, tmp_path):
    before = digest(project)
    with (project / "flowship.toml").open("a") as stream:
        stream.write('[[deployments]]\nname = "nightly"\ncron = "0 5 * * *"\n')
    (project / ".venv").mkdir()
    (project / ".venv" / "pyvenv.cfg").write_text("")
    elsewhere = project.rename(tmp_path / "a second laptop")
    assert digest(elsewhere) == before
