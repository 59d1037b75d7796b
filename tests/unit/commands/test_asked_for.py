"""Which commands are built for a command line: the one that it asks for, or all."""

from __future__ import annotations

import pytest

from flowship.cli import app, asked_for


def built(*words: str) -> list[str]:
    found = asked_for(words)
    return [str(each.name) for each in (*found.registered_commands, *found.registered_groups)]


EVERYTHING = [str(each.name) for each in (*app.registered_commands, *app.registered_groups)]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("status",), "status"),
        (("status", "--json", "plan"), "status"),
        (("-C", "plan", "status"), "status"),
        (("--env", "plan", "--folder", "x", "status"), "status"),
        (("profile", "show"), "profile"),
    ],
)
def test_only_the_command_that_is_asked_for(words, command):
    assert built(*words) == [command]


@pytest.mark.parametrize(
    "words",
    [(), ("--help",), ("--help", "status"), ("stat",), ("-Cplan", "status"), ("-C",), ("-C", "x")],
)
def test_all_of_them_where_the_line_does_not_begin_with_a_command(words):
    assert built(*words) == EVERYTHING


def test_the_application_itself_keeps_all():
    asked_for(["status"])
    assert built() == EVERYTHING
