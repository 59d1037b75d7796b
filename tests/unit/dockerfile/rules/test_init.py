"""All rules together: order, suppression, and the fix of a whole file."""

from __future__ import annotations

import subprocess
import sys

from flowship.dockerfile.rules import Edit, Facts, Finding, check, fix
from support.dockerfiles import PREFECT, one, only


def test_a_comment_directly_above_turns_rules_off_for_that_instruction_only():
    text = (
        PREFECT
        + "# flowship: ignore=relative-destination, missing-source\nCOPY a x/\nCOPY a y/\n"
        + "# flowship: ignore=relative-destination\n\nCOPY a z/\n"
        + "# flowship: ignore=relative-destination\n# and another word on it\nCOPY a w/\n"
    )
    assert [f.line for f in only("relative-destination", text)] == [4, 7]


def test_a_project_can_turn_a_rule_off():
    facts = Facts(ignore=frozenset({"relative-destination"}))
    assert check(PREFECT + "COPY a x/\nCOPY a y/\n", facts) == []


def test_findings_are_sorted_by_position():
    text = "FROM python\nCOPY b y/\nCOPY a x/\nWORKDIR q\n"
    places = [(f.line, f.column) for f in check(text)]
    assert places == sorted(places)
    assert len(places) == 4


def test_overlapping_edits_are_applied_once():
    finding = one("relative-destination", PREFECT + "COPY a opt/x\n")
    twice = [finding, finding, Finding("x", "error", 1, 1, 1, "", "", Edit(*_inside(finding), "?"))]
    assert fix(PREFECT + "COPY a opt/x\n", twice) == PREFECT + "COPY a /opt/x\n"


def _inside(finding: Finding) -> tuple[int, int]:
    assert finding.edit is not None
    return finding.edit.start + 1, finding.edit.end


def test_checking_needs_neither_jinja_nor_prefect_nor_pandas():
    program = (
        "import sys; from flowship.dockerfile.rules import check; check('FROM a\\nCOPY a b\\n');"
        "print([m for m in ('jinja2', 'prefect', 'pandas', 'docker', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
