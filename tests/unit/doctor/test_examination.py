"""How checks are run: at the same time, after those that they need, and within a limit."""

from __future__ import annotations

import threading
import time

import pytest

from flowship.doctor.catalog import Check
from flowship.doctor.examination import examine
from flowship.doctor.result import Severity, error, ok, skipped, warning
from flowship.doctor.world import World
from flowship.errors import EngineError
from flowship.scope import Scope


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, Scope(None))


def found(world, *checks):
    results = examine(world, checks).results
    return {each.code: (each.severity, each.finding.found) for each in results}


def test_a_check_is_skipped_where_one_that_it_needs_failed(world):
    checks = [
        Check("engine", lambda w: error("gone", "nothing works")),
        Check("disk", lambda w: ok("never asked"), needs=("engine",)),
        Check("image", lambda w: ok("never asked"), needs=("disk",)),
        Check("clock", lambda w: ok("asked"), after=("engine",)),
    ]
    assert found(world, *checks) == {
        "engine": (Severity.ERROR, "gone"),
        "disk": (Severity.SKIPPED, "engine failed"),
        "image": (Severity.SKIPPED, "engine failed"),  # the one that failed, not the one between
        "clock": (Severity.OK, "asked"),
    }


def test_after_a_warning_the_next_check_runs_and_after_a_skip_it_does_not(world):
    checks = [
        Check("a", lambda w: warning("old", "…")),
        Check("b", lambda w: ok("ran"), needs=("a",)),
        Check("c", lambda w: skipped("no project")),
        Check("d", lambda w: ok("never asked"), needs=("c",)),
    ]
    answers = found(world, *checks)
    assert answers["b"] == (Severity.OK, "ran")
    assert answers["d"] == (Severity.SKIPPED, "no project")


def test_checks_run_at_the_same_time(world):
    meet = threading.Barrier(3, timeout=20)

    def check(_):
        meet.wait()
        return ok("met")

    assert set(found(world, *(Check(c, check) for c in "abc")).values()) == {(Severity.OK, "met")}


def test_a_check_that_hangs_is_an_error_within_its_limit(world):
    began = time.monotonic()
    answers = found(
        world,
        Check("hangs", lambda w: time.sleep(60) or ok("late"), limit=0.2),
        Check("next", lambda w: ok("never asked"), needs=("hangs",)),
    )
    assert answers["hangs"] == (Severity.ERROR, "no answer within 0 s")
    assert answers["next"] == (Severity.SKIPPED, "hangs failed")
    assert time.monotonic() - began < 20


def test_an_error_that_a_check_does_not_expect_is_its_result(world):
    def check(_):
        raise EngineError("the engine failed", hint="start it")

    assert found(world, Check("a", check)) == {"a": (Severity.ERROR, "the engine failed")}


def test_a_bug_in_a_check_is_not_hidden(world):
    def check(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        examine(world, [Check("a", check), Check("b", lambda w: ok(""), needs=("a",))])
