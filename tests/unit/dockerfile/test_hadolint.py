"""Our rule compared with the nearest rule of hadolint, DL3045, on every file in dockerfiles/.

For each file the table has the lines that we and hadolint report and, if they differ, the reason.
Both columns are checked against the real programs.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import pytest

from flowship.dockerfile.hadolint import executable, run_hadolint, without_repeats
from flowship.dockerfile.instructions import Lines
from flowship.dockerfile.parser import parse
from flowship.dockerfile.rules import Finding, Severity, check, fix
from support.paths import DOCKERFILES

WORKDIR = (
    "hadolint accepts it because of a WORKDIR above; we report it, because the path of the file"
    " depends on another line (the project can ignore the rule)"
)
ADD = "DL3045 checks only COPY; ADD resolves its destination in the same way"
ONBUILD = "hadolint does not check ONBUILD; the file goes to the wrong path in the next image"
VARIABLE = (
    "hadolint skips every destination that starts with a variable; the value is in the file, and"
    " is relative"
)
QUOTE = "hadolint sees a variable; the builder does not expand it in single quotes"
HEREDOC = "hadolint cannot parse this heredoc (DL1000) and checks nothing; the builder accepts it"
OUR_COMMENT = "the comment turns off our rule on that line, which hadolint does not know"
THEIR_COMMENT = "the comment turns off the rule of hadolint, not ours"


@dataclass(frozen=True)
class Case:
    """One file: the lines of the instructions that we and hadolint report."""

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


def reported_by_us(text: str) -> tuple[int, ...]:
    """The first lines of the instructions that we report, as hadolint counts them."""
    lines = Lines(text)
    starts = sorted(lines.place(i.start, i.start)[0] for i in parse(text).instructions)
    found = [f.line for f in check(text) if f.rule == "relative-destination"]
    return tuple(sorted({starts[bisect_right(starts, line) - 1] for line in found}))


def test_every_dockerfile_is_in_the_table():
    assert sorted(
        path.name.removesuffix(".Dockerfile") for path in DOCKERFILES.iterdir()
    ) == sorted(case.name for case in CASES)
    assert len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_we_report_exactly_the_lines_in_the_table(case):
    assert reported_by_us(read(case.name)) == case.ours


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hadolint_reports_exactly_the_lines_in_the_table(case):
    if executable() is None:
        pytest.skip("hadolint is not installed (the extra flowship[lint])")
    found = run_hadolint(read(case.name))
    assert tuple(sorted({f.line for f in found if f.rule == "DL3045"})) == case.theirs
    assert any(f.rule == "DL1000" for f in found) == case.unreadable


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_difference_has_a_reason(case):
    assert bool(case.why) == (case.ours != case.theirs)


def test_after_the_fix_neither_reports_those_lines():
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


def test_findings_that_both_report_are_kept_once():
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


def test_a_destination_that_is_one_finding_of_ours_is_not_repeated():
    def finding(rule):
        return Finding(rule, Severity.WARNING, 2, 1, 2, "message", "help")

    for rule in ("relative-destination", "syntax", "flow-not-in-place"):
        assert without_repeats([finding("DL3045")], [finding(rule)]) == []
    theirs = [finding("DL3045"), finding("DL3004")]
    assert without_repeats(theirs, [finding("secret")]) == theirs
    assert without_repeats(theirs, []) == theirs


def test_a_hadolint_that_fails_reports_nothing(tmp_path, monkeypatch):
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


def test_without_hadolint_there_are_no_findings_from_it(monkeypatch):
    monkeypatch.setattr("flowship.dockerfile.hadolint.executable", lambda: None)
    assert run_hadolint("FROM x\n") == []
