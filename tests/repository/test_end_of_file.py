"""The pre-commit hook that checks the ends of files."""

from __future__ import annotations

import end_of_file
import pytest


@pytest.mark.parametrize(
    ("content", "fixed"),
    [(b"a", b"a\n"), (b"a\n\n\n", b"a\n"), (b"\n\n", b""), (b" \n", b"")],
    ids=["no newline", "three newlines", "only newlines", "only whitespace"],
)
def test_a_wrong_end_is_fixed_and_stops_the_commit(tmp_path, capsys, content, fixed):
    file = tmp_path / "file"
    file.write_bytes(content)
    assert end_of_file.main([str(file)]) == 1
    assert file.read_bytes() == fixed
    assert capsys.readouterr().out == f"fixed the end of {file}\n"
    assert end_of_file.main([str(file)]) == 0


@pytest.mark.parametrize("content", [b"", b"a\n", b"a\r\n"], ids=["empty", "text", "CRLF"])
def test_a_correct_file_is_not_changed(tmp_path, content):
    file = tmp_path / "file"
    file.write_bytes(content)
    assert end_of_file.main([str(file)]) == 0
    assert file.read_bytes() == content
