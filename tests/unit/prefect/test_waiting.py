"""What a command waits for is announced once, and only if it takes long."""

from __future__ import annotations

import time

import pytest

from flowship.prefect import waiting

URL = "http://server:4200/api"


@pytest.fixture
def announced(monkeypatch):
    monkeypatch.setattr(waiting, "SECONDS", 0.05)
    heard: list[str] = []
    with waiting.announcing(heard.append):
        yield heard


def test_a_slow_answer_is_announced_once(announced):
    for _ in range(2):
        with waiting.answer(URL):
            time.sleep(0.2)
    assert announced == [URL]


def test_a_fast_answer_is_not_announced_also_if_it_is_an_error(announced):
    with pytest.raises(OSError, match="refused"), waiting.answer(URL):
        raise OSError("refused")
    time.sleep(0.2)
    assert announced == []


def test_nothing_is_announced_after_the_command(announced, monkeypatch):
    heard: list[str] = []
    with waiting.announcing(heard.append):
        pass
    with waiting.answer(URL):
        time.sleep(0.2)
    assert (heard, announced) == ([], [])
