"""Whether the flow is where the deployment looks for it."""

from __future__ import annotations

import pytest

from flowship.dockerfile.rules import Facts, check, fix
from support.dockerfiles import PREFECT, context, ignored, only


def flow_findings(copies: str, *paths: str, entrypoint: str = "flows/taxi.py:etl", **facts) -> list:
    files = context(*(paths or ("flows/taxi.py", "flows/__init__.py", "requirements.txt")))
    text = copies if copies.startswith("FROM") else PREFECT + copies
    return only("flow-not-in-place", text, Facts(context=files, entrypoints=(entrypoint,), **facts))


@pytest.mark.parametrize(
    "copies",
    [
        "COPY . /opt/prefect/flows/\n",
        "COPY . /opt/prefect/flows\n",
        "COPY flows /opt/prefect/flows/flows\n",
        "COPY flows/ /opt/prefect/flows/flows/\n",
        "COPY flows/*.py /opt/prefect/flows/flows/\n",
        "COPY f*s /opt/prefect/flows/flows/\n",
        "COPY flows/taxi.py /opt/prefect/flows/flows/\n",
        "COPY flows/taxi.py /opt/prefect/flows/flows/taxi.py\n",
        "COPY flows/__init__.py /opt/prefect/flows/flows/taxi.py\n",
        "COPY requirements.txt flows/taxi.py /opt/prefect/flows/flows/\n",
        'COPY ["flows/taxi.py", "/opt/prefect/flows/flows/"]\n',
        "COPY --parents flows/taxi.py /opt/prefect/flows/\n",
        "WORKDIR /opt/prefect/flows/flows\nCOPY flows/taxi.py /opt/prefect/flows/flows\n",
        "RUN mkdir -p /opt/prefect/flows/flows\nCOPY flows/taxi.py /opt/prefect/flows/flows\n",
        "ARG HERE=/opt/prefect/flows\nCOPY . $HERE/\n",
        "FROM prefecthq/prefect:3 AS code\nCOPY . /opt/prefect/flows/\nFROM code\nUSER 1\n",
        "FROM scratch AS code\nCOPY . /src/\nFROM prefecthq/prefect:3\n"
        "COPY --from=code /src/ /opt/prefect/flows/\n",
        "FROM scratch AS code\nCOPY . /src/\nFROM prefecthq/prefect:3\n"
        "COPY --from=0 src/flows/taxi.py /opt/prefect/flows/flows/taxi.py\n",
        "FROM prefecthq/prefect:3 AS p\nONBUILD COPY . /opt/prefect/flows/\nFROM p\n",
    ],
)
def test_a_flow_in_its_place_is_not_reported(copies):
    assert flow_findings(copies) == []


@pytest.mark.parametrize(
    ("copies", "where"),
    [
        ("COPY flows/ /opt/prefect/flows/\n", "/opt/prefect/flows/taxi.py"),
        ("COPY flows/taxi.py /opt/prefect/flows\n", "/opt/prefect/flows"),
        ("COPY . /app/\n", "/app/flows/taxi.py"),
        ("COPY . /opt/prefect/flows/flows/\n", "/opt/prefect/flows/flows/flows/taxi.py"),
        ("COPY flows/*.py /app/\n", "/app/taxi.py"),
        ("COPY flows/taxi.py /opt/prefect/flows/flows/main.py\n", "/opt/prefect/flows/flows/main"),
        ("COPY --parents flows/taxi.py /app/\n", "/app/flows/taxi.py"),
        ("COPY --parents ./flows/./taxi.py /app/\n", "/app/taxi.py"),
    ],
)
def test_a_flow_that_is_copied_elsewhere_is_reported_with_both_paths(copies, where):
    (finding,) = flow_findings(copies)
    assert "looks for the flow at /opt/prefect/flows/flows/taxi.py" in finding.message
    assert f"this copies it to {where}" in finding.message
    assert finding.line == 2
    # following the advice fixes it
    advised = finding.help.removeprefix('copy it to "').removesuffix('"')
    assert flow_findings(f"{copies.rpartition(' ')[0]} {advised}\n") == []


@pytest.mark.parametrize(
    "copies",
    [
        "RUN git clone https://example.com/team/flows.git /opt/prefect/flows\n",
        "COPY . /src/\nRUN cp -r /src/. /opt/prefect/flows/\n",
        "COPY . /src/\nRUN python build.py\n",
        "RUN <<EOF\ncurl example.com\nEOF\n",
        "ADD https://example.com/code.git /opt/prefect/flows\n",
        "COPY --from=company/flows:1 /flows /opt/prefect/flows\n",
        "COPY . ${UNKNOWN}\n",
        "FROM company/with-flows:1\nUSER 1\n",
        "FROM company/base:1\nCOPY . flows/\n",
        "FROM scratch AS a\nFROM prefecthq/prefect:3 AS b\nRUN make\nFROM prefecthq/prefect:3\n"
        "COPY --from=b /opt/prefect/flows /opt/prefect/flows\n",
    ],
)
def test_nothing_is_reported_if_something_else_may_bring_the_flow(copies):
    assert flow_findings(copies) == []


def test_commands_that_only_install_cannot_bring_the_flow():
    (finding,) = flow_findings(
        "RUN apt-get update && apt-get install -y git>=2 2>&1 >/dev/null && rm -rf /var/x\n"
        'RUN ["pip", "install", "pandas>=2"]\nRUN python -m pip install "a>1"; mkdir -p /x\n'
    )
    assert "no instruction copies flows/taxi.py into the image" in finding.message
    assert finding.help == "add COPY flows/taxi.py /opt/prefect/flows/flows/taxi.py"


