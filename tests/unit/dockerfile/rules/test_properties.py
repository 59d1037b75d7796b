"""Any text can be parsed, checked and fixed, and every position is inside the text."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowship.dockerfile import base_images, needs_buildkit
from flowship.dockerfile.parser import parse
from flowship.dockerfile.rules import Facts, check, fix
from flowship.project.context import Context, Entry
from flowship.project.ignore import LeftOut, LeftOutKind
from support.paths import DOCKERFILES

FACTS = Facts(
    context=Context(
        (
            Entry(".env", size=1, data=b"A"),
            Entry("flow.py", size=1, data=b"x"),
            Entry("flows/taxi.py", size=1, data=b"x"),
            Entry("link", kind="link", data=b"flows"),
        ),
        {"data": LeftOut(LeftOutKind.IGNORE_FILE, "data", ".dockerignore line 1")},
    ),
    entrypoints=("flows/taxi.py:etl",),
    build_args={"B": "opt/b"},
)

WORDS = """FROM from COPY Copy ADD ENV ARG RUN WORKDIR ONBUILD USER FORM AS scratch python:3 b B
    prefecthq/prefect:3-python3.11 flow.py flows/ . .. ./ / /x opt/prefect/flows/ opt etc/x data
    $A $B ${A:-x} ${A:+/y} ${B- ${A#x} A=opt A=/x A=$A$A B='q "opt/x/" 'a' ["a","b/"] [ ] [a-
    --from=b --from=0 --link --parents --exclude=*.py -- <<EOF <<-'EOF' EOF C:\\x\\ * ** \\ $ ${
    pip install -r é EXPOSE LABEL HEALTHCHECK CMD NONE 80/x = =x --chown --chown=" --from=$A
    --from=7 --from=b --interval=3 --interval= --"link" x/. ../x *.py"""
PIECES = [
    *["\n", "\n", "\n", " ", "\t", "\\\n", "`\n", "\\  \n", "\\\n# c\n", "\\\n\n", "\r\n", "\r"],
    *[
        "# c\n",
        "# escape=`\n",
        "# flowship: ignore=relative-destination\n",
        "# flowship: ignore=x,\n",
        "\ufeff",
        "\u2028",
    ],
    *["\x00", "\x0b", "\x1c", "\x85", "\ud800", '"', "'"],
]
PARTS = st.sampled_from([*WORDS.split(), *PIECES])
SHAPED = st.lists(PARTS, max_size=40).map(" ".join) | st.lists(PARTS, max_size=40).map("".join)
CORPUS = st.sampled_from([p.read_bytes().decode() for p in sorted(DOCKERFILES.iterdir())])


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A real Dockerfile with one part replaced."""
    text = draw(CORPUS)
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(start + 20, len(text))))
    return text[:start] + draw(SHAPED | st.just("")) + text[end:]


ANY_TEXT = st.text() | SHAPED | damaged()


@given(ANY_TEXT)
@settings(max_examples=600)
@example("")
@example("\ufeff")
@example("FROM a\nCOPY a \ufeff")
@example("\\")
@example("FROM a\nENV A=1234567890\n" + "ENV A=$A$A\n" * 60 + "COPY a $A/\n")
@example("FROM a\nCOPY a " + "${A:-" * 3000)
@example("FROM a\nCOPY " + "[" * 3000)
@example("FROM a AS x0\n" + "".join(f"FROM x{n} AS x{n + 1}\nCOPY a b\n" for n in range(300)))
def test_any_text_is_checked_without_a_crash_and_within_its_lines(text):
    lines = text.removeprefix("\ufeff").split("\n")
    for finding in check(text, FACTS):
        assert 1 <= finding.line <= len(lines)
        assert 1 <= finding.column <= finding.end_column <= len(lines[finding.line - 1]) + 1
        assert finding.message
        assert finding.help
        if finding.edit:
            assert 0 <= finding.edit.start <= finding.edit.end <= len(text)
    base_images(text)
    needs_buildkit(text)


@given(ANY_TEXT)
@example("FROM prefecthq/prefect\nCOPY < <<Af\n\nCOPY x y")
@settings(max_examples=600)
def test_after_a_fix_nothing_is_left_to_fix(text):
    fixed = fix(text, check(text, FACTS))
    after = check(fixed, FACTS)
    assert [f for f in after if f.rule == "relative-destination" and f.edit] == []
    assert fix(fixed, after) == fixed


@given(ANY_TEXT)
@settings(max_examples=400)
def test_every_word_is_at_the_position_that_the_parser_reports(text):
    for instruction in parse(text).instructions:
        for word in (*instruction.words, *instruction.flags):
            assert 0 <= word.start <= word.end <= len(text)
            if word.end - word.start == len(word.raw) and not word.quoted:
                assert text[word.start : word.end] == word.raw


@given(
    base=st.sampled_from(["scratch", "prefecthq/prefect:3", "python:3"]),
    workdir=st.sampled_from(["", "/app", "/opt/prefect/flows", "/a b"]),
    destination=st.text("abc./optefcr_", min_size=1, max_size=20),
    form=st.sampled_from(
        ["COPY x {}", 'COPY ["x", "{}"]', 'ADD --chown=1 x "{}"', "copy x \\\n {}"]
    ),
)
def test_a_destination_is_reported_exactly_if_it_has_no_leading_slash(
    base, workdir, destination, form
):
    text = f"FROM {base}\n" + (f"WORKDIR {workdir}\n" if workdir else "") + form.format(destination)
    flagged = any(f.rule == "relative-destination" for f in check(text))
    assert flagged == (not destination.startswith("/"))


def test_the_parser_agrees_with_an_independent_grammar():
    """Compare with tree-sitter's Dockerfile grammar on every file that it can parse."""
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_containerfile")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    compared = 0
    for path in sorted(DOCKERFILES.iterdir()):
        text = path.read_bytes().decode().removeprefix("\ufeff")
        tree = parser.parse(text.encode())
        if tree.root_node.has_error:
            continue
        theirs = []
        for node in tree.root_node.named_children:
            if node.type in {"copy_instruction", "add_instruction"}:
                words = [c for c in node.named_children if c.type == "path"]
                theirs.append((_offset(text, node.start_byte), _texts(text, words)))
        ours = [
            (i.start, [w.raw for w in i.words if not w.quoted])
            for i in parse(text).instructions
            if i.keyword in {"COPY", "ADD"}
        ]
        assert ours == theirs, path.name
        compared += 1
    assert compared >= 60


def _offset(text, byte):
    return len(text.encode()[:byte].decode())


def _texts(text, nodes):
    return [text.encode()[node.start_byte : node.end_byte].decode() for node in nodes]
