"""Lines of a file in pip's format; `test_requirements` has those that are refused."""

from __future__ import annotations

from flowship.project import requirement_lines


def test_lines_keep_the_number_of_their_first_part():
    text = "a==1 \\\n  --hash=sha256:aa\n\n# comment\nb  # why\nc \\\n"
    assert list(requirement_lines.logical_lines(text)) == [
        (1, "a==1 --hash=sha256:aa"),
        (5, "b"),
        (6, "c"),
    ]


def test_a_file_is_read_with_what_it_includes_once(tmp_path):
    (tmp_path / "r.txt").write_text("-r more.txt\n--requirement=more.txt\nsix\n")
    (tmp_path / "more.txt").write_text("toolz\n")
    assert requirement_lines.read_lines(tmp_path, "r.txt") == ["toolz", "six"]


def test_a_quoted_line_is_short_and_shows_no_secret():
    assert len(requirement_lines.quotable("x" * 500)) < 150
    assert "hunter2" not in requirement_lines.quotable("password: hunter2")