def test_a_flow_that_is_excluded_is_reported_with_the_pattern():
    files = context("a.py", left_out={"flows": ignored("flows", 2)})
    (finding,) = only(
        "flow-not-in-place",
        PREFECT + "COPY . /opt/prefect/flows/\n",
        Facts(context=files, entrypoints=("flows/taxi.py:etl",)),
    )
    assert '"flows" is excluded by .dockerignore line 2: flows' in finding.message


def test_a_destination_whose_fix_puts_the_flow_in_place_is_reported_once():
    copies = "COPY . opt/prefect/flows/\n"
    facts = Facts(context=context("flows/taxi.py"), entrypoints=("flows/taxi.py:etl",))
    assert [f.rule for f in check(PREFECT + copies, facts)] == ["relative-destination"]


def test_of_two_copies_the_one_nearest_to_the_right_place_is_reported():
    assert [f.line for f in flow_findings("COPY . /a/\nCOPY . /opt/prefect/\n")] == [3]
    assert [f.line for f in flow_findings("COPY . /opt/prefect/\nCOPY . /a/\n")] == [2]
    assert [f.line for f in flow_findings("COPY . /b/\nCOPY . /a/\n")] == [3]


def test_a_missing_slash_at_the_end_has_a_fix():
    text = PREFECT + "COPY flow.py /opt/prefect/flows\n"
    facts = Facts(context=context("flow.py"), entrypoints=("flow.py:etl",))
    assert fix(text, check(text, facts)) == text.replace("flows\n", "flows/\n")


AT_HOME = "FROM python:3.11\nWORKDIR /app\n"


@pytest.mark.parametrize(
    ("written", "fixed"),
    [
        ("COPY flow.py .\n", "COPY flow.py /opt/prefect/flows/\n"),
        ("COPY flow.py ./\n", "COPY flow.py /opt/prefect/flows/\n"),
        ("COPY . .\nUSER 1000\n", "COPY . /opt/prefect/flows/\nUSER 1000\n"),
        ('COPY ["flow.py", "."]\n', 'COPY ["flow.py", "/opt/prefect/flows/"]\n'),
        ("COPY util.py flow.py ./\n", "COPY util.py flow.py /opt/prefect/flows/\n"),
    ],
)
def test_a_dot_that_takes_the_flow_elsewhere_is_fixed_to_its_place(written, fixed):
    facts = Facts(context=context("flow.py", "util.py"), entrypoints=("flow.py:etl",))
    assert fix(AT_HOME + written, check(AT_HOME + written, facts)) == AT_HOME + fixed
    assert check(AT_HOME + fixed, facts) == []


@pytest.mark.parametrize(
    "copies",
    [
        "COPY . .\nRUN pip install .\n",
        'COPY flow.py .\nCMD ["python", "flow.py"]\n',
        "COPY flow.py .\nENV PYTHONPATH=/app\n",
        "COPY flow.py ./flows\n",
        "COPY flow.py flows/\n",
        "COPY flow.py opt/prefect/\nCOPY flow.py /srv/\n",
    ],
)
def test_a_flow_that_cannot_be_moved_safely_has_advice_and_no_fix(copies):
    facts = Facts(context=context("flow.py"), entrypoints=("flow.py:etl",))
    found = check(AT_HOME + copies, facts)
    assert 'copy it to "/opt/prefect/flows/"' in [f.help for f in found]
    assert fix(AT_HOME + copies, found) == AT_HOME + copies


def test_a_workdir_that_must_be_fixed_first_is_the_advice():
    text = PREFECT + "WORKDIR opt/prefect/flows\nCOPY . .\n"
    facts = Facts(context=context("flow.py"), entrypoints=("flow.py:etl",))
    assert [f.rule for f in check(text, facts)] == ["relative-workdir", "flow-not-in-place"]
    assert "fix the WORKDIR on line 2 first" in check(text, facts)[1].help


def test_an_ignored_relative_destination_must_still_lead_to_the_right_place():
    ignored_rule = {"ignore": frozenset({"relative-destination"})}
    assert flow_findings("COPY . flows/\n", **ignored_rule) == []
    (finding,) = flow_findings("COPY . opt/prefect/flows/\n", **ignored_rule)
    assert "/opt/prefect/opt/prefect/flows/flows/taxi.py" in finding.message


def test_a_flow_that_is_excluded_or_in_another_stage_is_reported():
    (finding,) = flow_findings("COPY --exclude=flows . /opt/prefect/flows/\n")
    assert "no instruction copies" in finding.message
    (finding,) = flow_findings(
        "FROM prefecthq/prefect:3 AS a\nCOPY . /opt/prefect/flows/\nFROM scratch\n"
    )
    assert finding.line == 3


@pytest.mark.parametrize(
    ("exclude", "source", "excluded"),
    [
        ("flows/taxi.py", ".", True),
        ("**/taxi.py", ".", True),
        ("'**/*.py'", ".", True),
        ("flows", ".", True),
        ("taxi.py", ".", False),  # as in .dockerignore: only at the top
        ("taxi.py", "flows", True),  # the top of each source
        ("flows/taxi.py", "flows", False),
        ("**", "flows/taxi.py", False),  # named itself
        ("*.md", ".", False),
        ("[z-a]", ".", False),
    ],
)
def test_exclude_works_as_in_buildkit(exclude, source, excluded):
    place = "/opt/prefect/flows/" if source == "." else "/opt/prefect/flows/flows/"
    found = flow_findings(f"COPY --exclude={exclude} {source} {place}\n")
    assert bool(found) == excluded
