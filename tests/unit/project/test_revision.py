"""The git revision of a project; nothing that its repository configures runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flowship.project.revision import revision


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "init.defaultBranch=main"]
    command = ["git", *who, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "flows").mkdir(parents=True)
    (root / "flows" / "a.py").write_text("a = 1\n")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    return root


def head(root: Path) -> str:
    return git(root, "rev-parse", "HEAD").strip()


def test_it_is_the_commit_until_a_tracked_file_differs(project):
    assert revision(project) == head(project)
    (project / "new.py").write_text("untracked")
    assert revision(project / "flows") == head(project)
    (project / "flows" / "a.py").write_text("a = 2\n")
    assert revision(project) == f"{head(project)}-dirty"
    git(project, "add", ".")
    assert revision(project) == f"{head(project)}-dirty"


def test_a_touched_file_and_a_mode_that_git_ignores_do_not_count(project):
    git(project, "config", "core.fileMode", "false")
    (project / "flows" / "a.py").chmod(0o755)
    (project / "flows" / "a.py").touch()
    assert revision(project) == head(project)


def test_a_worktree_and_a_sha256_repository_have_a_revision_too(project, tmp_path):
    git(project, "worktree", "add", "--quiet", str(tmp_path / "other"))
    assert revision(tmp_path / "other") == head(project)
    other = tmp_path / "sha256"
    other.mkdir()
    git(other, "init", "--quiet", "--object-format=sha256")
    (other / "a").write_text("a")
    git(other, "add", ".")
    git(other, "commit", "--quiet", "-m", "x")
    assert revision(other) == head(other)
    assert len(head(other)) == 64


@pytest.mark.parametrize("kind", ["no repository", "no commit", "no folder"])
def test_without_a_commit_it_is_empty(tmp_path, kind):
    if kind == "no commit":
        git(tmp_path, "init", "--quiet")
    root = tmp_path / "missing" if kind == "no folder" else tmp_path
    assert revision(root) == ""


def test_reading_it_changes_nothing_in_the_repository(project):
    (project / "flows" / "a.py").touch()
    before = {p: p.stat().st_mtime_ns for p in (project / ".git").rglob("*")}
    revision(project)
    assert {p: p.stat().st_mtime_ns for p in (project / ".git").rglob("*")} == before


def test_nothing_that_the_repository_configures_runs(project, tmp_path):
    ran, script = tmp_path / "ran", tmp_path / "script"
    script.write_text(f"#!/bin/sh\necho $0 $* >> {ran}\ncat\n")
    script.chmod(0o755)
    hooks = project / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "pre-auto-gc", "reference-transaction", "fsmonitor-watchman"):
        (hooks / hook).symlink_to(script)
    (project / ".gitattributes").write_text("*.py filter=x diff=x\n")
    settings = {
        "core.fsmonitor": script,
        "core.hooksPath": hooks,
        "core.sshCommand": script,
        "core.pager": script,
        "core.editor": script,
        "filter.x.clean": script,
        "filter.x.smudge": script,
        "filter.x.process": script,
        "filter.x.required": "true",
        "diff.x.textconv": script,
        "diff.external": script,
        "gpg.program": script,
        "alias.status": f"!{script}",
        "remote.origin.url": f"ext::{script}",
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": script,
        "extensions.partialClone": "origin",
        "protocol.ext.allow": "always",
    }
    for key, value in settings.items():
        git(project, "config", key, str(value))
    (project / "flows" / "a.py").touch()
    revision(project)
    (project / "flows" / "a.py").write_text("a = 3\n")
    ran.unlink(missing_ok=True)  # what the test's own git ran
    assert revision(project).endswith("-dirty")
    # A tree that is missing would be fetched.
    tree = git(project, "rev-parse", "HEAD^{tree}").strip()
    (project / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    ran.unlink(missing_ok=True)
    revision(project)
    assert not ran.exists(), ran.read_text()
    subprocess.run(["git", "describe", "--always", "--dirty"], cwd=project, capture_output=True)
    assert ran.exists(), "the test's own script works"
