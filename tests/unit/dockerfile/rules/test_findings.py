"""The rules and their documentation, and positions of findings."""

from __future__ import annotations

from flowship.dockerfile.parser import parse
from flowship.dockerfile.rules import RULES, Facts, Finding, Severity
from flowship.dockerfile.rules.findings import View, from_place, from_step, span, unquoted
from support.dockerfiles import PREFECT, only
from support.paths import ROOT


def test_every_rule_is_documented():
    page = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    for name, rule in RULES.items():
        assert f"### `{name}`" in page, name
        assert rule.summary
        assert rule.severity in set(Severity)


def test_errors_stop_a_build():
    def finding(severity):
        return Finding("x", severity, 1, 1, 2, "message", "help")

    assert finding(Severity.ERROR).is_blocking
    assert not finding(Severity.WARNING).is_blocking


def test_a_project_sets_the_severity_of_a_rule_for_all_its_findings():
    text = PREFECT + "COPY a .\nCOPY a x/\n"
    usual = [f.severity for f in only("relative-destination", text)]
    assert usual == [Severity.WARNING, Severity.ERROR]
    for severity in Severity:
        facts = Facts(severities={"relative-destination": severity})
        found = only("relative-destination", text, facts)
        assert {f.severity for f in found} == {severity}


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
