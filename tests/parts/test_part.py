"""The base class of the servers."""

from __future__ import annotations

import pytest
from parts.part import Part


class Recorder(Part):
    def __init__(self):
        self.calls = []

    def start(self):
        self.calls.append("start")

    def stop(self):
        self.calls.append("stop")


def test_a_part_runs_for_the_length_of_the_block():
    with Recorder() as part:
        assert part.calls == ["start"]
    assert part.calls == ["start", "stop"]


def test_an_error_in_the_block_stops_the_part_and_is_raised():
    part = Recorder()
    with pytest.raises(ZeroDivisionError), part:
        1 / 0  # noqa: B018
    assert part.calls == ["start", "stop"]
