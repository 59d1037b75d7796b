"""git's index, read without git: every version that git itself writes."""

from __future__ import annotations

import pytest

from flowship.project.git_index import GitIndex, blob_id
from support.projects import git, write_files


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    write_files(folder, {f"sub/file{n}.py": f"{n}\n" for n in range(20)})
    write_files(folder, {"a": "", "run.sh": "x\n", "sub/über.txt": "é\n"})
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("a")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    return folder


def as_git_says(folder):
    lines = git(folder, "ls-files", "--stage", "-z").split("\0")
    split = [line.partition("\t") for line in lines if line]
    return {path: (int(head.split()[0], 8), head.split()[1]) for head, _, path in split}


def as_read(folder):
    return {path: (t.mode, t.blob) for path, t in GitIndex.of(folder).files.items()}


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_every_version_is_read_as_git_reads_it(repository, version):
    git(repository, "update-index", "--index-version", version)
    if version == "3":  # written only if an entry needs it
        (repository / "later").touch()
        git(repository, "add", "-N", "later")
    assert len(as_read(repository)) > 20
    assert as_read(repository) == as_git_says(repository)


def test_a_subfolder_a_worktree_and_other_ids_are_read_too(repository, tmp_path):
    assert as_read(repository / "sub") == as_git_says(repository / "sub")
    git(repository, "commit", "-q", "-m", "x")
    git(repository, "worktree", "add", "-q", str(tmp_path / "tree"))
    assert as_read(tmp_path / "tree") == as_git_says(repository)
    other = tmp_path / "sha256"
    write_files(other, {"a": "1\n"})
    git(other, "init", "-q", "--object-format=sha256")
    git(other, "add", "-A")
    assert as_read(other) == as_git_says(other)
    assert blob_id(b"1\n", 64) == GitIndex.of(other).files["a"].blob


@pytest.mark.parametrize("content", [b"", b"DIRC", b"DIRC\0\0\0\x02\0\0\xff\xff", b"x" * 100])
def test_a_damaged_index_counts_as_empty(repository, content):
    (repository / ".git" / "index").write_bytes(content)
    assert as_read(repository) == {}


def test_a_configuration_that_names_a_program_runs_nothing(repository, tmp_path):
    ran = tmp_path / "ran"
    git(repository, "config", "core.fsmonitor", f"touch {ran}; true")
    assert as_read(repository)
    assert not ran.exists()


def test_only_ends_of_lines_that_git_would_change_are_changed(repository):
    index = GitIndex.of(repository)
    assert index.committed("run.sh", b"x\r\n") == b"x\n"
    assert index.committed("run.sh", b"y\r\n") == b"y\r\n"
    assert index.committed("untracked", b"x\r\n") == b"x\r\n"


def test_an_identifier_that_git_expands_is_as_it_was_committed(tmp_path):
    text = b"# $Id$\n"
    (tmp_path / "a.py").write_bytes(text)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    index = GitIndex.of(tmp_path)
    for expanded in (b"# $Id: 0123abcd$\n", b"# $Id: 0123abcd $\r\n", text):
        assert index.committed("a.py", expanded) == text
    for other in (b"# $Id: 0123abcd\n", b"# $Id: 0123abcd$ changed\n"):
        assert index.committed("a.py", other) == other


def test_a_repository_in_a_folder_that_everybody_can_write_to_is_not_used(tmp_path):
    (tmp_path / "project").mkdir()
    git(tmp_path, "init", "-q")
    assert GitIndex.of(tmp_path / "project").repository == tmp_path
    tmp_path.chmod(0o777)
    assert GitIndex.of(tmp_path / "project").repository is None
