"""How long a push is tried again, and what is said meanwhile."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest

from flowship.errors import RegistryError
from flowship.events import Output, Transfer
from flowship.registry import translate
from flowship.registry.retries import ATTEMPTS, Retries, backoff
from support.streams import HERE

FAILURE = translate("HTTP status: 500 Internal Server Error", HERE, doing="push")


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(now=0.0)
    monkeypatch.setattr(
        "flowship.registry.retries.time", SimpleNamespace(monotonic=lambda: now.now)
    )
    return now


def fail_after(clock, seconds):
    clock.now += seconds
    raise FAILURE


@pytest.mark.parametrize(
    ("takes", "ends", "retries"),
    [(50, 101, 1), (10, 65, 4), (0.1, 15.5, ATTEMPTS - 1), (61, 61, 0)],
)
def test_no_attempt_begins_that_would_end_after_the_time(clock, takes, ends, retries):
    def sleep(seconds):
        clock.now += seconds

    events = []
    trying = Retries(HERE, events.append, 60, sleep)
    with pytest.raises(RegistryError):
        trying.call(partial(fail_after, clock, takes), lambda exc: exc.transient)
    assert clock.now == pytest.approx(ends)
    assert len(events) == retries
    if retries:
        assert "retrying in 1 s, for at most" in events[0].text


def test_what_is_not_worth_another_try_is_raised_at_once(clock):
    events = []
    with pytest.raises(RegistryError):
        Retries(HERE, events.append, 60, fail_after).call(
            partial(fail_after, clock, 0), lambda exc: False
        )
    assert events == []


def test_the_engines_own_retries_are_announced_once_and_limited(clock):
    events = []
    trying = Retries(HERE, events.append, 60, lambda seconds: None)
    trying.watch(Transfer("a", "Pushing"))
    clock.now = 500  # the time of an upload does not count, only that of failures
    for status in ("Retrying in 5 seconds", "Retrying in 4 seconds"):
        trying.watch(Transfer("a", status))
    (said,) = [e.text for e in events if isinstance(e, Output)]
    assert said == (
        f"{HERE.registry} did not accept a layer; the engine tries again, for at most 60 s"
    )
    clock.now = 560
    with pytest.raises(RegistryError, match="did not accept a layer for 60 s") as caught:
        trying.watch(Transfer("a", "Retrying in 3 seconds"))
    assert caught.value.code == "registry-not-accepting"
    assert "push-retry-seconds" in caught.value.hint


def test_the_time_begins_again_after_a_layer_that_was_accepted(clock):
    trying = Retries(HERE, lambda event: None, 60, lambda seconds: None)
    trying.watch(Transfer("a", "Retrying in 5 seconds"))
    clock.now = 40
    trying.watch(Transfer("a", "Pushed"))
    clock.now = 80
    trying.watch(Transfer("b", "Retrying in 5 seconds"))


def test_the_wait_doubles_up_to_half_a_minute():
    assert [backoff(n) for n in (1, 2, 3, 4, 5, 6, 60)] == [1, 2, 4, 8, 16, 30, 30]
