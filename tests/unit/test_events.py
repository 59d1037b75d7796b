"""Events, and sizes as people read them."""

from __future__ import annotations

import pytest

from flowship.events import Phase, readable_size, readable_span, silent


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (3210, "3 kB"), (302_000_000, "302 MB"), (1.26e9, "1.3 GB")],
)
def test_a_size_has_the_unit_that_fits(size, text):
    assert readable_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (3660, "1 h 1 min"),
        (90_005, "1 d 1 h"),
        (86_405, "1 d"),
    ],
)
def test_a_length_of_time_has_its_two_largest_units(seconds, text):
    assert readable_span(seconds) == text


def test_a_silent_report_ignores_events():
    assert silent(Phase("x")) is None
