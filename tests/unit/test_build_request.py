"""The hash of all inputs: it changes exactly when the image changes."""

from __future__ import annotations

import io
import os
import re
import subprocess
from pathlib import Path

import pytest

from flowship import build_request
from flowship.build_request import BuildRequest, prepare_build, until_files_rest
from flowship.config import loading
from flowship.errors import ConfigError
from support.lock_tools import pylock
from support.projects import git, write, write_files

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
        lambda folder: rewrite(folder / "flowship.toml", '"trips"', '"other"'),
        lambda folder: (folder / "requirements.txt").write_text("tabulate\n"),
    ],
    ids=["content", "path", "mode", "name", "requirements"],
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
    assert {"acme/flow.py", "acme/helpers.py"} <= request.files
    assert "acme/flowship.toml" in request.left_out
    assert "project/flow.py" in request.context.paths


def test_the_packages_below_src_are_on_the_path_in_the_image_folder_too(project):
    (project / "src" / "trips").mkdir(parents=True)
    overrides = {"image_folder": "acme", "entrypoint": "acme/flow.py:hello"}
    text = prepare_build(loading.load(project, environ={}, overrides=overrides)).dockerfile
    assert "ENV PYTHONPATH=/opt/prefect/flows/acme/src\n" in text
    text = prepare_build(loading.load(project, environ={})).dockerfile
    assert "ENV PYTHONPATH=/opt/prefect/flows/src\n" in text


# --- two clones of one commit --------------------------------------------------------------------

CLONES = {
    "the same": [],
    "another umask": ["umask 0077"],
    "a shared umask": ["umask 0000"],
    "CRLF": ["git config --global core.autocrlf true"],
    "no links": ["git config --global core.symlinks false"],
    "no modes": [],
    "all at once": [
        "umask 0077",
        "git config --global core.autocrlf true",
        "git config --global core.symlinks false",
    ],
}


@pytest.fixture
def upstream(tmp_path):
    folder = tmp_path / "upstream"
    folder.mkdir()
    write(folder, "python:3.11", {"data/months.csv": "1\n2\n", "run.sh": "#!/bin/sh\n"})
    write_files(folder, {"Dockerfile": "FROM python:3.11\nCOPY . /opt/prefect/flows/\n"})
    write_files(folder, {".gitignore": "*.out\n", "kept.out": "1\n", "requirements.txt": "x\n"})
    (folder / "picture.bin").write_bytes(b"\0\r\n\n")
    write_files(
        folder,
        {
            ".gitattributes": "*.bat text eol=crlf\n*.sql text\nversion.py ident\n*.raw -text\n",
            "run.bat": "a\nb\n",
            "q.sql": "select 1\n",
            "version.py": "# $Id$\n",
            "a.raw": "a\r\n",
        },
    )
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("data/months.csv")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "add", "-f", "kept.out")
    git(folder, "commit", "-q", "-m", "x")
    return folder


def run_as_another_user(tmp_path, *commands, **variables):
    """Run shell commands whose git has no settings but its own."""
    (tmp_path / "home").mkdir(exist_ok=True)
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
        "HOME": str(tmp_path / "home"),
        "GIT_CONFIG_SYSTEM": os.devnull,
        **variables,
    }
    subprocess.run(["sh", "-ec", "\n".join(commands)], env=environ, check=True)


@pytest.mark.parametrize("own", [False, True], ids=["template", "own Dockerfile"])
@pytest.mark.parametrize("how", CLONES)
def test_two_clones_of_one_commit_have_one_hash(upstream, tmp_path, how, own):
    overrides = {"dockerfile": "Dockerfile"} if own else {}
    clone = tmp_path / "clone"
    run_as_another_user(tmp_path, *CLONES[how], f"git clone -q {upstream} {clone}")
    if how == "CRLF":
        assert b"\r\n" in (clone / "flow.py").read_bytes()
    if how == "no links":
        assert not (clone / "link").is_symlink()
    if how == "no modes":  # on some file systems every file is executable; git notices and says so
        git(clone, "config", "core.fileMode", "false")
        for path in clone.rglob("*"):
            path.chmod(0o777)
    (clone / "scratch").mkdir()  # git keeps no empty folders
    (clone / "today.out").write_text("ignored")
    assert digest(clone, **overrides) == digest(upstream, **overrides)
    paths = prepare_build(loading.load(clone, environ={})).context.paths
    assert "project/kept.out" in paths
    (clone / "flow.py").write_text("changed\n")
    assert digest(clone, **overrides) != digest(upstream, **overrides)


