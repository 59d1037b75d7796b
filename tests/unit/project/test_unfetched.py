"""Git LFS pointers and submodules that were not fetched."""

from __future__ import annotations

import shutil

import pytest

from flowship.project import context, unfetched
from flowship.project.entry import Entry
from support.projects import git, write_files

# As in https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md.
POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    "size 12345\n"
)


@pytest.mark.parametrize(
    "text",
    [
        POINTER,
        POINTER.replace("\n", "\r\n"),
        POINTER.replace("git-lfs", "hawser"),
        POINTER.replace("oid", f"ext-0-foo sha256:{'0' * 64}\noid", 1),
    ],
    ids=["as written", "CRLF", "of the alpha", "with an extension"],
)
def test_a_pointer_in_place_of_its_content_is_named(tmp_path, text):
    write_files(tmp_path, {"flow.py": "", "data/zones.parquet": text})
    (warning,) = context.warnings(context.scan(tmp_path))
    assert warning == (
        "the image gets Git LFS pointers instead of the content of data/zones.parquet; run"
        " `git lfs pull`, or add them to .dockerignore"
    )


@pytest.mark.parametrize(
    "text",
    [
        POINTER.splitlines()[0],
        f"# {POINTER}",
        POINTER.replace("sha256:4d", "sha256:XY"),
        POINTER + "x" * 1024,
        "version = 1\n" + "x" * 200,
        "",
    ],
    ids=["only a version", "a comment", "another hash", "too long", "another file", "empty"],
)
def test_other_text_is_not_a_pointer(text):
    data = text.encode()
    assert not unfetched.is_pointer(Entry("x", size=len(data), data=data))


def test_an_ignored_pointer_is_not_in_the_image(tmp_path):
    files = {f"{n}.bin": POINTER for n in range(5)}
    write_files(tmp_path, {**files, ".dockerignore": "0.bin\n"})
    (warning,) = context.warnings(context.scan(tmp_path))
    assert "of 1.bin, 2.bin, 3.bin and 1 more; run" in warning


@pytest.mark.skipif(not shutil.which("git-lfs"), reason="needs git-lfs")
def test_a_clone_without_the_content_is_recognized(tmp_path, monkeypatch):
    upstream, clone = tmp_path / "upstream", tmp_path / "clone"
    write_files(upstream, {".gitattributes": "*.bin filter=lfs -text\n", "a.bin": "x" * 5000})
    git(upstream, "init", "-q")
    git(upstream, "lfs", "install", "--local")
    git(upstream, "add", "-A")
    git(upstream, "commit", "-q", "-m", "x")
    monkeypatch.setenv("GIT_LFS_SKIP_SMUDGE", "1")
    git(tmp_path, "clone", "-q", str(upstream), str(clone))
    (warning,) = context.warnings(context.scan(clone))
    assert "a.bin" in warning
    monkeypatch.delenv("GIT_LFS_SKIP_SMUDGE")
    git(clone, "lfs", "install", "--local")
    git(clone, "lfs", "pull")
    assert not context.warnings(context.scan(clone))
    assert context.scan(clone).digest() == context.scan(upstream).digest()
