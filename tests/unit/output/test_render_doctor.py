"""An examination as a person sees it: 80 columns, details only where something is wrong."""

from __future__ import annotations

import io
import sys

import pytest

from flowship.doctor.result import Examination, Result, error, ok, skipped, warning
from flowship.output import render_doctor

LONG = "the last one was heard 14 min ago; " * 4
FOUND = Examination(
    "trips",
    "http://127.0.0.1:4200/api",
    (
        Result("disk-space", ok("62.7 GB free", ["removed a lock"])),
        Result("worker", error(f"no worker: {LONG}", "No run starts.", "`flowship up`", "a\nb")),
        Result("clocks", warning("the server's clock is 2 min ahead", "Confusing.", "use NTP")),
        Result("secrets", skipped("no [red]secrets")),
    ),
)


def lines(*, unicode: bool = True) -> list[str]:
    from rich.text import Text

    shown = render_doctor.examination(FOUND, unicode=unicode)
    return [Text.from_markup(str(line)).plain for line in shown]


def test_one_line_per_check_and_more_only_below_what_is_wrong():
    assert lines() == [
        "✓  disk-space  62.7 GB free",
        "✗  worker      no worker: the last one was heard 14 min ago; the last one was",
        "               heard 14 min ago; the last one was heard 14 min ago; the last one",
        "               was heard 14 min ago;",
        "    No run starts.",
        "    a",
        "    b",
        "    → `flowship up`",
        "!  clocks      the server's clock is 2 min ahead",
        "    Confusing.",
        "    → use NTP",
        "-  secrets     no [red]secrets",
        "✓ removed a lock",
        "",
        "1 error and 1 warning (1 of 4 checks are ok, 1 was skipped)",
    ]


@pytest.mark.parametrize(
    ("skips", "summary"),
    [
        (0, "no problems found (1 of 1 checks are ok)"),
        (1, "no problems found (1 of 2 checks are ok, 1 does not apply)"),
        (2, "no problems found (1 of 3 checks are ok, 2 do not apply)"),
    ],
)
def test_checks_that_do_not_apply_are_not_counted_as_problems(skips, summary):
    results = [Result("a", ok("a")), *[Result("b", skipped("no secrets"))] * skips]
    shown = render_doctor.examination(Examination(None, None, tuple(results)), unicode=True)
    assert shown[-1] == summary


def test_without_unicode_it_is_ascii():
    text = "\n".join(lines(unicode=False))
    assert text.isascii()
    assert "ok disk-space  62.7 GB free" in text
    assert "-> `flowship up`" in text


@pytest.mark.parametrize(("encoding", "able"), [("utf-8", True), ("ascii", False)])
def test_the_marks_depend_on_stdout(monkeypatch, encoding, able):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding))
    assert render_doctor.can_show_marks() is able


def test_no_control_character_reaches_the_terminal():
    bad = Examination(None, None, (Result("a", error("x\x1b[2J", "y\x1b", "z\x07", "d\x1b")),))
    text = "".join(str(line) for line in render_doctor.examination(bad, unicode=True))
    assert "\x1b" not in text
    assert "\x07" not in text
