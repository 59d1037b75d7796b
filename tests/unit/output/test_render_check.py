"""The findings of a check as text and as JSON."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from flowship.build_request import prepare_build
from flowship.check import Checked, check_build, with_hadolint
from flowship.config import loading
from flowship.dockerfile.rules import Facts, Finding, Linter, Severity, check
from flowship.output import render_check
from support.projects import write
from support.rendering import shown


def checked(text, **options):
    facts = Facts()
    return Checked("Dockerfile", text, tuple(check(text, facts)), facts, **options)


@pytest.mark.parametrize("indent", ["", "  ", "\t"], ids=["none", "blanks", "a tab"])
def test_the_affected_text_is_underlined_after_tabs_as_well(indent):
    result = checked(f"FROM python:3.11\n{indent}COPY a b/\n")
    lines = shown(render_check.findings(result)).splitlines()
    (row,) = [i for i, line in enumerate(lines) if "COPY a b/" in line]
    source, marks = lines[row].expandtabs(), lines[row + 1].expandtabs()
    assert source[marks.index("^") : marks.rindex("^") + 1] == "b/"


def test_a_backslash_at_the_end_of_a_line_is_shown_once():
    result = checked("FROM python:3.11\nCOPY a \\\n  b/\nCOPY c d/ \\\n  \n")
    text = shown(render_check.findings(result))
    assert "\\" in text
    assert "\\\\" not in text


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("ENV A=1 DB_PASSWORD=hunter22 B=2", "ENV A=1 DB_PASSWORD=******** B=2"),
        ("ENV DB_PASSWORD hunter22", "ENV DB_PASSWORD ********"),
        ('ARG API_TOKEN="hunter22"', 'ARG API_TOKEN="********"'),
        ("ENV URL=postgresql://me:hunter22@db.example.com/x", "@db.example.com/x"),
    ],
)
def test_a_secret_in_a_line_is_replaced_by_asterisks(line, kept):
    text = shown(render_check.findings(checked(f"FROM python:3.11\n{line}\n")))
    assert "hunter22" not in text
    assert kept in text


def test_findings_in_a_rendered_dockerfile_have_the_paths_of_the_project(tmp_path):
    key = "-----BEGIN PRIVATE KEY-----\\n" + "MIIEvQIBADANBgkqhkiG9w0B" * 3
    creds = f'{{"type": "service_account", "private_key": "{key}"}}'
    (tmp_path / "p").mkdir()
    folder = write(tmp_path / "p", "python:3.11", {"conf/creds.json": creds})
    (finding,) = (
        f
        for f in check_build(prepare_build(loading.load(folder, environ={}))).findings
        if f.rule == "secret"
    )
    assert 'add "conf/creds.json" to .dockerignore' in finding.help
    assert finding.message.startswith("conf/creds.json (")


def test_the_gutter_grows_with_the_line_number():
    result = checked("FROM python:3.11\n" + "# more\n" * 120 + "COPY a b/\n")
    text = shown(render_check.findings(result))
    assert "\n122 | COPY a b/\n" in text
    assert "\n   --> Dockerfile:122:8\n" in text
    assert "\n    |" in text


def test_the_summary_counts_errors_and_warnings():
    assert shown(render_check.findings(checked("FROM python:3.11\n"))) == (
        "✓ Dockerfile: no problems found"
    )
    one = shown(render_check.findings(checked("FROM python:3.11\nCOPY a b/\n")))
    assert one.endswith("Dockerfile: 1 error")
    two = shown(render_check.findings(checked("FROM python\nCOPY a b/\nCOPY a c/\n")))
    assert two.endswith("Dockerfile: 2 errors and 1 warning")
    own = checked("FROM scratch\nCOPY a b/\nCOPY a c/\n", path=Path("Dockerfile"))
    assert shown(render_check.findings(own)).endswith(
        "Dockerfile: 2 errors; 2 fixable with `flowship check --fix`"
    )


@pytest.mark.parametrize(
    ("count", "line"),
    [(1, "✓ fixed 1 problem in Dockerfile"), (2, "✓ fixed 2 problems in Dockerfile")],
)
def test_applied_fixes_are_reported(count, line):
    assert shown(render_check.findings(checked("FROM scratch\n", fixed=count))) == (
        f"{line}\n✓ Dockerfile: no problems found"
    )


def test_text_counts_and_json_agree_on_each_severity(monkeypatch):
    """An error of hadolint is shown as what it is here: a warning that stops nothing."""
    item = b'[{"line": 1, "column": 1, "code": "DL3004", "level": "error", "message": "m"}]'
    done = subprocess.CompletedProcess([], 0, item)
    monkeypatch.setattr("flowship.dockerfile.hadolint.executable", lambda: "hadolint")
    monkeypatch.setattr("flowship.dockerfile.hadolint.subprocess.run", lambda *a, **k: done)
    result = with_hadolint(checked("FROM python\nCOPY a b/\n"))
    text, data = shown(render_check.findings(result)), render_check.findings_json(result)
    severities = [finding["severity"] for finding in data["findings"]]
    assert (severities.count("error"), severities.count("warning")) == (1, 2)
    assert (data["errors"], data["warnings"]) == (1, 2)
    assert (text.count("error: "), text.count("warning: ")) == (1, 2)
    assert "Dockerfile: 1 error and 2 warnings" in text


def test_a_finding_of_hadolint_is_marked():
    found = Finding("DL1", Severity.WARNING, 1, 1, 5, "message", "help", source=Linter.HADOLINT)
    result = Checked("Dockerfile", "FROM a:1\n", (found,), Facts())
    assert "warning: message [hadolint DL1]" in shown(render_check.findings(result))
    assert "Dockerfile: 1 warning" in shown(render_check.findings(result))


def test_the_json_has_every_finding_and_the_counts():
    data = render_check.findings_json(
        checked("FROM python\nCOPY a b/\n", path=Path("Dockerfile"), fixed=2)
    )
    assert json.loads(json.dumps(data)) == {
        "dockerfile": "Dockerfile",
        "findings": [
            {
                "rule": "unpinned-base",
                "severity": "warning",
                "line": 1,
                "column": 6,
                "end_column": 12,
                "message": "python has no version: the next build may use a different image",
                "help": "pin a version, for example python:3.11-slim",
                "fixable": False,
                "source": "flowship",
            },
            {
                "rule": "relative-destination",
                "severity": "error",
                "line": 2,
                "column": 8,
                "end_column": 10,
                "message": '"b/" is a relative path: it resolves to /b/, because the working'
                " directory is / (set by the base image python)",
                "help": 'use "/b/"',
                "fixable": True,
                "source": "flowship",
            },
        ],
        "errors": 1,
        "warnings": 1,
        "fixed": 2,
    }


def test_markup_in_a_dockerfile_is_text():
    text = "FROM python:3.11\nCOPY a[red] [/b]c/\n"
    assert "2 | COPY a[red] [/b]c/" in shown(render_check.findings(checked(text)))