@pytest.mark.parametrize("how", CLONES)
def test_a_submodule_gives_one_hash_too_or_is_named(upstream, tmp_path, how):
    library = tmp_path / "library"
    write_files(library, {"lib.py": "x = 1\n", "months.out": "1\n", ".gitignore": "*.tmp\n"})
    git(library, "init", "-q")
    git(library, "add", "-A")
    git(library, "commit", "-q", "-m", "x")
    git(upstream, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "lib")
    git(upstream, "commit", "-q", "-m", "a submodule")
    clone = tmp_path / "clone"
    run_as_another_user(tmp_path, *CLONES[how], f"git clone -q {upstream} {clone}")

    request = prepare_build(loading.load(clone, environ={}))
    assert request.warnings == (
        "not in the image, because the submodule was not fetched: lib; run"
        " `git submodule update --init --recursive`",
    )
    assert request.left_out["lib"].remedy("lib") == "run `git submodule update --init --recursive`"

    update = "git -c protocol.file.allow=always submodule --quiet update --init --recursive"
    run_as_another_user(tmp_path, *CLONES[how], f"cd {clone}", update)
    (clone / "lib" / "scratch.tmp").write_text("ignored by the submodule")
    request = prepare_build(loading.load(clone, environ={}))
    assert not request.warnings
    # *.out is a line of the project, which is not for the files of another repository.
    assert {"project/lib/lib.py", "project/lib/months.out"} < request.context.paths
    assert not {"project/lib/scratch.tmp", "project/lib/.git"} & request.context.paths
    assert digest(clone) == digest(upstream)


# --- files that change ---------------------------------------------------------------------------


def send(changing):
    """Send a request as a build does; `changing` is called after its hash was computed."""

    def work(request, again):
        inputs = request.digest(BASE)
        changing()
        request.context.tar(io.BytesIO())
        return inputs

    return work


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(build_request, "WAITS", (0, 0, 0))


def test_a_file_that_grows_while_it_is_sent_is_read_again(project, at_once):
    log, events = project / "ship.log", []
    lines = iter(["one\n", "two\n"])

    def grow():
        with log.open("a") as stream:
            stream.write(next(lines, ""))

    log.touch()
    request = prepare_build(loading.load(project, environ={}))
    assert until_files_rest(request, events.append, send(grow)) == digest(project)
    assert [event.text for event in events] == [
        "ship.log changed while it was read: reading it again"
    ] * 2


def test_a_file_that_never_rests_is_named_with_the_way_out(project, at_once):
    log = project / "ship.log"
    log.touch()

    def grow():
        log.write_text(log.read_text() + "x")

    request = prepare_build(loading.load(project, environ={}))
    with pytest.raises(ConfigError, match="changed while it was being sent") as caught:
        until_files_rest(request, lambda event: None, send(grow))
    assert caught.value.code == "file-changed"
    assert caught.value.where == str(log)
    assert "add it to .dockerignore" in caught.value.hint
    (project / ".dockerignore").write_text("*.log\n")
    until_files_rest(request, lambda event: None, send(grow))


def test_a_file_that_appears_and_vanishes_does_not_stop_the_build(project, at_once):
    swap, calls = project / ".flow.py.swp", iter([True, False])

    def vanish():
        swap.unlink(missing_ok=True)
        if next(calls, False):
            (project / "new.py").write_text("")

    swap.write_text("x")
    request = prepare_build(loading.load(project, environ={}))
    assert until_files_rest(request, lambda event: None, send(vanish)) == digest(project)


