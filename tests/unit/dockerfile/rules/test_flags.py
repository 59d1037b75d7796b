"""Flags that the builders accept, and others."""

from __future__ import annotations

import pytest

from support.dockerfiles import only, underlined


@pytest.mark.parametrize(
    ("line", "place", "message", "help"),
    [
        ("COPY --chwon=1 a /b", "--chwon=1", "no flag --chwon", "did you mean --chown?"),
        ("COPY --CHOWN=1 a /b", "--CHOWN=1", "no flag --CHOWN", "did you mean --chown?"),
        ("ADD --from=a b /c", "--from=a", "no flag --from", "valid flags: --checksum, --chmod"),
        ("USER --x 1", "--x", "USER has no flag --x", "remove it"),
        ("CMD --version", "--version", "no flag --version", 'CMD ["--version", …]'),
        ("COPY --chown a /b", "--chown", "needs a value", "use --chown=…"),
        ("COPY --from=a --from=b c /d", "--from=b", "given twice", "remove one of them"),
    ],
)
def test_a_flag_that_no_builder_accepts_is_an_error(line, place, message, help):
    text = f"FROM q:1 AS first\n{line}\n"
    (finding,) = only("syntax", text)
    assert finding.severity == "error"
    assert (finding.line, underlined(text, finding)) == (2, place)
    assert message in finding.message
    assert help in finding.help


def test_a_syntax_directive_may_name_a_builder_with_other_flags():
    text = "# syntax=docker/dockerfile:1-labs\nFROM q:1\nCOPY --future=1 a /b\n"
    assert [f.severity for f in only("syntax", text)] == ["warning"]
    assert [f.severity for f in only("syntax", text.partition("\n")[2])] == ["error"]


@pytest.mark.parametrize(
    "line",
    [
        "COPY --link --parents --chmod=644 --exclude=a --exclude=b --chown=1 a /b",
        "ADD --keep-git-dir --link=false --unpack=true --checksum=sha256:ab https://e.example/x /b",
        "RUN --mount=type=cache,target=/a --mount=type=tmpfs,target=/b --network=none true",
        "RUN --security=insecure --device=a --device=b true",
        'RUN --mount=type=secret,id=x,target="/a b" true',
        "HEALTHCHECK --start-interval=1s --retries=3 CMD curl --fail x",
        "RUN pip install --upgrade pip",
        "CMD prefect --version",
        'CMD ["--version"]',
        "ONBUILD COPY --from=later a /b",
    ],
)
def test_flags_of_newer_builders_are_not_reported(line):
    assert only("syntax", f"FROM q:1\n{line}\n") == []
