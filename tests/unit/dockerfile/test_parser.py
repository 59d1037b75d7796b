"""The parser's details, each as in the builder (moby/buildkit)."""

from __future__ import annotations

import pytest

from flowship.dockerfile.parser import parse


def words(text: str) -> list[list[str]]:
    return [[w.raw for w in i.words] for i in parse(text).instructions]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY a b", ["a", "b"]),
        ("COPY\ta \t b", ["a", "b"]),
        ("COPY a /opt/\\\nprefect/", ["a", "/opt/prefect/"]),
        ("COPY a \\\n\n\n  b", ["a", "b"]),
        ("COPY a \\\n  # no\n#no\n  b", ["a", "b"]),
        ("COPY a \\   \n b", ["a", "b"]),
        ("COPY a b\\\\\nRUN x", ["a", "b\\\\"]),
        ("COPY a \\\r\n b\r\n", ["a", "b"]),
        ('COPY ["a b", "c\\u0041"]', ["a b", "cA"]),
        ('COPY ["a", \\\n "b"]', ["a", "b"]),
        ("COPY ['a', 'b']", ["['a',", "'b']"]),
        ("COPY [ab].py c", ["[ab].py", "c"]),
        ('COPY ["a", 1] c', ['["a",', "1]", "c"]),
        ("COPY --from=x --link a b", ["a", "b"]),
        ("COPY -- --a b", ["--a", "b"]),
        ("COPY a b --link", ["a", "b", "--link"]),
        ("COPY a # b", ["a", "#", "b"]),
        ("WORKDIR /a  b", ["/a  b"]),
        ("\ufeffCOPY a b", ["a", "b"]),
        ("COPY a b \\", ["a", "b"]),
    ],
)
def test_words_are_split_as_in_the_builder(text, expected):
    assert words(text)[0] == expected


def test_the_escape_directive_counts_only_on_the_first_line_and_once():
    assert words("# escape=`\nCOPY a `\n b")[0] == ["a", "b"]
    assert words("#  Escape = ` \n# syntax=x\nCOPY a `\n b")[0] == ["a", "b"]
    assert words("# hello\n# escape=`\nCOPY a `\nRUN b")[0] == ["a", "`"]
    assert words("\n# escape=`\nCOPY a `\nRUN b")[0] == ["a", "`"]
    assert words("# escape=`\nCOPY a c:\\\nRUN b")[0] == ["a", "c:\\"]
    assert parse("# escape=x\nFROM a").problems[0].message == 'invalid escape character: "x"'


@pytest.mark.parametrize(
    "body",
    [
        "RUN <<EOF\nCOPY a b\nEOF",
        "RUN <<A cat <<B\nCOPY a b\nA\nCOPY a b\nB",
        "RUN <<-EOF\n\tCOPY a b\n\t\tEOF",
        "COPY <<'E F' /x\nCOPY a b\nE F",
        "RUN 3<<EOF cat\nCOPY a b\nEOF",
        "RUN cat <<EOF > /x\nCOPY a b\nEOF",
        "ONBUILD RUN <<EOF\nCOPY a b\nEOF",
    ],
)
def test_the_body_of_a_heredoc_contains_no_instructions(body):
    keywords = [i.keyword for i in parse(f"{body}\nUSER 1\n").instructions]
    assert len(keywords) == 2
    assert keywords[1] == "USER"


@pytest.mark.parametrize(
    "line", ['RUN echo "<<EOF"', "RUN echo 'a <<EOF b'", "RUN cat <<<EOF", "RUN echo $((1<<2))"]
)
def test_text_that_only_looks_like_a_heredoc_has_no_body(line):
    assert [i.keyword for i in parse(f"{line}\nUSER 1\n").instructions][1:2] == ["USER"]
