"""Replacing the content of a file: all of it or nothing."""

from __future__ import annotations

import errno
import os

import pytest

from flowship.errors import ConfigError
from flowship.rewriting import rewrite


def test_the_mode_the_byte_order_mark_and_a_link_stay(tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"\xef\xbb\xbfold")
    file.chmod(0o640)
    link.symlink_to(file)
    rewrite(link, "new", hint="")
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
        rewrite(file, "new", hint="make room")
    assert (caught.value.code, caught.value.hint) == ("unwritable-file", "make room")
    assert caught.value.message.endswith("; nothing was written")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_new_file_and_its_folder_are_for_the_owner_only(tmp_path):
    file = tmp_path / "new" / "file"
    rewrite(file, "text", hint="")
    assert file.read_text() == "text"
    assert [p.stat().st_mode & 0o777 for p in (file, file.parent)] == [0o600, 0o700]


def test_a_private_file_loses_the_readers_that_it_had(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")
    file.chmod(0o644)
    rewrite(file, "new", hint="", private=True)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_created_is_the_same_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write the file: ") as caught:
        rewrite(tmp_path / "file" / "new", "text", hint="")
    assert caught.value.where == str(tmp_path / "file" / "new")
