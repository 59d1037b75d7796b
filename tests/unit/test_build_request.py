"""The hash of all inputs: it changes exactly when the image changes."""

from __future__ import annotations

import pytest

from flowship.build_request import prepare_build
from flowship.config import loading
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
def test_a_different_input_changes_the_digest(project, change):
    before = digest(project)
    change(project)
    assert digest(project) != before


def test_options_and_the_base_image_are_inputs_too(project):
    before = digest(project)
    assert digest(project, platform="linux/arm64") != before
    assert digest(project, build_args={"TEAM": "data"}) != before
    assert digest(project, {"python:3.11": "sha256:2"}) != before


def test_files_that_do_not_reach_the_image_are_not_inputs(project, tmp_path):
    before = digest(project)
    with (project / "flowship.toml").open("a") as stream:
        stream.write('[[deployments]]\nname = "nightly"\ncron = "0 5 * * *"\n')
    (project / ".venv").mkdir()
    (project / ".venv" / "pyvenv.cfg").write_text("")
    elsewhere = project.rename(tmp_path / "a second laptop")
    assert digest(elsewhere) == before


def test_the_files_of_a_project_are_known_by_their_place_in_the_image(project):
    text = (project / "flowship.toml").read_text()
    text = text.replace('"flow.py:', '"acme/flow.py:') + "\n[check]\nignore = []\n"
    (project / "flowship.toml").write_text('image-folder = "acme"\n' + text)
    request = prepare_build(loading.load(project, environ={}))
    assert "COPY project/ /opt/prefect/flows/acme/\n" in request.dockerfile
    assert {"acme/flow.py", "acme/helpers.py"} <= request.project.files
    assert "acme/flowship.toml" in request.project.left_out
    assert "project/flow.py" in request.context.paths


def test_the_packages_below_src_are_on_the_path_in_the_image_folder_too(project):
    (project / "src" / "trips").mkdir(parents=True)
    overrides = {"image_folder": "acme", "entrypoint": "acme/flow.py:hello"}
    text = prepare_build(loading.load(project, environ={}, overrides=overrides)).dockerfile
    assert "ENV PYTHONPATH=/opt/prefect/flows/acme/src\n" in text
    text = prepare_build(loading.load(project, environ={})).dockerfile
    assert "ENV PYTHONPATH=/opt/prefect/flows/src\n" in text
