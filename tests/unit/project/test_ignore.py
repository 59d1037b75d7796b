"""What is left out of the build context, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowship.errors import ConfigError
from flowship.project import context, ignore
from support.projects import write_files


@pytest.fixture
def project(tmp_path):
    write_files(tmp_path, {"flow.py": "pass", "flowship.toml": 'entrypoint = "flow.py:f"\n'})
    return tmp_path


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
    write_files(tmp_path, {name: "x", "flow.py": "pass"})
    built = context.scan(tmp_path)
    assert built.paths == {"flow.py"}
    assert f"excluded by default ({kind})" in [str(why) for why in built.left_out.values()]


def test_a_virtual_environment_of_any_name_is_left_out(tmp_path):
    write_files(tmp_path, {"myenv/pyvenv.cfg": "", "myenv/lib/x.py": "", "flow.py": ""})
    assert context.scan(tmp_path).paths == {"flow.py"}


def test_an_example_of_an_env_file_is_sent(tmp_path):
    write_files(tmp_path, {".env.example": "KEY="})
    assert context.scan(tmp_path).paths == {".env.example"}


def test_the_dockerignore_can_include_a_file_that_is_left_out_by_default(tmp_path):
    write_files(tmp_path, {".env": "A=1", ".dockerignore": "!.env\n"})
    assert ".env" in context.scan(tmp_path).paths


def test_a_reason_names_the_line_of_the_dockerignore(tmp_path):
    write_files(tmp_path, {"a.csv": "", ".dockerignore": "# data\n*.csv\n"})
    left_out = context.scan(tmp_path).left_out
    place = ".dockerignore line 2"
    assert left_out == {
        "a.csv": ignore.LeftOut(ignore.LeftOutKind.IGNORE_FILE, "*.csv", place),
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
    write_files(tmp_path, {path: "x", ".dockerignore": "\n".join(patterns)})
    assert (path in context.scan(tmp_path).paths) == sent


def test_a_dockerfile_s_own_ignore_file_comes_first(tmp_path):
    write_files(
        tmp_path,
        {"Dockerfile": "", "Dockerfile.dockerignore": "a\n", ".dockerignore": "b\n"},
    )
    write_files(tmp_path, {"a": "", "b": ""})
    paths = context.scan(tmp_path, dockerfile="Dockerfile").paths
    assert "b" in paths
    assert "a" not in paths


@given(st.text(max_size=20))
def test_no_pattern_crashes_and_bad_ones_are_configuration_errors(text):
    try:
        reason = ignore.LeftOut(ignore.LeftOutKind.IGNORE_FILE, text, ".dockerignore:1")
        pattern = ignore.Pattern.compile(text, reason)
    except ConfigError:
        return
    if pattern:
        pattern.matches("some/path.txt")


def test_a_byte_order_mark_does_not_hide_the_first_pattern(project):
    write_files(project, {"secret.txt": "x"})
    (project / ".dockerignore").write_bytes(b"\xef\xbb\xbfsecret.txt\n")
    assert "secret.txt" not in context.scan(project).paths


def test_an_ignore_file_that_is_not_utf8_is_an_error(project):
    (project / ".dockerignore").write_bytes(b"caf\xe9\n")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        context.scan(project)
