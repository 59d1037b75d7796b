"""One finding and one piece of advice for each destination; the next check accepts the advice."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowship.dockerfile.rules import Facts, Finding, check, fix
from flowship.dockerfile.rules.one_per_word import one_per_word
from support.dockerfiles import CONTEXT, PREFECT

FACTS = Facts(context=CONTEXT, entrypoints=("flow.py:etl",))
ABOUT_WORDS = {"flow-not-in-place", "syntax", "relative-destination", "unresolved-destination"}

HEADS = st.sampled_from(["FROM python:3.11\n", PREFECT, "FROM company/base:1\n", "FROM scratch\n"])
FOLDERS = st.sampled_from(
    [
        *["", "WORKDIR /app\n", "WORKDIR /opt/prefect/flows\n", "WORKDIR app\n", "WORKDIR opt/x\n"],
        *["ARG U=dev\nWORKDIR /home/${U}\n", "ENV H=/srv\nWORKDIR $H\nWORKDIR sub\n"],
        *["ARG U=dev\nENV H=/home/$U\nWORKDIR $H\n", "WORKDIR /opt/prefect\n"],
    ]
)
COPIES = st.sampled_from(["COPY {}", "COPY --link {}", "ADD {}", "COPY --chown=1:1 {}"]).flatmap(
    lambda form: st.tuples(
        st.sampled_from(["flow.py", "flow.py util.py", "*.py", ".", "util.py"]),
        st.sampled_from(
            [
                ".",
                "./",
                "..",
                "./x",
                "x",
                "flows",
                "flows/",
                "./flows/",
                "/app",
                "/app/",
                "opt/x",
                "flows/.",
                "$U/",
                "$H/x",
                "opt/prefect/flows",
                "opt/prefect/flows/",
                "./opt/prefect/flows",
                "/opt/prefect",
                "/opt/prefect/flows",
                "/opt/prefect/flows/",
            ]
        ),
    ).map(lambda words: form.format(" ".join(words)) + "\n")
)
FILES = st.builds(lambda *parts: "".join([*parts[:2], *parts[2]]), HEADS, FOLDERS,
                  st.lists(COPIES, min_size=1, max_size=3))  # fmt: skip


def about(text: str, word: tuple[int, int]) -> list[Finding]:
    """The findings at the word that begins at this line and column."""
    found = check(text, FACTS)
    return [f for f in found if f.rule in ABOUT_WORDS and (f.line, f.column) == word]


@given(FILES)
@settings(max_examples=150, deadline=None)
def test_each_word_has_one_finding(text):
    places = [(f.line, f.column) for f in check(text, FACTS) if f.rule in ABOUT_WORDS]
    assert len(places) == len(set(places))


@given(FILES)
@settings(max_examples=150, deadline=None)
def test_the_next_check_accepts_the_advice(text):
    for finding in check(text, FACTS):
        advised = re.match(r'(?:use|copy it to) "([^"]+)"', finding.help)
        line = text.splitlines()[finding.line - 1]
        if finding.rule not in ABOUT_WORDS or not advised or not line.startswith(("COPY", "ADD")):
            continue
        start, end = finding.column - 1, finding.end_column - 1
        lines = text.splitlines()
        lines[finding.line - 1] = line[:start] + advised[1] + line[end:]
        after = about("\n".join(lines) + "\n", (finding.line, finding.column))
        # Advice for one copy can show that the flow needs another one; it never calls for the same.
        assert [f for f in after if f.rule != "flow-not-in-place"] == []
        if finding.rule == "flow-not-in-place":
            assert after == []


@given(FILES)
@example("FROM python:3.11\nCOPY flow.py util.py ./opt/prefect/flows\n")
@example(
    "FROM python:3.11\nWORKDIR /app\nCOPY flow.py opt/prefect/flows\n"
    "COPY flow.py util.py ./opt/prefect/flows\n"
)
@settings(max_examples=150, deadline=None)
def test_a_fix_settles_every_word_that_it_changes(text):
    found = check(text, FACTS)
    after = check(fix(text, found), FACTS)
    changed = {f.line for f in found if f.edit}
    assert [f for f in after if f.line in changed and f.rule in ABOUT_WORDS] == []


@given(FILES, st.sampled_from(["dev", "me", "a/b"]))
@settings(max_examples=100, deadline=None)
def test_a_fix_goes_to_the_same_place_with_every_build_argument(text, user):
    """A fix that changes no meaning changes it for no build argument."""
    facts = Facts(build_args={"U": user})
    found = check(text)
    kept = [f for f in found if f.rule == "relative-destination" and f.severity == "warning"]
    lines = {f.line for f in kept if f.edit}
    was = {f.line: resolved(f) for f in check(text, facts) if f.rule == "relative-destination"}
    fixed = fix(text, kept)
    view = {line: fixed.splitlines()[line - 1].split()[-1] for line in lines}
    for line, written in view.items():
        real = written.replace("${U}", user).replace("$U", user)
        real = real.replace("$H", f"/home/{user}" if "ENV H=/home" in text else "/srv")
        assert real.rstrip("/") == was[line].rstrip("/")


def resolved(finding: Finding) -> str:
    found = re.search(r"resolves to (\S+), because", finding.message)
    return found[1] if found else ""


@pytest.mark.parametrize(
    ("line", "rule", "help", "parts"),
    [
        ("COPY flow.py .", "flow-not-in-place", 'copy it to "/opt/prefect/flows/"', 2),
        ("COPY util.py flow.py x", "flow-not-in-place", 'copy it to "/opt/prefect/flows/"', 3),
        ("COPY flow.py util.py flows", "syntax", 'use "/opt/prefect/flows/"', 2),
        ("COPY flow.py flows/", "relative-destination", 'use "/opt/prefect/flows/"', 1),
    ],
)
def test_the_reasons_of_all_rules_are_in_one_message(line, rule, help, parts):
    (finding,) = check(f"{PREFECT}{line}\n", FACTS)
    assert (finding.rule, finding.severity) == (rule, "error")
    assert finding.help.startswith(help)
    assert len(finding.message.split("; ")) == parts


def test_findings_of_other_rules_stay_as_they_are():
    found = check("FROM python\nCOPY a /x/\n")
    assert one_per_word(found) == found
