"""Several sources for one destination."""

from __future__ import annotations

import pytest

from flowship.dockerfile.rules import Facts, check, fix
from support.dockerfiles import CONTEXT, PREFECT, only


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
def test_several_sources_need_a_slash_and_the_fix_adds_it(line, fixed):
    text = f"{PREFECT}{line}\n"
    facts = Facts(context=CONTEXT)
    (finding,) = only("syntax", text, facts)
    assert finding.severity == "error"
    assert "2 sources" in finding.message
    assert fix(text, check(text, facts)) == f"{PREFECT}{fixed}\n"
    assert only("syntax", fix(text, check(text, facts)), facts) == []


def test_if_relative_destinations_are_ignored_only_the_slash_is_added():
    text = PREFECT + "# flowship: ignore=relative-destination\nCOPY flow.py util.py ./x\n"
    assert fix(text, check(text)).endswith("\nCOPY flow.py util.py ./x/\n")


def test_a_destination_with_a_variable_is_reported_without_a_fix():
    text = PREFECT + "ENV D=/x\nCOPY flow.py util.py $D\nCOPY flow.py util.py $UNKNOWN\n"
    (finding,) = only("syntax", text)
    assert (finding.line, finding.edit) == (3, None)


def test_buildkit_needs_no_slash_if_the_folder_exists():
    text = PREFECT + "WORKDIR /x/y\nCOPY --link flow.py util.py {}\n"
    for there in (".", "..", "/x/y", "/x", "/x/y/.", "/"):
        assert only("syntax", text.format(there)) == [], there
    (finding,) = only("syntax", text.format("/elsewhere"))
    assert finding.severity == "warning"
    assert "each file overwrites the previous one" in finding.message


def test_a_flow_that_buildkit_would_overwrite_is_not_in_place_without_the_slash():
    text = PREFECT + "COPY --chmod=644 flow.py util.py /opt/prefect/flows\n"
    facts = Facts(context=CONTEXT, entrypoints=("flow.py:etl",))
    assert {f.rule: f.severity for f in check(text, facts)} == {"flow-not-in-place": "error"}
    assert check(fix(text, check(text, facts)), facts) == []
    relative = text.replace(" /opt/prefect/flows", " flows")
    assert {f.rule: f.severity for f in check(relative, facts)} == {"syntax": "error"}
    assert check(fix(relative, check(relative, facts)), facts) == []
