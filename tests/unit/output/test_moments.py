"""Moments and lengths of time as people read them."""

from __future__ import annotations

import time
from datetime import datetime, timezone

import pytest

from flowship.output import moments

MOMENT = datetime(2026, 11, 27, 4, 0, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_moment_is_shown_in_the_timezone_of_this_machine() -> None:
    assert moments.local(MOMENT) == "Fri 27 Nov 05:00 CET"
    assert moments.local(MOMENT.replace(second=7, month=7)) == "Mon 27 Jul 06:00:07 CEST"


def test_the_time_between_two_moments() -> None:
    assert moments.between(MOMENT, MOMENT.replace(hour=15, minute=20)) == "11 h 20 min"
    assert moments.between(MOMENT.replace(hour=15), MOMENT) == "0 s"
