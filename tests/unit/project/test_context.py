"""The build context: the same files give the same bytes; every file left out has a reason."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from flowship.config import loading
from flowship.errors import ConfigError
from flowship.project import context
from flowship.project.requirements import Requirements
from support.projects import write_files


@pytest.fixture
def project(tmp_path):
    write_files(tmp_path, {"flow.py": "pass", "flowship.toml": 'entrypoint = "flow.py:f"\n'})
    return tmp_path


def members(built):
    buffer = io.BytesIO()
    built.tar(buffer)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        return {m.name: m for m in archive.getmembers()}, buffer.getvalue()


def test_the_same_files_give_the_same_bytes_whatever_their_times_and_order(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    write_files(first, {"x.py": "1", "y/z.py": "2"})
    write_files(second, {"y/z.py": "2", "x.py": "1"})
    os.utime(second / "x.py", (1, 1))
    (second / "x.py").chmod(0o600)
    one, two = context.scan(first), context.scan(second)
    assert members(one)[1] == members(two)[1]
    assert one.digest() == two.digest()


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "x.py").write_text("other"),
        lambda root: (root / "x.py").rename(root / "w.py"),
        lambda root: (root / "x.py").chmod(0o755),
        lambda root: (root / "new").write_text(""),
        lambda root: (root / "empty").mkdir(),
    ],
    ids=["content", "name", "mode", "new file", "empty folder"],
)
def test_what_matters_changes_the_digest(tmp_path, change):
    write_files(tmp_path, {"x.py": "1"})
    before = context.scan(tmp_path).digest()
    change(tmp_path)
    assert context.scan(tmp_path).digest() != before


def test_moving_bytes_between_two_files_changes_the_digest(tmp_path):
    write_files(tmp_path, {"a/x": "12", "a/y": "3", "b/x": "1", "b/y": "23"})
    assert context.scan(tmp_path / "a").digest() != context.scan(tmp_path / "b").digest()


def test_a_new_schedule_does_not_change_the_context(project):
    before = context.scan(project).digest()
    with (project / "flowship.toml").open("a") as file:
        file.write('[[deployments]]\nname = "x"\ncron = "0 5 * * *"\n')
    assert context.scan(project).digest() == before


def test_links_and_executable_files_keep_what_they_are(tmp_path):
    write_files(tmp_path, {"run.sh": "#!/bin/sh"})
    (tmp_path / "run.sh").chmod(0o700)
    (tmp_path / "link").symlink_to("run.sh")
    found, _ = members(context.scan(tmp_path))
    assert found["run.sh"].mode == 0o755
    assert found["link"].issym()
    assert found["link"].linkname == "run.sh"


def test_the_template_s_context_keeps_project_and_dependency_list_apart(project):
    settings = loading.load(project, environ={})
    built = context.assemble(settings, "FROM x\n", Requirements("pandas\n", "requirements.txt"))
    assert built.paths == {
        "Dockerfile",
        ".flowship/requirements.txt",
        "project/flow.py",
    }


def test_the_user_s_own_dockerfile_is_sent_even_when_it_is_ignored(project):
    write_files(project, {"Dockerfile": "FROM x\n", ".dockerignore": "Dockerfile\n"})
    settings = loading.load(project, overrides={"dockerfile": "Dockerfile"}, environ={})
    built = context.assemble(settings, "FROM x\n")
    assert "Dockerfile" in built.paths


def test_a_dockerfile_outside_the_project_is_sent_too(project, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "Dockerfile"
    outside.write_text("FROM y\n")
    relative = os.path.relpath(outside, project)
    settings = loading.load(project, overrides={"dockerfile": relative}, environ={})
    built = context.assemble(settings, "FROM y\n")
    assert context.dockerfile_path(settings) in built.paths
    assert ".." not in context.dockerfile_path(settings)


def test_a_missing_constraints_file_is_named(project):
    settings = loading.load(project, overrides={"packages": {"constraints": "c.txt"}}, environ={})
    with pytest.raises(ConfigError, match=r"packages\.constraints"):
        context.assemble(settings, "FROM x\n")


def test_a_name_that_is_not_utf_8_is_refused_unless_it_is_left_out(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/data\xff.csv")).touch()
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        context.scan(tmp_path)
    assert r"data\xff.csv" in caught.value.message
    (tmp_path / ".dockerignore").write_text("data?.csv\n")
    assert [e.path for e in context.scan(tmp_path).entries] == [".dockerignore"]
    (tmp_path / "link").symlink_to(os.fsdecode(b"\xfe"))
    with pytest.raises(ConfigError, match="link"):
        context.scan(tmp_path)


# --- files that change or cannot be read ---------------------------------------------------------


def test_a_file_that_changes_while_it_is_sent_is_an_error(project):
    built = context.scan(project)
    built.digest()
    (project / "flow.py").write_text("fail")
    with pytest.raises(ConfigError, match="the file changed while it was being") as caught:
        built.tar(io.BytesIO())
    assert caught.value.where == str(project / "flow.py")
    assert "write it outside the project or add it to .dockerignore" in caught.value.hint


SHOW = """
import io, sys
from pathlib import Path
from flowship.project import context
print("before", flush=True)
print("before", file=sys.stderr, flush=True)
scanned = context.scan(Path.cwd())
scanned.digest()
print("after", flush=True)
print("after", file=sys.stderr, flush=True)
scanned.tar(io.BytesIO())
Path(sys.argv[1]).write_text(f"{sorted(scanned.paths)} {scanned.left_out['logs/ship.log']}")
"""


@pytest.mark.parametrize("redirected", [("stdout",), ("stderr",), ("stdout", "stderr")])
def test_the_file_that_the_command_s_own_output_goes_to_is_left_out(
    project, tmp_path_factory, redirected
):
    result = tmp_path_factory.mktemp("result") / "shown"
    write_files(project, {"logs/other.log": "another command's", "logs/ship.log": ""})
    with (project / "logs" / "ship.log").open("w") as log:
        streams = dict.fromkeys(redirected, log)
        command = [sys.executable, "-c", SHOW, str(result)]
        subprocess.run(command, cwd=project, check=True, **streams)
    paths = "['flow.py', 'logs/other.log']"
    assert result.read_text() == f"{paths} excluded by default (output of this command)"
    without = context.scan(project)
    assert "logs/ship.log" in without.paths
    assert not without.left_out.keys() & {"logs/ship.log"}


def test_a_file_that_disappears_before_it_is_sent_is_an_error(project):
    built = context.scan(project)
    (project / "flow.py").unlink()
    with pytest.raises(ConfigError, match=r"cannot read .*flow\.py: No such file"):
        built.digest()


def test_a_file_without_read_permission_is_an_error_of_the_scan(project, monkeypatch):
    # root can read everything, so this stands in for what the system answers another user
    monkeypatch.setattr(context.os, "access", lambda path, mode: Path(path).name != "flow.py")
    with pytest.raises(ConfigError, match=r"cannot read .*flow\.py: Permission denied") as caught:
        context.scan(project)
    assert ".dockerignore" in caught.value.hint
