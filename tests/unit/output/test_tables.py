"""The parts that the renderings share."""

from __future__ import annotations

from pathlib import Path

from flowship.output import tables
from support.rendering import shown


def test_a_table_has_a_title_per_column_and_no_borders():
    text = shown([tables.table(["name", "value"], [["a", "1"], ["[b]", "2"]])])
    assert [line.split() for line in text.splitlines()] == [
        ["name", "value"],
        ["a", "1"],
        ["[b]", "2"],
    ]


def test_a_titled_row_is_aligned_and_escaped():
    assert shown([tables.titled_row("image", "[red]x")]) == "  image       [red]x"


def test_each_warning_is_a_line():
    assert shown(tables.warning_lines(["a [b]", "c"])) == "warning: a [b]\nwarning: c"


def test_a_value_is_shown_as_json():
    assert tables.value_text({"a": ["ü", Path("x")]}) == '{"a": ["ü", "x"]}'


def test_a_digest_is_shown_by_its_beginning():
    digest = f"sha256:{'ab' * 32}"
    assert tables.short_digest(f"user/taxi:1@{digest}") == "user/taxi:1@sha256:abababababab…"
    assert tables.short_digest(digest) == "sha256:abababababab…"
    for short in ("user/taxi:1", "taxi@sha256:abab", ""):
        assert tables.short_digest(short) == short
