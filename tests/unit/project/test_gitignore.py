"""The lines of .gitignore, as git itself understands them."""

from __future__ import annotations

import pytest

from flowship.project import context, gitignore
from support.projects import git, write_files

FILES = [
    *("a.csv", "keep.csv", "sub/a.csv", "dump/x.sql", "sub/dump/x.sql", "dumped", "b/c/d", "c/d"),
    *(
        "deep/b/c/d",
        "#x",
        "!x",
        "x y",
        "ab",
        "cb",
        "file.d",
        "logs/1",
        "logs/2/3",
        "a/z",
        "a/1/2/z",
    ),
    *("build/keep/x", "star*", "starr", "tail", "sub/tail"),
]


@pytest.mark.parametrize(
    "lines",
    [
        "*.csv\n!keep.csv\n",
        "dump/\n",
        "/dump\n/tail\n",
        "b/c\n",
        "# comment\n\\#x\n\\!x\n",
        "x y   \ntail  \n",
        "[!a]b\n",
        "[ac]b\n",
        "file.?\n",
        "logs/**\n",
        "**/z\n",
        "a/**/z\n",
        "build/*\n!build/keep\n",
        "build\n!build/keep\n",
        "*\n!*/\n!*.csv\n",
        "star\\*\n",
        "sub\n!sub/a.csv\n",
        "[\n",
        "foo**bar\n***.csv\n",
    ],
)
@pytest.mark.parametrize("where", ["", "sub/"])
def test_the_same_files_are_ignored_as_git_ignores(tmp_path, lines, where):
    write_files(tmp_path, dict.fromkeys(FILES, "x"))
    write_files(tmp_path, {f"{where}.gitignore": lines})
    git(tmp_path, "init", "-q")
    listed = git(tmp_path, "ls-files", "-z", "--others", "--exclude-standard").split("\0")
    assert context.scan(tmp_path).paths == set(filter(None, listed))


def test_a_gitignore_above_the_project_counts(tmp_path):
    write_files(tmp_path, {".gitignore": "*.csv\n/jobs/dump\n/dump\n", "jobs/.gitignore": "!b.csv"})
    write_files(tmp_path / "jobs", {"a.csv": "", "b.csv": "", "dump/x": "", "sub/dump/x": ""})
    git(tmp_path, "init", "-q")
    found = context.scan(tmp_path / "jobs")
    assert found.paths == {".gitignore", "b.csv", "sub/dump/x"}
    assert found.left_out["a.csv"].place == f"{tmp_path}/.gitignore line 1"


def test_tracked_files_stay_even_below_an_ignored_folder(tmp_path):
    write_files(tmp_path, {".gitignore": "dump/\n", "dump/kept/a": "", "dump/b": ""})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-f", "dump/kept/a")
    found = context.scan(tmp_path)
    assert found.paths == {".gitignore", "dump/kept/a"}
    assert found.left_out["dump/b"].source == ".gitignore line 1: dump/"


def test_a_dockerignore_or_no_repository_turns_it_off(tmp_path):
    write_files(tmp_path, {".gitignore": "a\n", "a": ""})
    assert "a" in context.scan(tmp_path).paths
    git(tmp_path, "init", "-q")
    assert "a" not in context.scan(tmp_path).paths
    assert "a" in context.scan(tmp_path, use_gitignore=False).paths
    (tmp_path / ".dockerignore").write_text("")
    assert "a" in context.scan(tmp_path).paths


def test_a_rule_for_docker_names_the_same_files(tmp_path):
    write_files(tmp_path, {".gitignore": "x\n/y\n!a/b\nd/\n[!a]z\n"})
    docker = [rule.docker for rule in gitignore.rules_in(tmp_path, "")]
    assert docker == ["**/x", "y", "!a/b", "**/d", "**/[^a]z"]
    below = [rule.docker for rule in gitignore.rules_in(tmp_path, "sub/")]
    assert below[:3] == ["sub/**/x", "sub/y", "!sub/a/b"]
