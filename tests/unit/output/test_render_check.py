"""How findings look: what must be readable is read here."""

from __future__ import annotations

import pytest

from flowship.check import Checked, check_build
from flowship.config import loading
from flowship.dockerfile import Facts, check
from flowship.output import render_check
from flowship.project.build_request import prepare_build
from support.projects import write
from support.rendering import shown


def checked(text, **options):
    facts = Facts()
    return Checked("Dockerfile", text, tuple(check(text, facts)), facts, **options)


@pytest.mark.parametrize("indent", ["", "  ", "\t"], ids=["none", "blanks", "a tab"])
def test_the_offending_text_is_underlined_also_behind_a_tab(indent):
    result = checked(f"FROM python:3.11\n{indent}COPY a b/\n")
    lines = shown(render_check.findings(result)).splitlines()
    (row,) = [i for i, line in enumerate(lines) if "COPY a b/" in line]
    source, marks = lines[row].expandtabs(), lines[row + 1].expandtabs()
    assert source[marks.index("^") : marks.rindex("^") + 1] == "b/"


def test_a_line_that_ends_in_a_backslash_is_shown_with_one():
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
def test_a_secret_in_the_dockerfile_is_starred_where_the_line_is_shown(line, kept):
    text = shown(render_check.findings(checked(f"FROM python:3.11\n{line}\n")))
    assert "hunter22" not in text
    assert kept in text


def test_the_advice_about_the_rendered_dockerfile_names_paths_as_the_user_knows_them(tmp_path):
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


def test_findings_are_counted_with_the_right_number_of_s():
    assert shown(render_check.findings(checked("FROM python:3.11\n"))) == (
        "✓ Dockerfile: nothing to complain about"
    )
    one = shown(render_check.findings(checked("FROM python:3.11\nCOPY a b/\n")))
    assert one.endswith("Dockerfile: 1 error")
    two = shown(render_check.findings(checked("FROM python\nCOPY a b/\nCOPY a c/\n")))
    assert two.endswith("Dockerfile: 2 errors and 1 warning")


def test_markup_in_a_dockerfile_is_text():
    text = "FROM python:3.11\nCOPY a[red] [/b]c/\n"
    assert "2 | COPY a[red] [/b]c/" in shown(render_check.findings(checked(text)))
