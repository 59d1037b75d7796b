"""Replacing the content of a file: all of it or nothing."""

from __future__ import annotations

import errno
import os

import pytest

from flowship.config.rewriting import rewrite
from flowship.errors import ConfigError


def test_the_mode_the_byte_order_mark_and_a_link_stay(tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"\xef\xbb\xbfold")
    file.chmod(0o640)
    link.symlink_to(file)
    rewrite(link, "new")
    assert link.is_symlink()
    assert file.read_bytes() == b"\xef\xbb\xbfnew"
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("function", ["os.fsync", "pathlib.Path.replace", "tempfile.mkstemp"])
def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path, monkeypatch, function):
    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = tmp_path / "file"
    file.write_text("old")
    monkeypatch.setattr(function, fail)
    with pytest.raises(ConfigError, match="No space left on device") as caught:
        rewrite(file, "new")
    assert caught.value.code == "unwritable-file"
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
