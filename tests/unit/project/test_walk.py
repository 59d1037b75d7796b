"""Walking a project of any shape, in linear time."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from flowship.config import discovery
from flowship.errors import ConfigError
from flowship.project import context, walk
from flowship.project.ignore import LeftOutKind
from support.projects import git, write_files


def test_folders_without_files_are_left_out(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    write_files(tmp_path, {"flow.py": ""})
    before = context.scan(tmp_path).digest()
    (tmp_path / "c").mkdir()
    found = context.scan(tmp_path)
    assert found.digest() == before
    assert {p for p, why in found.left_out.items() if why.kind is LeftOutKind.EMPTY} == {"a/b", "c"}


@pytest.mark.parametrize(("depth", "pattern"), [(500, "**/x*y*z*/**"), (1500, "**/x/*.y")])
def test_deeply_nested_folders_take_no_time(tmp_path, depth, pattern):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("flow.py", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    write_files(tmp_path, {".dockerignore": f"{pattern}\n"})
    start = time.process_time()
    try:
        assert len(context.scan(tmp_path).paths) == 2
        assert len(discovery.python_files(tmp_path)) == 1
        assert time.process_time() - start < 10
    finally:  # pytest's own removal calls itself for each folder
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


def test_a_repository_inside_has_its_own_rules_and_index(tmp_path):
    write_files(tmp_path, {"flow.py": "", ".gitignore": "*.csv\nout/\n", "a.csv": ""})
    write_files(tmp_path / "vendor" / "lib", {"b.csv": "", "c.tmp": "", ".gitignore": "*.tmp\n"})
    write_files(tmp_path / "out" / "lib", {"d.csv": ""})
    for folder in (tmp_path / "vendor" / "lib", tmp_path / "out" / "lib", tmp_path):
        git(folder, "init", "-q")
    found = context.scan(tmp_path)
    inside = {"vendor/lib/b.csv", "vendor/lib/.gitignore"}
    assert found.paths == {"flow.py", ".gitignore"} | inside
    assert found.left_out["vendor/lib/c.tmp"].place == "vendor/lib/.gitignore line 1"
    git(tmp_path / "vendor" / "lib", "add", "-f", "c.tmp")
    assert "vendor/lib/c.tmp" in context.scan(tmp_path).paths


def test_an_empty_folder_that_is_ignored_anyway_keeps_that_reason(tmp_path):
    (tmp_path / "out" / "x").mkdir(parents=True)
    write_files(tmp_path, {"flow.py": "", ".dockerignore": "out\n!**/kept\n"})
    kinds = {path: why.kind for path, why in context.scan(tmp_path).left_out.items()}
    assert kinds == dict.fromkeys(("out", "out/x"), LeftOutKind.IGNORE_FILE)


def test_pipes_are_left_out(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    write_files(tmp_path, {"flow.py": ""})
    assert context.scan(tmp_path).paths == {"flow.py"}
    assert discovery.python_files(tmp_path) == [tmp_path / "flow.py"]


def test_files_that_vanish_during_the_walk_are_not_there(tmp_path, monkeypatch):
    write_files(tmp_path, {"flow.py": "", "gone.py": "", "folder/x": ""})
    real = os.scandir

    def scandir(path):
        items = list(real(path))
        (tmp_path / "gone.py").unlink(missing_ok=True)
        if str(path).endswith("folder"):
            raise FileNotFoundError(path)
        return items

    monkeypatch.setattr(walk.os, "scandir", scandir)
    assert context.scan(tmp_path).paths == {"flow.py"}


def test_far_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "MOST_FILES", 10)
    write_files(tmp_path, {f"d{n % 3}/{n}": "" for n in range(11)})
    with pytest.raises(ConfigError, match="more than 10 files") as caught:
        context.scan(tmp_path)
    assert caught.value.code == "too-many-files"


def test_an_ignore_file_that_is_a_link_out_of_the_project_is_refused(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "secret").write_text("hunter2\n")
    (tmp_path / "project" / ".dockerignore").symlink_to("../secret")
    with pytest.raises(ConfigError, match="out of the project") as caught:
        context.scan(tmp_path / "project")
    assert "hunter2" not in str(vars(caught.value))
