"""Events, and sizes as people read them."""

from __future__ import annotations

import pytest

from flowship.events import Phase, readable_size, silent


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (3210, "3 kB"), (302_000_000, "302 MB"), (1.26e9, "1.3 GB")],
)
def test_a_size_has_the_unit_that_fits(size, text):
    assert readable_size(size) == text


def test_a_silent_report_ignores_events():
    assert silent(Phase("x")) is None
