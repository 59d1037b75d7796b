"""Our rule beside the nearest one elsewhere: hadolint's DL3045, on every file in dockerfiles/.

The table says for each file on which lines an instruction is flagged, by us and by hadolint, and
where the two differ, why. Both columns are checked against the real programs.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import pytest

from flowship.dockerfile.hadolint import executable, run_hadolint, without_repeats
from flowship.dockerfile.instructions import Lines, parse
from flowship.dockerfile.rules import check, fix
from support.paths import DOCKERFILES

WORKDIR = (
    "a WORKDIR above makes it work, and then hadolint is content; here it stays an error, because"
    " the file's place hangs on another line (the project may allow it)"
)
ADD = "DL3045 looks at COPY only; ADD lands in the same place"
ONBUILD = "hadolint does not look into ONBUILD; the file lands wrong one image later"
VARIABLE = (
    "hadolint passes over every destination that begins with a variable; its value stands in the"
    " file, and is relative"
)
QUOTE = "hadolint sees a variable; in single quotes the builder does not replace it"
HEREDOC = "hadolint cannot read this heredoc (DL1000) and judges nothing; the builder reads it"
OUR_COMMENT = "the comment allows our rule on that line, which hadolint does not know"
THEIR_COMMENT = "the comment silences hadolint, not us"


@dataclass(frozen=True)
class Case:
    """One file: the lines of the instructions flagged by us and by hadolint."""

    name: str
    ours: tuple[int, ...]
    theirs: tuple[int, ...]
    why: str = ""
    unreadable: bool = False  # hadolint reports that it cannot parse the file


# fmt: off
CASES = [
    Case("absolute-root", (), ()),
    Case("add-absolute", (), ()),
    Case("add-checksum", (2,), (), ADD),
    Case("add-git", (2,), (), ADD),
    Case("add-relative", (2,), (), ADD),
    Case("add-url", (2,), (), ADD),
    Case("all-flags", (3,), (3,)),
    Case("allowed-by-comment", (4,), (3, 4), OUR_COMMENT),
    Case("arg-absolute", (), ()),
    Case("arg-before-from", (), ()),
    Case("arg-before-from-not-asked-for", (), ()),
    Case("arg-relative", (3,), (), VARIABLE),
    Case("arg-without-value", (), ()),
    Case("bare-name", (2,), (2,)),
    Case("born-from", (2,), (2,)),
    Case("born-from-fixed", (), ()),
    Case("bracket-glob", (2,), (2,)),
    Case("byte-order-mark", (2,), (2,)),
    Case("chmod", (2,), (2,)),
    Case("chown", (2,), (2,)),
    Case("comment-looks-like-copy", (), ()),
    Case("continuation", (2,), (2,)),
    Case("continuation-comment", (2,), (2,)),
    Case("continuation-empty-line", (2,), (2,)),
    Case("continuation-inside-relative-word", (2,), (2,)),
    Case("continuation-inside-word", (), ()),
    Case("continuation-trailing-space", (2,), (2,)),
    Case("crlf", (2,), (2,)),
    Case("digest-base", (2,), (2,)),
    Case("dot", (2,), (2,)),
    Case("dot-dot", (2,), (2,)),
    Case("dot-slash", (2,), (2,)),
    Case("dot-slash-folder", (2,), (2,)),
    Case("env-absolute", (), ()),
    Case("env-and-arg", (), ()),
    Case("env-relative", (3,), (), VARIABLE),
    Case("escape-backtick", (3,), (3,)),
    Case("escape-backtick-windows", (), ()),
    Case("escape-too-late", (3,), (3,)),
    Case("escaped-dollar", (3,), (3,)),
    Case("exclude", (2,), (2,)),
    Case("from-image", (2,), (2,)),
    Case("from-stage-absolute", (), ()),
    Case("from-stage-by-number", (4,), (4,)),
    Case("from-stage-relative", (4,), (4,)),
    Case("heredoc", (2,), (2,)),
    Case("heredoc-absolute", (), (), unreadable=True),
    Case("heredoc-in-run", (5,), (), HEREDOC, unreadable=True),
    Case("heredoc-quoted", (), (), unreadable=True),
    Case("heredoc-tabs", (2,), (), HEREDOC, unreadable=True),
    Case("heredoc-two", (2, 7), (), HEREDOC, unreadable=True),
    Case("hidden-folder", (2,), (2,)),
    Case("ignored-for-hadolint", (3,), (), THEIR_COMMENT),
    Case("indented", (2,), (2,)),
    Case("json", (2,), (2,)),
    Case("json-absolute", (), ()),
    Case("json-after-flag", (), ()),
    Case("json-over-lines", (2,), (2,)),
    Case("json-with-spaces", (2,), (2,)),
    Case("link", (2,), (2,)),
    Case("link-absolute", (), ()),
    Case("lower-case", (2,), (2,)),
    Case("mixed-case", (4,), (), ADD),
    Case("no-last-newline", (2,), (2,)),
    Case("no-trailing-slash", (2,), (2,)),
    Case("non-ascii", (2,), (2,)),
    Case("not-a-heredoc", (3,), (3,)),
    Case("onbuild", (2,), (), ONBUILD),
    Case("onbuild-absolute", (), ()),
    Case("onbuild-add", (2,), (), ONBUILD),
    Case("onbuild-workdir-after", (2,), (), ONBUILD),
    Case("parents", (2,), (2,)),
    Case("quoted", (2,), (2,)),
    Case("quoted-absolute", (), ()),
    Case("scratch", (2,), (2,)),
    Case("several-sources", (2,), (2,)),
    Case("several-sources-absolute", (), ()),
    Case("shared-parent", (4, 6), (4,), WORKDIR),
    Case("single-quoted-absolute", (), ()),
    Case("single-quoted-dollar", (3,), (), QUOTE),
    Case("stage-alias", (4,), (), WORKDIR),
    Case("stage-alias-upper-case", (4,), (4,)),
    Case("stage-forgets-workdir", (5,), (5,)),
    Case("tabs", (2,), (2,)),
    Case("three-stages", (2, 5), (2,), WORKDIR),
    Case("tilde", (2,), (2,)),
    Case("typical-right", (), ()),
    Case("typical-wrong", (2,), (2,)),
    Case("unknown-base", (2,), (2,)),
    Case("variable-alternative", (3,), (), VARIABLE),
    Case("variable-behind-slash", (), ()),
    Case("variable-default", (3,), (), VARIABLE),
    Case("variable-default-absolute", (), ()),
    Case("variable-in-the-middle", (3,), (3,)),
    Case("workdir-absolute", (3,), (), WORKDIR),
    Case("workdir-after", (2,), (2,)),
    Case("workdir-relative", (3,), (), WORKDIR),
    Case("workdir-then-absolute", (), ()),
    Case("workdir-then-folder", (3,), (), WORKDIR),
    Case("workdir-twice", (4,), (), WORKDIR),
    Case("workdir-variable", (4,), (), WORKDIR),
    Case("workdir-with-spaces", (3,), (), WORKDIR),
]
# fmt: on


def read(name: str) -> str:
    return (DOCKERFILES / f"{name}.Dockerfile").read_bytes().decode()


def flagged_by_us(text: str) -> tuple[int, ...]:
    """The first lines of the instructions with our finding, as hadolint counts them."""
    lines = Lines(text)
    starts = sorted(lines.place(i.start, i.start)[0] for i in parse(text).instructions)
    found = [f.line for f in check(text) if f.rule == "relative-destination"]
    return tuple(sorted({starts[bisect_right(starts, line) - 1] for line in found}))


def test_every_dockerfile_is_in_the_table_and_there_are_enough_of_them():
    assert sorted(
        path.name.removesuffix(".Dockerfile") for path in DOCKERFILES.iterdir()
    ) == sorted(case.name for case in CASES)
    assert len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_we_flag_exactly_the_lines_in_the_table(case):
    assert flagged_by_us(read(case.name)) == case.ours


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hadolint_flags_exactly_the_lines_in_the_table(case):
    if executable() is None:
        pytest.skip("hadolint is not installed (the extra flowship[lint])")
    found = run_hadolint(read(case.name))
    assert tuple(sorted({f.line for f in found if f.rule == "DL3045"})) == case.theirs
    assert any(f.rule == "DL1000" for f in found) == case.unreadable


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_disagreement_has_its_reason_and_an_agreement_needs_none(case):
    assert bool(case.why) == (case.ours != case.theirs)


def test_the_fix_leaves_nothing_that_either_would_flag_on_those_lines():
    if executable() is None:
        pytest.skip("hadolint is not installed (the extra flowship[lint])")
    for case in CASES:
        text = read(case.name)
        findings = check(text)
        fixed = fix(text, findings)
        repaired = {f.line for f in findings if f.rule == "relative-destination" and f.edit}
        assert not repaired & {f.line for f in check(fixed) if f.rule == "relative-destination"}
        still = {f.line for f in run_hadolint(fixed) if f.rule == "DL3045"}
        assert not {line for line in still if line in repaired}, case.name


def test_what_hadolint_says_twice_is_left_to_us():
    text = "FROM python:latest\nWORKDIR app\nCOPY a b/\nRUN cd /x && sudo ls\n"
    ours = check(text)
    theirs = run_hadolint(text)
    if executable() is None:
        assert theirs == []
        return
    kept = {f.rule for f in without_repeats(theirs, ours)}
    assert {f.rule for f in theirs} >= {"DL3007", "DL3000", "DL3004"}
    assert not kept & {"DL3007", "DL3000", "DL3045"}
    assert "DL3004" in kept
    assert all(f.source == "hadolint" for f in theirs)


def test_a_hadolint_that_crashes_or_talks_nonsense_is_no_finding(tmp_path, monkeypatch):
    for number, script in enumerate(
        ["exit 139", "echo not json", "echo '[1, {}]'", "exec sleep 60"]
    ):
        program = tmp_path / f"hadolint{number}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(
            "flowship.dockerfile.hadolint.executable", lambda path=str(program): path
        )
        monkeypatch.setattr("flowship.dockerfile.hadolint.TIMEOUT", 1)
        assert [f for f in run_hadolint("FROM x\n") if f.message] == []


def test_without_hadolint_there_are_no_findings_of_it(monkeypatch):
    monkeypatch.setattr("flowship.dockerfile.hadolint.executable", lambda: None)
    assert run_hadolint("FROM x\n") == []
