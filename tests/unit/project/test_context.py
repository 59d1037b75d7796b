"""The build context: the same files give the same bytes; every file left out has a reason."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.errors import ConfigError
from flowship.project import context, walk
from flowship.project.entry import FileChangedError
from flowship.project.requirements import Requirements
from support.projects import git, write_files


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
    ],
    ids=["content", "name", "mode", "new file"],
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


@pytest.mark.parametrize(
    ("ignored", "copied", "for_builder"),
    [
        ("", {".dockerignore", "Dockerfile", "flow.py"}, set()),
        ("Dockerfile", {".dockerignore", "flow.py"}, {"Dockerfile"}),
        (".dockerignore", {"Dockerfile", "flow.py"}, set()),
        ("Dockerfile\n.dockerignore", {"flow.py"}, {"Dockerfile", ".dockerignore"}),
        ("*\n!flow.py", {"flow.py"}, {"Dockerfile", ".dockerignore"}),
    ],
)
def test_an_ignored_dockerfile_is_sent_for_the_builder_only(project, ignored, copied, for_builder):
    write_files(project, {"Dockerfile": "FROM x\n", ".dockerignore": f"{ignored}\n"})
    settings = loading.load(project, overrides={"dockerfile": "Dockerfile"}, environ={})
    built = context.assemble(settings, "FROM x\n")
    assert built.paths == copied
    assert {e.path for e in built.for_builder} == for_builder
    assert set(members(built)[0]) == copied | for_builder
    changed = context.assemble(settings, "FROM y\n")
    assert built.digest() != changed.digest()


@pytest.mark.parametrize("linked", [False, True], ids=["by its path", "by a link"])
@pytest.mark.parametrize(
    "key", ["dockerfile", "template", "requirements", "packages.constraints", "packages.ca-bundle"]
)
def test_a_file_outside_the_project_is_refused_and_never_quoted(
    project, tmp_path_factory, key, linked
):
    secret = tmp_path_factory.mktemp("home") / ".netrc"
    secret.write_text("machine example.com password hunter2\n")
    name = os.path.relpath(secret, project)
    if linked:
        (project / "inside").symlink_to(secret)
        name = "inside"
    table, _, last = key.rpartition(".")
    text = f'entrypoint = "flow.py:f"\n{f"[{table}]" if table else ""}\n{last} = "{name}"\n'
    (project / "flowship.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        prepare_build(loading.load(project, environ={}))
    assert caught.value.code == "outside-project"
    assert f"{key}: {name} is " in caught.value.message
    assert caught.value.where.endswith("flowship.toml:3:1")
    assert "hunter2" not in str(vars(caught.value))


def test_a_bundle_that_a_variable_names_may_be_anywhere_but_has_no_key(project, tmp_path_factory):
    bundle = tmp_path_factory.mktemp("etc") / "ca.pem"
    bundle.write_text("-----BEGIN CERTIFICATE-----\n")
    environ = {"FLOWSHIP_PACKAGES__CA_BUNDLE": str(bundle)}
    built = prepare_build(loading.load(project, environ=environ)).context
    assert ".flowship/ca-bundle.pem" in built.paths
    bundle.write_text("-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(ConfigError, match="contains a private key"):
        prepare_build(loading.load(project, environ=environ))


@pytest.mark.parametrize("key", ["dockerfile", "template", "requirements", "packages.constraints"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "too large"])
def test_a_pipe_a_device_a_folder_and_a_huge_file_are_refused(project, key, kind):
    path = project / "thing"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        try:
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero
        except PermissionError:
            pytest.skip("only root can make a device")
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as stream:
            stream.truncate(11_000_000)
    table, _, last = key.rpartition(".")
    text = f'entrypoint = "flow.py:f"\n{f"[{table}]" if table else ""}\n{last} = "thing"\n'
    (project / "flowship.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        prepare_build(loading.load(project, environ={}))
    expected = "file-too-large" if kind == "too large" else "not-a-regular-file"
    not_there = key == "requirements" and kind != "too large"
    assert caught.value.code == ("requirements-not-found" if not_there else expected)


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


def test_a_file_that_disappears_before_it_is_read_is_not_there(project):
    write_files(project, {"log": "x"})
    built, without = context.scan(project), context.scan(project)
    (project / "log").unlink()
    assert built.digest() == context.scan(project).digest()
    assert set(members(built)[0]) == {"flow.py"}
    assert set(members(without)[0]) == {"flow.py"}
    assert [e.read() for e in built.entries] == [b"pass", b""]


def test_a_file_that_disappears_after_it_was_counted_is_an_error(project):
    built = context.scan(project)
    built.digest()
    (project / "flow.py").unlink()
    with pytest.raises(FileChangedError):
        built.tar(io.BytesIO())


def test_a_file_without_read_permission_is_an_error_of_the_scan(project, monkeypatch):
    # root can read everything, so this stands in for what the system answers another user
    monkeypatch.setattr(walk.os, "access", lambda path, mode: Path(path).name != "flow.py")
    with pytest.raises(ConfigError, match=r"cannot read .*flow\.py: Permission denied") as caught:
        context.scan(project)
    assert ".dockerignore" in caught.value.hint


# --- what is said about the context --------------------------------------------------------------


def test_git_ignored_files_and_empty_folders_are_noted(project):
    git(project, "init", "-q")
    write_files(project, {".gitignore": "dump/\n*.tmp\n", "dump/a.sql": "x", "b.tmp": ""})
    (project / "output").mkdir()
    first, second = prepare_build(loading.load(project, environ={})).notes
    assert first == (
        "not in the image, because .gitignore names them: b.tmp, dump (for other files: write a"
        " .dockerignore, or set gitignore = false)"
    )
    assert second.startswith("not in the image, because git keeps no empty folders: output ")
    settings = loading.load(project, environ={"FLOWSHIP_GITIGNORE": "false"})
    assert "project/dump/a.sql" in prepare_build(settings).context.paths


def test_a_large_context_names_its_largest_folders(project):
    for name, size in {"data/raw/a": 40, "data/raw/b": 20, "models/m": 5, "x.bin": 9}.items():
        write_files(project, {name: ""})
        os.truncate(project / name, size * 1_000_000)
    (warning,) = prepare_build(loading.load(project, environ={})).warnings
    assert warning.startswith(
        "the image gets 74 MB of files, most of them in data/raw/ (60 MB), x.bin (9 MB),"
        " models/m (5 MB); "
    )
    os.truncate(project / "data/raw/a", 10_000_000)
    assert prepare_build(loading.load(project, environ={})).warnings == ()


def test_links_out_of_the_project_are_named_and_others_are_not(project):
    (project / "sub").mkdir()
    links = {
        "out": "../shared",
        "sub/far": "../../x",
        "home": "/home/me/data",
        "sub/in": "../flow.py",
        "python": "/usr/bin/python3",
    }
    for name, target in links.items():
        (project / name).symlink_to(target)
    (warning,) = prepare_build(loading.load(project, environ={})).warnings
    assert warning.startswith(
        "links out of the project are broken in the image: home, out, sub/far"
    )
