"""Invalid arguments. tests/integration/dockerfile/test_rules.py compares with real builders."""

from __future__ import annotations

import pytest

from support.dockerfiles import PREFECT, one, only, underlined


@pytest.mark.parametrize(
    ("line", "place", "message", "help"),
    [
        ("ENV A=b c", "c", "expected NAME=value", 'in quotes: A="…"'),
        ("ENV A=b # why", "#", "expected NAME=value", "put the comment on its own line"),
        ("ENV FOO", "FOO", "FOO has no value", "use ENV FOO=…"),
        ("LABEL a", "a", "a has no value", "use LABEL a=…"),
        ("ENV =b", "=b", "no name", "use NAME=value"),
        ("ARG =b", "=b", "no name", "use NAME=value"),
        ('ENV A="b', 'A="b', "double quote is not closed", "close it"),
        ("ENV A it's", "A it's", "single quote is not closed", "escape"),
        ("EXPOSE 80 abc", "abc", 'invalid port: "abc"', "53/udp"),
        ("EXPOSE 80 # web", "# web", "part of EXPOSE", "put the comment on its own line"),
        ("COPY x /y/   # why it is", "# why it is", "part of COPY", "on its own line"),
        ("ADD x /y/ #why", "#why", "part of ADD", "on its own line"),
        ("USER root  # while installing", "# while installing", "part of USER", "own line"),
        ("ARG A # b", "# b", "part of ARG", "on its own line"),
        ("ARG A=1 # b", "# b", "part of ARG", "on its own line"),
        ("WORKDIR /app # here", "# here", "part of WORKDIR", "on its own line"),
        ("VOLUME /data # c", "# c", "part of VOLUME", "on its own line"),
        ("STOPSIGNAL SIGTERM # c", "# c", "part of STOPSIGNAL", "on its own line"),
        ("ONBUILD USER root # c", "# c", "part of USER", "on its own line"),
        ("FROM q:1 AS b # c", "# c", "part of FROM", "on its own line"),
        ("HEALTHCHECK curl x", "curl x", "CMD or NONE", "add CMD before the command"),
        ("HEALTHCHECK CMD", "CMD", "needs a command", "after CMD"),
        (
            "HEALTHCHECK --interval=30 CMD x",
            "--interval=30",
            'invalid duration: "30"',
            "--interval=30s",
        ),
        ("ONBUILD FROM x", "ONBUILD FROM x", "cannot contain FROM", "remove the line"),
    ],
)
def test_an_argument_that_no_builder_accepts_is_an_error(line, place, message, help):
    text = f"FROM q:1 AS first\n{line}\n"
    (finding,) = only("syntax", text)
    assert finding.severity == "error"
    assert (finding.line, underlined(text, finding)) == (2, place)
    assert message in finding.message
    assert help in finding.help


@pytest.mark.parametrize(
    ("text", "place", "help"),
    [
        ("FROM q:1\nCOYP a /b\n", "COYP", "did you mean COPY?"),
        ("FROM q:1\nCOPY a\n", "COPY a", "COPY SOURCE… DESTINATION"),
        ("FROM\n", "FROM", "FROM IMAGE [AS NAME]"),
        ("FROM q:1\nRUN <<EOF\nx\n", "<<EOF", "end it with a line that contains only EOF"),
        ("FROM q:1\nWORKDIR ${X\n", "${X", "close it"),
        ("FROM q:1\nENV\n", "ENV", "add one after ENV, or remove the line"),
        ("FROM q:1\nONBUILD ONBUILD USER 1\n", "ONBUILD USER 1", "one instruction after ONBUILD"),
        ("COPY a /b\nFROM q:1\n", "COPY a /b", "move it below FROM"),
        ("", "", "start with FROM IMAGE"),
        ("# nothing\n", "", "start with FROM IMAGE"),
    ],
)
def test_text_that_the_builder_rejects_is_an_error_at_its_position(text, place, help):
    found = only("syntax", text)
    assert found
    assert underlined(text, found[0]) == place
    assert help in found[0].help


@pytest.mark.parametrize(
    "line",
    [
        "RUN true # a comment of the shell",
        "CMD run # a comment of the shell",
        'CMD ["true"] # builders read only the list',
        'COPY ["a", "/b/"] # builders read only the list',
        "COPY a#b /c#/",
        "COPY #notes# /b/",
        "COPY a #b /c/",
        "ARG A=b#c",
        'LABEL a="b # c"',
        "MAINTAINER me # and you",
    ],
)
def test_a_hash_that_no_builder_takes_for_a_mistake_is_not_reported(line):
    assert only("syntax", f"FROM q:1\n{line}\n") == []


@pytest.mark.parametrize("between", ["", "\n", "  \n\n", "# a comment\n"])
def test_an_instruction_below_a_forgotten_backslash_is_reported_and_read_as_it_was_meant(between):
    text = PREFECT + f"RUN pip install x \\\n{between}WORKDIR /opt/prefect/flows\nCOPY a ./\n"
    (finding,) = only("syntax", text)
    assert underlined(text, finding) == "WORKDIR"
    assert finding.message == (
        'this WORKDIR is part of the RUN on line 2, because line 2 ends with "\\"'
    )
    assert finding.help == 'remove the "\\" at the end of line 2'
    assert "resolves to /opt/prefect/flows/" in one("relative-destination", text).message


@pytest.mark.parametrize(
    "text",
    ["ENV A=1 \\\n    USER=me\n", "RUN echo \\\n  COPY\n", "LABEL a=b \\\n    ADD=1\n"],
)
def test_a_continued_line_without_an_instruction_is_not_reported(text):
    assert only("syntax", PREFECT + text) == []


def test_quotes_around_a_path_with_a_space_are_an_error_as_in_the_builder():
    found = only("syntax", PREFECT + 'COPY a "/my folder/"\n')
    assert "double quote is not closed" in found[0].message
    assert 'COPY ["source", "/destination with space/"]' in found[0].help


def test_a_value_that_may_be_secret_is_not_repeated():
    findings = only("syntax", 'FROM q:1\nENV DB_PASSWORD=hunter 22\nENV TOKEN="hunter22\n')
    assert len(findings) == 2
    assert not any("hunter" in f.message + f.help or "22" in f.message + f.help for f in findings)
