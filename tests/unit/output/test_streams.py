"""stdout and stderr that can be lost without stopping the work."""

from __future__ import annotations

import errno
import io
import sys

import pytest

from flowship.errors import UsageError
from flowship.output.streams import ResilientStream, resilient_streams


class Full(io.StringIO):
    """A stream on a full disk."""

    def __init__(self, number, target):
        super().__init__()
        self.number, self.target = number, target

    def write(self, text):
        raise OSError(self.number, "it failed")

    def fileno(self):
        return self.target.fileno()


@pytest.fixture
def full(tmp_path):
    def make(number):
        return Full(number, files.setdefault(number, (tmp_path / str(number)).open("w")))

    files = {}
    yield make
    for file in files.values():
        file.close()


def test_a_stream_that_works_is_written():
    stream = ResilientStream(target := io.StringIO())
    assert stream.write("result") == 6
    stream.flush()
    assert (target.getvalue(), stream.lost) == ("result", None)
    assert stream.isatty() is False


def test_writes_after_a_failure_are_ignored(full):
    stream = ResilientStream(full(errno.ENOSPC))
    assert stream.write("a") == 1
    assert stream.write("b") == 1
    assert stream.lost.errno == errno.ENOSPC


def test_a_closed_stream_is_lost_at_the_first_write():
    stream = ResilientStream(None)
    assert stream.lost is None
    stream.write("a")
    assert stream.lost.errno == errno.EBADF


@pytest.mark.parametrize(("number", "is_error"), [(errno.ENOSPC, True), (errno.EPIPE, False)])
def test_a_lost_result_is_an_error_unless_the_reader_has_left(full, monkeypatch, number, is_error):
    monkeypatch.setattr(sys, "stdout", full(number))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    if not is_error:
        with resilient_streams():
            sys.stdout.write("result")
        return
    with pytest.raises(UsageError, match="cannot write the result") as caught, resilient_streams():
        sys.stdout.write("result")
    assert caught.value.code == "stdout-failed"
