"""Reading the files that a project names: regular, bounded, inside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowship.config import files
from flowship.errors import ConfigError


def test_the_text_has_newlines_and_no_byte_order_mark(tmp_path):
    (tmp_path / "x").write_bytes("\ufeffé\r\nb\rc\n".encode())
    assert files.read_text(tmp_path / "x", "x") == "é\nb\nc\n"


@pytest.mark.parametrize("kind", ["a named pipe", "a folder", "a device"])
def test_what_is_not_a_regular_file_is_refused_by_its_kind(tmp_path, kind):
    path = tmp_path / "x"
    if kind == "a device":
        path.symlink_to("/dev/zero")
    elif kind == "a folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(ConfigError, match=f"x is {kind}, not a regular file") as caught:
        files.read_bytes(path)
    assert caught.value.code == "not-a-regular-file"


def test_a_file_larger_than_the_limit_is_refused_with_the_limit(tmp_path):
    (tmp_path / "x").write_bytes(b"12345")
    assert files.read_bytes(tmp_path / "x", limit=5) == b"12345"
    with pytest.raises(ConfigError, match="too large: more than 4 B"):
        files.read_bytes(tmp_path / "x", limit=4)


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b", "missing"])
def test_an_impossible_name_is_not_a_file_and_cannot_be_read(tmp_path, name):
    assert not files.is_file(tmp_path / name)
    with pytest.raises(ConfigError, match="key: cannot read"):
        files.read_text(tmp_path / name, "key")


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        files.read_text(tmp_path / "x", "key")


@pytest.mark.parametrize(
    "name", ["../secret", "sub/../../secret", "/etc/passwd", "link", "folder/secret", "~/.netrc"]
)
def test_only_what_is_inside_is_returned(tmp_path, name, monkeypatch):
    root = tmp_path / "project"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_text("x")
    (root / "link").symlink_to("../secret")
    (root / "folder").symlink_to(tmp_path)
    (root / "good").symlink_to("sub")
    path = Path(name)
    if name.startswith("~"):  # a tilde is no more than a name, unless the caller expands it
        assert files.inside(root, path, name) == root / name
        monkeypatch.setenv("HOME", str(tmp_path))
        path = path.expanduser()
    with pytest.raises(ConfigError, match=r"(out of|outside) the project") as caught:
        files.inside(root, path, name)
    assert caught.value.code == "outside-project"
    assert files.inside(root, Path("good/x"), "x") == root / "good" / "x"
