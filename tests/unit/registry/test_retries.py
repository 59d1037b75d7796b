"""How long a push is tried again, and what is said meanwhile."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest

from flowship.errors import RegistryError
from flowship.events import Output, Transfer
from flowship.registry import translate
from flowship.registry.retries import Retries, backoff
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
    ("retry_for", "takes", "ends", "retries"),
    [
        (60, 50, 101, 1),
        (60, 10, 65, 4),
        (60, 0.1, 60.1, 6),
        (60, 61, 61, 0),
        (300, 0.1, 300.1, 14),
        (3, 0.1, 3.1, 2),
        (0, 0.1, 0.1, 0),
    ],
)
def test_all_of_the_time_is_used_and_no_attempt_begins_that_would_end_after_it(
    clock, retry_for, takes, ends, retries
):
    def sleep(seconds):
        clock.now += seconds

    events = []
    trying = Retries(HERE, events.append, retry_for, sleep)
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


def test_a_registry_that_loses_the_same_layer_repeatedly_gets_no_more_time(clock):
    def sleep(seconds):
        clock.now += seconds

    trying = Retries(HERE, lambda event: None, 60, sleep)
    attempts = []

    def attempt():
        attempts.append(clock.now)
        trying.watch(Transfer("a", "Pushed"))
        fail_after(clock, 1)

    with pytest.raises(RegistryError):
        trying.call(attempt, lambda exc: exc.transient)
    assert attempts[-1] < 70


def test_the_wait_doubles_up_to_half_a_minute():
    assert [backoff(n) for n in (1, 2, 3, 4, 5, 6, 60)] == [1, 2, 4, 8, 16, 30, 30]
