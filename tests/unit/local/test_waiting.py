"""Waiting for a server or worker that is starting, with real processes."""

from __future__ import annotations

import subprocess

import pytest

from flowship.errors import ApiError
from flowship.local import waiting
from flowship.local.records import Record
from flowship.local.waiting import wait_for_start

WORDS = {"failed": "the server did not respond", "code": "server-start-timeout", "hint": "retry"}


@pytest.fixture
def started(tmp_path):
    """A process that runs until the test ends, and its record."""
    with subprocess.Popen(["sleep", "60"]) as process:
        log = tmp_path / "server.log"
        log.write_text("the last line\n")
        yield Record("server", process.pid, "", "http://x/api", str(log)), process
        process.kill()


def test_what_is_ready_later_is_returned(started):
    answers = iter([None, None, "3.8.8"])
    assert wait_for_start(lambda: next(answers), *started, **WORDS) == "3.8.8"


def test_a_process_that_ended_is_not_waited_for(started):
    record, process = started
    process.kill()
    process.wait()
    with pytest.raises(ApiError) as caught:
        wait_for_start(lambda: None, record, process, **WORDS)
    assert caught.value.code == "server-start-failed"


def test_after_the_time_is_over_the_end_of_the_log_is_shown(started, monkeypatch):
    monkeypatch.setattr(waiting, "START_SECONDS", 0.3)
    with pytest.raises(ApiError) as caught:
        wait_for_start(lambda: None, *started, **WORDS)
    error = caught.value
    assert error.message == "the server did not respond"
    assert (error.code, error.hint) == ("server-start-timeout", "retry")
    assert error.details == "the last line"
