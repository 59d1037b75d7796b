"""Releases on a terminal, and in a pipe."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from rich.text import Text

from flowship.output import render_history
from support.releases import HEAVY, NIGHTLY, OWN, RELEASE

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
LAST = replace(RELEASE, created=NOW, id="1")


def plain(lines) -> list[str]:
    return [Text.from_markup(str(line)).plain for line in lines if isinstance(line, str)]


LONG = replace(
    LAST,
    who="a-very-long-name@a-very-long-host.example.com",
    made_by="promote from staging",
    environment="production",
    images=(replace(OWN, reference=f"user/taxi:{'v' * 60}"), HEAVY),
    operations=tuple({**o, "resource": "deployment", "name": f"taxi/{n}", "action": "create"}
                     for n in range(40) for o in LAST.operations),
)  # fmt: skip


def test_a_release_has_two_lines_whose_summary_fits_on_a_terminal():
    lines = plain(render_history.listed("taxi", [LONG, LAST, replace(LAST, number=0)], columns=80))
    assert len(lines) == 7
    assert max(len(line) for line in lines[2::2]) == 80
    assert lines[2].endswith("…")
    assert " promote from staging (production)  vvvvvvvvvvvvv… +1  0123456*  a-very" in lines[1]
    assert lines[1].endswith("…")
    assert lines[0].split() == ["when", "what", "image", "git", "who"]
    assert lines[3].startswith("7  ")
    assert "0123456*" in lines[3]
    assert lines[4] == "    only recorded"


def test_nothing_is_shortened_in_a_pipe():
    lines = plain(render_history.listed("taxi", [LONG]))
    assert " promote from staging (production)  " + "v" * 60 + " +1  " in lines[1]
    assert lines[1].endswith(LONG.who)
    assert lines[2].endswith("; + taxi/39")


def test_a_project_without_a_release_says_what_records_one():
    assert plain(render_history.listed("taxi", [])) == [
        "taxi has no release: `flowship ship` records the first one"
    ]
    assert plain(render_history.listed("taxi", [], environment="production")) == [
        "taxi has no release of production: `flowship ship --env production` records the first one"
    ]


def test_what_a_release_says_is_not_markup():
    strange = replace(
        LAST, who="[red]ada[/]", made_by="\x1b[31mship", deployments=(replace(NIGHTLY, name="[x]"),)
    )
    for lines in (render_history.listed("t", [strange]), render_history.full(strange, "http://x")):
        text = "\n".join(plain(lines))
        assert "[red]ada[/]" in text
        assert "\x1b" not in text


def test_one_release_shows_images_and_deployments():
    alerts = {"automations": [{"name": "flowship: taxi: failed → a/b"}]}
    images = (replace(OWN, alerts=alerts), HEAVY)
    one = replace(LAST, incomplete="refused", images=images)
    text = "\n".join(plain(render_history.full(one, "http://x")))
    for part in (
        "release 7 of taxi",
        "incomplete  refused",
        f"{OWN.digest[:19]}…",
        "none: it was never pushed",
        "every day at 05:00 Pacific/Auckland",
        "deployment big/weekly (paused)",
        "alert failed → a/b",
        "http://x",
    ):
        assert part in text
