"""Rule `syntax`: what is said of what no builder takes, where, and what is left alone.

That the builders do refuse it, and do take the rest, is in test_rules_engine.py.
"""

from __future__ import annotations

import pytest

from flowship.dockerfile.builders import FLAGS
from flowship.dockerfile.instructions import line_of
from flowship.dockerfile.rules import Facts, Finding, check, fix
from flowship.project.context import Context, Entry

PREFECT = "FROM prefecthq/prefect:3.8.8-python3.11\n"
CONTEXT = Context(tuple(Entry(path, size=1, data=b"#") for path in ("flow.py", "util.py")))


def syntax(text: str, facts: Facts | None = None) -> list[Finding]:
    return [finding for finding in check(text, facts) if finding.rule == "syntax"]


def underlined(text: str, finding: Finding) -> str:
    return line_of(text, finding.line)[finding.column - 1 : finding.end_column - 1]


@pytest.mark.parametrize(
    ("line", "place", "message", "help"),
    [
        ("ENV A=b c", "c", "not NAME=value", 'needs quotes: A="…"'),
        ("ENV A=b # why", "#", "not NAME=value", "a comment needs a line of its own"),
        ("ENV FOO", "FOO", "FOO has no value", "write ENV FOO=…"),
        ("LABEL a", "a", "a has no value", "write LABEL a=…"),
        ("ENV =b", "=b", "no name", "write NAME=value"),
        ("ARG =b", "=b", "no name", "write NAME=value"),
        ('ENV A="b', 'A="b', "a double quote is not closed", "close it"),
        ("ENV A it's", "A it's", "a single quote is not closed", "escape"),
        ("EXPOSE 80 abc", "abc", '"abc" is no port', "53/udp"),
        ("EXPOSE 80 # web", "#", '"#" is no port', "a comment needs a line of its own"),
        ("HEALTHCHECK curl x", "curl x", "CMD or NONE", "write CMD before the command"),
        ("HEALTHCHECK CMD", "CMD", "names no command", "behind CMD"),
        ("HEALTHCHECK --interval=30 CMD x", "--interval=30", '"30" is no', "--interval=30s"),
        ("ONBUILD FROM x", "ONBUILD FROM x", "cannot hold FROM", "remove the line"),
        ("COPY --chwon=1 a /b", "--chwon=1", "no flag --chwon", "did you mean --chown?"),
        ("COPY --CHOWN=1 a /b", "--CHOWN=1", "no flag --CHOWN", "did you mean --chown?"),
        ("ADD --from=a b /c", "--from=a", "no flag --from", "it knows --checksum, --chmod"),
        ("USER --x 1", "--x", "USER has no flag --x", "remove it"),
        ("CMD --version", "--version", "no flag --version", 'CMD ["--version", …]'),
        ("COPY --chown a /b", "--chown", "lacks its value", "write --chown=…"),
        ("COPY --from=a --from=b c /d", "--from=b", "given twice", "keep one"),
        ("COPY --from=3 a /b", "--from=3", "no stage 3 above", "a stage above"),
        ("COPY --from=0 a /b", "--from=0", "stage 0 is this one", "a stage above"),
        ("COPY --from=first a /b", "--from=first", "cannot copy from itself", "--from=first:…"),
        ("COPY --from=$X a /b", "--from=$X", "replaces no variables", '"FROM $X AS other"'),
        ("COPY --from=Python:3 a /b", "--from=Python:3", "lower case", 'write "python:3"'),
        ("FROM Python:3", "Python:3", '"Python" cannot be an image', 'write "python:3"'),
        ("FROM q:1 AS 1st", "1st", "cannot be a stage's name", "begin it with a letter"),
        ("FROM q:1 AS FIRST", "FIRST", "on line 1 is called", "another name"),
    ],
)
def test_what_no_builder_takes_is_an_error_with_its_place_and_its_help(line, place, message, help):
    text = f"FROM q:1 AS first\n{line}\n"
    (finding,) = syntax(text)
    assert finding.severity == "error"
    assert (finding.line, underlined(text, finding)) == (2, place)
    assert message in finding.message
    assert help in finding.help


@pytest.mark.parametrize("keyword", FLAGS)
def test_every_flag_of_the_newest_builder_is_known(keyword):
    """As frontend/dockerfile/instructions of moby/buildkit had them in August 2026."""
    known = {
        "FROM": {"platform"},
        "COPY": {"from", "chown", "chmod", "link", "parents", "exclude"},
        "ADD": {"chown", "chmod", "link", "keep-git-dir", "checksum", "unpack", "exclude"},
        "RUN": {"mount", "network", "security", "device"},
        "HEALTHCHECK": {"interval", "timeout", "start-period", "start-interval", "retries"},
    }
    assert known[keyword] <= FLAGS[keyword]


@pytest.mark.parametrize(
    "line",
    [
        "COPY --link --parents --chmod=644 --exclude=a --exclude=b --chown=1 a /b",
        "ADD --keep-git-dir --link=false --unpack=true --checksum=sha256:ab https://e.example/x /b",
        "RUN --mount=type=cache,target=/a --mount=type=tmpfs,target=/b --network=none true",
        "RUN --security=insecure --device=a --device=b true",
        'RUN --mount=type=secret,id=x,target="/a b" true',
        "HEALTHCHECK --start-interval=1s --retries=3 CMD curl --fail x",
        "RUN pip install --upgrade pip",
        "CMD prefect --version",
        'CMD ["--version"]',
        "ONBUILD COPY --from=later a /b",
    ],
)
def test_what_a_newer_builder_takes_is_left_alone(line):
    assert syntax(f"FROM q:1\n{line}\n") == []


