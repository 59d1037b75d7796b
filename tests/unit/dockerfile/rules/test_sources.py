"""Sources that are not in the build context."""

from __future__ import annotations

import pytest

from flowship.dockerfile.rules import Facts
from flowship.project.context import Context, Entry
from flowship.project.ignore import LeftOut, LeftOutKind
from support.dockerfiles import PREFECT, context, ignored, one, only, underlined


def test_a_missing_source_is_reported_with_the_nearest_name():
    text = PREFECT + "COPY flwo.py /x/\n"
    finding = one("missing-source", text, Facts(context=context("flow.py")))
    assert underlined(text, finding) == "flwo.py"
    assert finding.help == 'did you mean "flow.py"?'


@pytest.mark.parametrize(
    ("source", "left_out", "reason"),
    [
        ("data", "data", "it is excluded by .dockerignore line 3: data"),
        ("data/x.csv", "data", '"data" is excluded by .dockerignore line 3: data'),
        ("data/", "data/x.csv", '"data/x.csv" is excluded by .dockerignore line 3: data/x.csv'),
        ("*.csv", "a.csv", '"a.csv" is excluded by .dockerignore line 3: a.csv'),
    ],
)
def test_an_excluded_source_is_reported_with_the_pattern(source, left_out, reason):
    files = context("a.py", left_out={left_out: ignored(left_out, 3)})
    finding = one("missing-source", PREFECT + f"COPY {source} /x/\n", Facts(context=files))
    assert reason in finding.message


def test_including_a_secret_again_is_not_suggested():
    files = context("a.py", left_out={".env": LeftOut(LeftOutKind.SECRETS, "**/.env")})
    finding = one("missing-source", PREFECT + "COPY .env /x/\n", Facts(context=files))
    assert "excluded by default (secrets)" in finding.message
    assert "do not copy it" in finding.help


def test_a_glob_without_matches_and_a_path_outside_have_their_own_messages():
    facts = Facts(context=context("a.py"))
    assert "matches no files" in one("missing-source", PREFECT + "COPY *.csv /x/\n", facts).message
    assert "outside" in one("missing-source", PREFECT + "COPY ../b /x/\n", facts).message


@pytest.mark.parametrize(
    "copies",
    [
        "COPY requirements.txt constraints*.txt /deps/",
        "COPY constraints*.txt req* /deps/",
        'COPY ["constraints*.txt", "requirements.txt", "/deps/"]',
        "ADD constraints*.txt https://example.com/x /deps/",
        "COPY constraints*.txt <<EOF /deps/\nEOF",
        "COPY $UNKNOWN constraints*.txt /deps/",
    ],
)
def test_a_glob_without_matches_is_fine_if_the_instruction_copies_something_else(copies):
    facts = Facts(context=context("requirements.txt"))
    assert only("missing-source", f"{PREFECT}{copies}\n", facts) == []


def test_a_name_that_is_missing_is_reported_next_to_a_source_that_exists():
    facts = Facts(context=context("requirements.txt"))
    text = PREFECT + "COPY requirements.txt constraints.txt /deps/\n"
    assert underlined(text, one("missing-source", text, facts)) == "constraints.txt"
    assert len(only("missing-source", PREFECT + "COPY a* b* /deps/\n", facts)) == 2


def test_a_source_above_the_project_is_an_error_even_if_the_project_has_a_file_of_that_name():
    facts = Facts(context=context("a.py"))
    finding = one("missing-source", PREFECT + "COPY ../a.py /x/\n", facts)
    assert finding.severity == "error"
    assert finding.help == 'use "a.py": sources are relative to the project folder'
    finding = one("missing-source", PREFECT + "COPY --link ../a.py /x/\n", facts)
    assert finding.severity == "warning"
    assert 'BuildKit copies "a.py" instead' in finding.message
    nothing = one("missing-source", PREFECT + "COPY --link ../b.py /x/\n", facts)
    assert nothing.severity == "error"


@pytest.mark.parametrize(
    "copies",
    [
        "COPY a.py /x/",
        "COPY /a.py ./b/../a.py /x/",
        "COPY b /x/",
        "COPY . /x/",
        "COPY [a-c].py /x/",
        "COPY ?.py b/*.py /x/",
        "COPY --from=other nothing /x/",
        "ADD https://example.com/x /x/",
        "ADD git@example.com:team/x.git /x/",
        "COPY <<EOF /x\nEOF",
        "COPY $UNKNOWN /x/",
        "COPY empty /x/",
        "COPY link/c.py /x/",
        "ONBUILD COPY theirs /x/",
    ],
)
def test_sources_that_exist_or_come_from_elsewhere_are_not_reported(copies):
    entries = (
        Entry("a.py", size=1, data=b"#"),
        Entry("b/c.py", size=1, data=b"#"),
        Entry("empty", kind="folder"),
        Entry("link", kind="link", data=b"b"),
    )
    assert only("missing-source", f"{PREFECT}{copies}\n", Facts(context=Context(entries))) == []


@pytest.mark.parametrize(
    ("copies", "link", "target"),
    [
        ("COPY out /x/", "out", "../shared"),
        ("COPY out/deep/a.py /x/", "out", "../shared"),
        ("COPY home /x/", "home", "/home/me/data"),
        ("COPY nothing /x/", "nothing", "gone"),
        ("COPY o* /x/", "out", "../shared"),
        ("COPY round /x/", "round", "round"),
    ],
)
def test_a_link_to_nothing_in_the_context_is_reported_as_builders_fail(copies, link, target):
    entries = (
        Entry("a.py", size=1, data=b"#"),
        Entry("out", kind="link", data=b"../shared"),
        Entry("home", kind="link", data=b"/home/me/data"),
        Entry("nothing", kind="link", data=b"gone"),
        Entry("round", kind="link", data=b"round"),
    )
    (finding,) = only("missing-source", f"{PREFECT}{copies}\n", Facts(context=Context(entries)))
    assert finding.message.startswith(f'"{link}')
    assert f' is a link to "{target}", which is not in the build context' in finding.message


@pytest.mark.parametrize("target", ["a.py", "./sub/../a.py", "/a.py", "../../a.py", "other"])
def test_a_link_to_a_file_of_the_context_is_followed_from_its_root(target):
    entries = (
        Entry("a.py", size=1, data=b"#"),
        Entry("link", kind="link", data=target.encode()),
        Entry("other", kind="link", data=b"a.py"),
        Entry("sub/b", size=1, data=b"#"),
    )
    facts = Facts(context=Context(entries))
    assert only("missing-source", f"{PREFECT}COPY link /x/\n", facts) == []
