"""The sources and destinations of COPY and ADD."""

from __future__ import annotations

import pytest

from flowship.dockerfile.copies import (
    Index,
    SourceKind,
    copied,
    destination,
    go_match,
    least_sources,
    sources,
)
from flowship.dockerfile.parser import parse
from flowship.dockerfile.stages import trace
from flowship.project.context import Context, Entry
from support.dockerfiles import context

INDEX = Index(context("a.py", "b/c.py", "b/d/e.py"))


def step(line, before=""):
    return trace(parse(f"FROM q:1\n{before}{line}\n")).steps[-1]


def test_a_source_is_in_the_context_remote_or_a_heredoc():
    line = "ADD a.py https://example.com/x git@example.com:y <<EOF /x/\nEOF"
    assert [source.kind for source in sources(step(line))] == [
        SourceKind.CONTEXT,
        SourceKind.REMOTE,
        SourceKind.REMOTE,
        SourceKind.HEREDOC,
    ]


@pytest.mark.parametrize(
    ("written", "path", "outside"),
    [
        ("a.py", "a.py", False),
        ("/a.py", "a.py", False),
        (".", "", False),
        ("b/../a.py", "a.py", False),
        ("../a.py", "a.py", True),
        ("..", "", True),
    ],
)
def test_a_source_is_relative_to_the_context(written, path, outside):
    (source,) = sources(step(f"COPY {written} /x/"))
    assert (source.path, source.outside) == (path, outside)


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("COPY . /x/", ["a.py", "b/c.py", "b/d/e.py"]),
        ("COPY b /x/", ["b/c.py", "b/d/e.py"]),
        ("COPY *.py /x/", ["a.py"]),
        ("COPY b/*.py /x/", ["b/c.py"]),
        ("COPY --exclude=d b /x/", ["b/c.py"]),
        ("COPY --parents --exclude=b/d b /x/", ["b/c.py"]),
        ("COPY nothing /x/", []),
    ],
)
def test_the_files_that_a_copy_copies(line, files):
    ((_, taken),) = copied(step(line), INDEX)
    assert taken == files


def test_a_copy_from_a_stage_takes_nothing_from_the_context():
    assert copied(step("COPY --from=x . /x/"), INDEX) == []


@pytest.mark.parametrize(
    ("written", "path", "absolute"),
    [
        ("/x/", "/x/", True),
        ("x/", "/w/x/", False),
        ("$U/x", None, None),
        ("/$U/x", None, True),
        ("x/$U", None, False),
    ],
)
def test_a_destination_is_absolute_relative_or_unknown(written, path, absolute):
    found = destination(step(f"COPY a.py {written}", "WORKDIR /w\n"))
    assert (found.path, found.absolute) == (path, absolute)


def test_sources_are_counted_only_as_far_as_they_are_known():
    line = step("COPY a.py b/*.py $U /x/")
    assert least_sources(line, None) == 1
    assert least_sources(line, INDEX) == 2
    assert least_sources(step("COPY --from=x a *.py /x/"), INDEX) == 1


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("*.py", "a.py", "b/a.py"),
        ("**/a", "x/y/a", "x/y/b"),
        ("?", "a", "ab"),
        ("[a-c].py", "b.py", "d.py"),
        ("[z-a]", "[z-a]", "b"),
    ],
)
def test_globs_match_as_in_go(pattern, matching, other):
    assert go_match(pattern).match(matching)
    assert not go_match(pattern).match(other)


def test_symbolic_links_are_not_followed():
    index = Index(Context((Entry("link", kind="link", data=b"b"), Entry("links", size=1))))
    assert index.is_behind_link("link")
    assert index.is_behind_link("link/x")
    assert not index.is_behind_link("links")