def test_the_digest_does_not_depend_on_which_flows_are_deployed(project):
    before = digest(project)
    rewrite(project / "flowship.toml", ":hello", ":other")
    with (project / "flowship.toml").open("a") as file:
        file.write('[[deployments]]\nname = "d"\nentrypoint = "helpers.py:another"\n')
    assert digest(project) == before


# --- Prefect in the dependencies -----------------------------------------------------------------


PYLOCK = pylock("prefect", "3.6.13")


def pinned(folder: Path, more: str = "") -> BuildRequest:
    (folder / "flowship.toml").write_text(f'entrypoint = "flow.py:f"\n{more}')
    (folder / "pylock.toml").write_text(PYLOCK)
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\nrequires-python = ">=3.12"\n')
    return prepare_build(loading.load(folder, environ={}))


def test_the_default_base_image_has_the_pinned_prefect_and_a_python_that_is_allowed(tmp_path):
    request = pinned(tmp_path)
    base = request.settings.base_image
    assert re.fullmatch(r"prefecthq/prefect:3\.6\.13-python3\.1[23]", base)
    assert request.dockerfile.startswith(f"FROM {base}\n")
    assert request.warnings == ()


def test_a_configured_base_image_with_another_prefect_is_a_warning_with_both_versions(tmp_path):
    (warning,) = pinned(tmp_path, 'base-image = "prefecthq/prefect:3.8.8-python3.12"\n').warnings
    assert "pylock.toml pins Prefect 3.6.13, but the base image has 3.8.8" in warning
    assert 'base-image = "prefecthq/prefect:3.6.13-python3.1' in warning
    same = 'base-image = "prefecthq/prefect:3.6.13-python3.12"\n'
    assert pinned(tmp_path, same).warnings == ()
    assert pinned(tmp_path, 'base-image = "python:3.12"\n').warnings == ()


@pytest.mark.parametrize(
    ("base", "present"),
    [
        ("flowship/base:prefect3.8.8-python3.11", "3.8.8"),
        ("localhost:5000/mirror/prefecthq/prefect:3.8.8-python3.12", "3.8.8"),
        ("prefecthq/prefect:3.8-python3.12", "3.8"),
    ],
)
def test_the_name_of_each_base_image_of_prefect_says_its_version(tmp_path, base, present):
    (warning,) = pinned(tmp_path, f'base-image = "{base}"\n').warnings
    assert f"pylock.toml pins Prefect 3.6.13, but the base image has {present}:" in warning
    same = base.replace("3.8.8", "3.6.13").replace("3.8-", "3-")
    assert pinned(tmp_path, f'base-image = "{same}"\n').warnings == ()


def test_of_a_lockfile_with_a_prefect_for_each_python_that_of_the_image_counts(tmp_path):
    old = PYLOCK.replace("3.6.13", "3.8.8").replace(
        "[[packages.wheels]]", "marker = \"python_version < '3.11'\"\n[[packages.wheels]]"
    )
    new = PYLOCK.replace("3.6.13", "3.9.1").replace(
        "[[packages.wheels]]", "marker = \"python_version >= '3.11'\"\n[[packages.wheels]]"
    )
    (tmp_path / "pylock.toml").write_text(old + new[new.index("[[packages]]") :])
    config = tmp_path / "flowship.toml"
    for python, warned in (("3.10", False), ("3.11", True)):
        base = f"flowship/base:prefect3.8.8-python{python}"
        config.write_text(f'entrypoint = "flow.py:f"\nbase-image = "{base}"\n')
        warnings = prepare_build(loading.load(tmp_path, environ={})).warnings
        assert [("pins Prefect 3.9.1" in text) for text in warnings] == [True] * warned


def test_a_dockerfile_that_does_not_exist_is_reported_where_it_is_named(tmp_path):
    (tmp_path / "flow.py").write_text("def f(): ...\n")
    (tmp_path / "flowship.toml").write_text('entrypoint = "flow.py:f"\ndockerfile = "D"\n')
    with pytest.raises(ConfigError, match="cannot read the Dockerfile D") as caught:
        prepare_build(loading.load(tmp_path, environ={}))
    assert caught.value.where.endswith("flowship.toml:2:1")
