"""Containers whose output is read while they run, on the real engine."""

from __future__ import annotations

import time

import pytest

from flowship.engine import attached
from flowship.engine.attached import Attached, Stream, lines
from flowship.engine.client import connect
from flowship.engine.containers import OWNER

pytestmark = pytest.mark.engine


def test_lines_are_complete_whatever_the_pieces():
    pieces = [(b"on", None), (b"e\r\ntw\xc3", b"e"), (b"\xb6\n", b"rr\n"), (b"\xff", b"last")]
    assert list(lines(pieces)) == [
        (Stream.STDOUT, "one"),
        (Stream.STDOUT, "twö"),
        (Stream.STDERR, "err"),
        (Stream.STDOUT, "\N{REPLACEMENT CHARACTER}"),
        (Stream.STDERR, "last"),
    ]


def left(engine):
    return [
        c.id
        for c in engine.containers.list(
            all=True, ignore_removed=True, filters={"label": "attached-test"}
        )
    ]


def run(base_image, command, on_line, **arguments):
    wanted = Attached(
        command=("sh", "-c", command),
        arguments={"labels": {"attached-test": "1", OWNER: "x"}, **arguments},
        files={"/given/file": b"content"},
    )
    return attached.run(connect(), base_image, wanted, on_line)


def test_output_environment_files_and_the_exit_code(engine, base_image):
    seen = []
    ended = run(
        base_image,
        "cat /given/file; echo; echo $A >&2; exit 3",
        lambda stream, line: seen.append((stream, line)),
        environment={"A": "b c"},
    )
    assert sorted(seen, key=lambda item: item[0].value) == [
        (Stream.STDOUT, "content"),
        (Stream.STDERR, "b c"),
    ]
    assert (ended.exit_code, ended.out_of_memory) == (3, False)
    assert left(engine) == []


def test_lines_arrive_while_the_container_runs_and_an_interrupt_removes_it(engine, base_image):
    moments = []

    def on_line(stream, line):
        moments.append(time.monotonic())
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(base_image, "echo one; sleep 300", on_line)
    assert moments[0] - started < 100
    assert left(engine) == []
