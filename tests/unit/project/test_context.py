"""The build context: the same files give the same bytes; every file left out has a reason."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowship.config import loading
from flowship.errors import ConfigError
from flowship.project import context
from flowship.project.requirements import Requirements


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def project(tmp_path):
    write(tmp_path, {"flow.py": "pass", "flowship.toml": 'entrypoint = "flow.py:f"\n'})
    return tmp_path


def members(built):
    buffer = io.BytesIO()
    built.tar(buffer)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        return {m.name: m for m in archive.getmembers()}, buffer.getvalue()


def test_the_same_files_give_the_same_bytes_whatever_their_times_and_order(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    write(first, {"x.py": "1", "y/z.py": "2"})
    write(second, {"y/z.py": "2", "x.py": "1"})
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
    write(tmp_path, {"x.py": "1"})
    before = context.scan(tmp_path).digest()
    change(tmp_path)
    assert context.scan(tmp_path).digest() != before


def test_moving_bytes_between_two_files_changes_the_digest(tmp_path):
    write(tmp_path, {"a/x": "12", "a/y": "3", "b/x": "1", "b/y": "23"})
    assert context.scan(tmp_path / "a").digest() != context.scan(tmp_path / "b").digest()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (".git/config", "version control"),
        (".venv/lib/x.py", "virtual environments"),
        ("sub/__pycache__/x.pyc", "caches"),
        ("old.pyc", "caches"),
        (".mypy_cache/x", "caches"),
        (".env", "secrets"),
        ("deep/.env.production", "secrets"),
        (".aws/credentials", "secrets"),
        ("id_rsa", "secrets"),
    ],
)
def test_files_that_do_not_belong_in_an_image_are_left_out_by_default(tmp_path, name, kind):
    write(tmp_path, {name: "x", "flow.py": "pass"})
    built = context.scan(tmp_path)
    assert built.paths == {"flow.py"}
    assert f"excluded by default ({kind})" in [str(why) for why in built.left_out.values()]


def test_a_virtual_environment_of_any_name_is_left_out(tmp_path):
    write(tmp_path, {"myenv/pyvenv.cfg": "", "myenv/lib/x.py": "", "flow.py": ""})
    assert context.scan(tmp_path).paths == {"flow.py"}


def test_an_example_of_an_env_file_is_sent(tmp_path):
    write(tmp_path, {".env.example": "KEY="})
    assert context.scan(tmp_path).paths == {".env.example"}


def test_the_dockerignore_can_include_a_file_that_is_left_out_by_default(tmp_path):
    write(tmp_path, {".env": "A=1", ".dockerignore": "!.env\n"})
    assert ".env" in context.scan(tmp_path).paths


def test_a_reason_names_the_line_of_the_dockerignore(tmp_path):
    write(tmp_path, {"a.csv": "", ".dockerignore": "# data\n*.csv\n"})
    left_out = context.scan(tmp_path).left_out
    place = ".dockerignore line 2"
    assert left_out == {
        "a.csv": context.LeftOut(context.LeftOutKind.IGNORE_FILE, "*.csv", place),
    }
    assert str(left_out["a.csv"]) == "excluded by .dockerignore line 2: *.csv"


# What `docker build` itself does with these: verified against the engine's own matcher
# (github.com/moby/patternmatcher, its table of tests).
@pytest.mark.parametrize(
    ("patterns", "path", "sent"),
    [
        (["*.md"], "README.md", False),
        (["*.md"], "docs/README.md", True),
        (["**/*.md"], "docs/README.md", False),
        (["**/*.md"], "README.md", False),
        (["docs"], "docs/a/b.txt", False),
        (["/docs/"], "docs/a.txt", False),
        (["docs/*", "!docs/keep.txt"], "docs/keep.txt", True),
        (["docs", "!docs/keep.txt"], "docs/keep.txt", True),
        (["docs", "!docs/keep.txt"], "docs/other.txt", False),
        (["*", "!flow.py"], "flow.py", True),
        (["*", "!flow.py"], "other.py", False),
        (["*", "!src/**"], "src/pkg/mod.py", True),
        (["!flow.py", "*"], "flow.py", False),
        (["a?c"], "abc", False),
        (["a?c"], "a/c", True),
        (["a[0-9].txt"], "a5.txt", False),
        (["a[^0-9].txt"], "a5.txt", True),
        (["**/secret/**"], "x/secret/y/z", False),
        (["a/../b"], "b", False),
        (["\\*.txt"], "x.txt", True),
        (["data*/"], "data1/x.csv", False),
        (["*/temp*"], "somedir/temporary.txt", False),
        (["*/temp*"], "temporary.txt", True),
    ],
)
def test_ignore_patterns_mean_what_they_mean_to_docker(tmp_path, patterns, path, sent):
    write(tmp_path, {path: "x", ".dockerignore": "\n".join(patterns)})
    assert (path in context.scan(tmp_path).paths) == sent


def test_a_dockerfile_s_own_ignore_file_comes_first(tmp_path):
    write(
        tmp_path,
        {"Dockerfile": "", "Dockerfile.dockerignore": "a\n", ".dockerignore": "b\n"},
    )
    write(tmp_path, {"a": "", "b": ""})
    paths = context.scan(tmp_path, dockerfile="Dockerfile").paths
    assert "b" in paths
    assert "a" not in paths


@given(st.text(max_size=20))
def test_no_pattern_crashes_and_bad_ones_are_configuration_errors(text):
    try:
        pattern = context.Pattern.compile(text, "line 1")
    except ConfigError:
        return
    if pattern:
        pattern.matches("some/path.txt")


def test_a_new_schedule_does_not_change_the_context(project):
    before = context.scan(project).digest()
    with (project / "flowship.toml").open("a") as file:
        file.write('[[deployments]]\nname = "x"\ncron = "0 5 * * *"\n')
    assert context.scan(project).digest() == before


def test_links_and_executable_files_keep_what_they_are(tmp_path):
    write(tmp_path, {"run.sh": "#!/bin/sh"})
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
    write(project, {"Dockerfile": "FROM x\n", ".dockerignore": "Dockerfile\n"})
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
    with pytest.raises(ConfigError, match=r"flow\.py changed while") as caught:
        built.tar(io.BytesIO())
    assert caught.value.where == str(project / "flow.py")


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


def test_a_byte_order_mark_does_not_hide_the_first_pattern(project):
    write(project, {"secret.txt": "x"})
    (project / ".dockerignore").write_bytes(b"\xef\xbb\xbfsecret.txt\n")
    assert "secret.txt" not in context.scan(project).paths


def test_an_ignore_file_that_is_not_utf8_is_an_error(project):
    (project / ".dockerignore").write_bytes(b"caf\xe9\n")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        context.scan(project)