def test_a_builder_that_the_file_asks_for_may_know_another_flag():
    text = "# syntax=docker/dockerfile:1-labs\nFROM q:1\nCOPY --future=1 a /b\n"
    assert [f.severity for f in syntax(text)] == ["warning"]
    assert [f.severity for f in syntax(text.partition("\n")[2])] == ["error"]


def test_a_first_part_with_capitals_may_be_a_host_for_newer_engines():
    assert [f.severity for f in syntax("FROM Prefecthq/prefect:3\n")] == ["warning"]
    assert [f.severity for f in syntax("FROM prefecthq/Prefect:3\n")] == ["error"]
    assert syntax("FROM Registry.example.com/prefect:3\nFROM LOCAL:5000/x:1\n") == []


def test_a_value_that_may_be_secret_is_not_repeated():
    findings = syntax('FROM q:1\nENV DB_PASSWORD=hunter 22\nENV TOKEN="hunter22\n')
    assert len(findings) == 2
    assert not any("hunter" in f.message + f.help or "22" in f.message + f.help for f in findings)


def test_what_onbuild_stores_for_another_build_has_that_ones_stages_and_files():
    text = "FROM q:1\nONBUILD COPY --from=4 a /b\nONBUILD COPY *.py /x\n"
    assert syntax(text, Facts(context=CONTEXT)) == []


# --- several sources ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "fixed"),
    [
        ("COPY flow.py util.py /x", "COPY flow.py util.py /x/"),
        ("COPY *.py /x", "COPY *.py /x/"),
        ('COPY flow.py util.py "/x"', 'COPY flow.py util.py "/x/"'),
        ('COPY ["flow.py", "util.py", "/x"]', 'COPY ["flow.py", "util.py", "/x/"]'),
        ("COPY flow.py util.py \\\n  /x", "COPY flow.py util.py \\\n  /x/"),
        ("COPY --from=q:1 a b /x", "COPY --from=q:1 a b /x/"),
        ("COPY flow.py util.py flows", "COPY flow.py util.py /opt/prefect/flows/"),
        ("COPY flow.py util.py .", "COPY flow.py util.py /opt/prefect/"),
        ("COPY flow.py util.py opt/x", "COPY flow.py util.py /opt/x/"),
    ],
)
def test_several_sources_need_the_slash_and_the_fix_writes_it(line, fixed):
    text = f"{PREFECT}{line}\n"
    facts = Facts(context=CONTEXT)
    (finding,) = syntax(text, facts)
    assert finding.severity == "error"
    assert "2 sources" in finding.message
    assert fix(text, check(text, facts)) == f"{PREFECT}{fixed}\n"
    assert syntax(fix(text, check(text, facts)), facts) == []


def test_where_a_relative_destination_is_allowed_only_the_slash_is_written():
    text = PREFECT + "# flowship: ignore=relative-destination\nCOPY flow.py util.py ./x\n"
    assert fix(text, check(text)).endswith("\nCOPY flow.py util.py ./x/\n")


def test_a_destination_with_a_variable_is_told_and_not_touched():
    text = PREFECT + "ENV D=/x\nCOPY flow.py util.py $D\nCOPY flow.py util.py $UNKNOWN\n"
    (finding,) = syntax(text)
    assert (finding.line, finding.edit) == (3, None)


def test_buildkit_goes_without_the_slash_where_the_folder_is_there():
    text = PREFECT + "WORKDIR /x/y\nCOPY --link flow.py util.py {}\n"
    for there in (".", "..", "/x/y", "/x", "/x/y/.", "/"):
        assert syntax(text.format(there)) == [], there
    (finding,) = syntax(text.format("/elsewhere"))
    assert finding.severity == "warning"
    assert "each becomes a file of this name" in finding.message


def test_a_flow_that_buildkit_would_copy_over_is_not_in_place_until_the_slash_is_written():
    text = PREFECT + "COPY --chmod=644 flow.py util.py /opt/prefect/flows\n"
    facts = Facts(context=CONTEXT, entrypoint="flow.py:etl")
    assert {f.rule: f.severity for f in check(text, facts)} == {
        "syntax": "warning",
        "flow-not-in-place": "error",
    }
    assert check(fix(text, check(text, facts)), facts) == []
    relative = text.replace(" /opt/prefect/flows", " flows")
    assert {f.rule for f in check(relative, facts)} == {"syntax", "relative-destination"}
    assert check(fix(relative, check(relative, facts)), facts) == []


# --- comments that allow what is no rule --------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "place", "help"),
    [
        ("relativ-destination", "relativ-destination", 'did you mean "relative-destination"?'),
        ("Relative-Destination", "Relative-Destination", "relative-destination"),
        ("missing-source, sekret", "sekret", 'did you mean "secret"?'),
        ("DL3006", "DL3006", "# hadolint ignore=…"),
    ],
)
def test_a_comment_that_allows_what_is_no_rule_is_told_with_the_nearest_one(names, place, help):
    text = f"{PREFECT}# flowship: ignore={names}\nCOPY a /x/\n"
    (finding,) = check(text)
    assert (finding.rule, finding.severity) == ("unknown-rule", "warning")
    assert underlined(text, finding) == place
    assert help in finding.help


def test_prose_behind_the_rules_is_prose():
    text = PREFECT + "  # flowship: ignore=relative-destination, secret as we said\nCOPY a x/\n"
    assert check(text) == []
