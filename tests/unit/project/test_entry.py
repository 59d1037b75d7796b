"""One member of the context."""

from __future__ import annotations

import pytest

from flowship.errors import ConfigError
from flowship.project.entry import Entry, FileChangedError


def test_generated_content_is_read_like_a_file(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    generated, file = Entry("x", size=3, data=b"abc"), Entry("x", size=3, source=tmp_path / "x")
    assert generated.read() == file.read() == b"abc"
    assert file.read(2) == b"ab"
    assert generated.digest == file.digest


def test_a_file_that_is_gone_is_empty_for_a_look_and_an_error_for_a_hash(tmp_path):
    entry = Entry("x", source=tmp_path / "x")
    assert entry.read() == b""
    with pytest.raises(FileChangedError, match="the file changed"):
        _ = entry.digest


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot read") as caught:
        Entry("x", source=tmp_path).read()
    assert caught.value.code == "unreadable-file"
