"""The script of an ENTRYPOINT: line endings, the executable bit and the first line."""

from __future__ import annotations

import pytest

from flowship.dockerfile.rules import Facts
from flowship.project.context import Context, Entry
from support.dockerfiles import PREFECT, one, only

GOOD = b'#!/bin/sh\nexec "$@"\n'
CRLF = GOOD.replace(b"\n", b"\r\n")


def facts(data: bytes = GOOD, mode: int = 0o755, path: str = "run.sh") -> Facts:
    return Facts(context=Context((Entry(path, mode=mode, size=len(data), data=data),)))


@pytest.mark.parametrize(
    "lines",
    [
        'COPY run.sh /run.sh\nENTRYPOINT ["/run.sh"]\n',
        'COPY . /x/\nENTRYPOINT ["tini", "-g", "--", "/x/run.sh"]\n',
        'WORKDIR /x\nCOPY run.sh ./\nENTRYPOINT ["./run.sh"]\n',
        'COPY run.sh /usr/local/bin/\nENTRYPOINT ["run.sh", "--fast"]\n',
        'COPY run.sh /usr/local/bin/start\nENTRYPOINT ["start"] # as builders read it\n',
    ],
)
def test_a_script_that_cannot_start_is_an_error_that_names_its_file(lines):
    text = PREFECT + lines
    crlf = one("entrypoint", text, facts(CRLF))
    assert crlf.message == "run.sh has Windows line endings (CRLF), so that it cannot start"
    assert 'add "run.sh text eol=lf" to .gitattributes' in crlf.help
    mode = one("entrypoint", text, facts(mode=0o644))
    assert mode.message == "run.sh is not executable"
    assert mode.help.startswith("run: chmod +x run.sh")
    first = one("entrypoint", text, facts(b'exec "$@"\n'))
    assert 'does not start with "#!"' in first.message
    assert {f.severity for f in (crlf, mode, first)} == {"error"}
    assert [f for f in only("entrypoint", text, facts()) if f.severity == "error"] == []


def test_a_shell_needs_no_executable_bit_but_unix_line_endings():
    text = PREFECT + 'COPY run.sh /x/\nENTRYPOINT ["bash", "/x/run.sh"]\n'
    assert "CRLF" in one("entrypoint", text, facts(CRLF)).message
    assert only("entrypoint", text, facts(b'exec "$@"\n', mode=0o644)) == []


@pytest.mark.parametrize(
    "lines",
    [
        'COPY run.sh /x/\nRUN sed -i "s/\\r$//" /x/run.sh && chmod +x /x/*\n',
        "COPY --chmod=755 run.sh /x/\nRUN dos2unix /x/run.sh\n",
        "COPY --from=other run.sh /x/\n",
        "COPY other.sh /x/run.sh\n",
        "",
    ],
)
def test_a_script_that_the_build_changes_or_brings_is_left_to_the_probe(lines):
    text = PREFECT + lines + 'ENTRYPOINT ["/x/run.sh"]\n'
    assert only("entrypoint", text, facts(CRLF, mode=0o644)) == []


def test_a_program_that_is_not_a_script_is_not_reported():
    text = PREFECT + 'COPY tool /x/tool.sh\nENTRYPOINT ["/x/tool.sh"]\n'
    assert only("entrypoint", text, facts(b"\x7fELF\0\0", path="tool")) == []
    text = PREFECT + 'COPY run.sh /x/\nENTRYPOINT ["sh", "-c", "exec \\"$@\\"", "/x/run.sh"]\n'
    assert only("entrypoint", text, facts(CRLF)) == []
