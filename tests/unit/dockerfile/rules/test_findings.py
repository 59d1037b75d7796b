"""The rules and their documentation, and positions of findings."""

from __future__ import annotations

from flowship.dockerfile.parser import parse
from flowship.dockerfile.rules import RULES, Facts, Finding, Linter, Severity
from flowship.dockerfile.rules.findings import View, from_place, from_step, span, unquoted
from support.paths import ROOT


def test_every_rule_is_documented():
    page = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    for name, rule in RULES.items():
        assert f"### `{name}`" in page, name
        assert rule.summary
        assert rule.severity in set(Severity)


def test_only_our_own_errors_stop_a_build():
    def finding(severity, source):
        return Finding("x", severity, 1, 1, 2, "message", "help", source=source)

    assert finding(Severity.ERROR, Linter.FLOWSHIP).is_blocking
    assert not finding(Severity.WARNING, Linter.FLOWSHIP).is_blocking
    assert not finding(Severity.ERROR, Linter.HADOLINT).is_blocking


def test_a_path_is_shown_as_in_the_project():
    view = View.of("FROM q:1\n", Facts(project_folder="project"))
    assert view.in_project("project/a.py") == "a.py"
    assert view.in_project("projects/a.py") == "projects/a.py"
    assert View.of("FROM q:1\n", Facts()).in_project("project/a.py") == "project/a.py"


def test_something_missing_is_reported_at_the_from_of_its_stage():
    first, last = View.of("FROM a:1\nFROM b:1 AS c\n", Facts()).trace.stages
    assert from_place(first) == (0, 8)
    assert from_place(last) == (9, 22)
    step = from_step(last)
    assert step is not None
    assert step.instruction.keyword == "FROM"


def test_quotes_are_not_underlined():
    assert unquoted('"a b"') == "a b"
    assert unquoted("a'b'") == "a'b'"
    (instruction,) = parse('COPY ["a", "b"]').instructions
    assert [span(word) for word in instruction.words] == [(7, 8), (12, 13)]
