from __future__ import annotations

import contextvars
import threading
import time

import pytest

from flowship.etl.stages import background, ordered_map


def _threads() -> int:
    return threading.active_count()


def test_items_pass_through_another_thread_in_order():
    threads = set()

    def items():
        for number in range(100):
            threads.add(threading.get_ident())
            yield number

    assert list(background(items(), 3)) == list(range(100))
    assert threads.isdisjoint({threading.get_ident()})


def test_a_stage_has_the_context_of_its_caller():
    number = contextvars.ContextVar("number", default=0)
    number.set(7)
    assert list(background((number.get() for _ in range(1)), 1)) == [7]


def test_a_stage_runs_ahead_only_by_its_depth():
    made = []

    def items():
        for number in range(100):
            made.append(number)
            yield number

    stage = background(items(), 4)
    assert next(stage) == 0
    # One was taken, four are in the queue, and the thread holds one.
    for _ in range(50):
        time.sleep(0.002)
        assert len(made) <= 6
    stage.close()


def test_an_error_arrives_after_the_items_before_it():
    def items():
        yield 1
        raise ValueError("no more")

    stage = background(items(), 4)
    assert next(stage) == 1
    with pytest.raises(ValueError, match="no more"):
        next(stage)


def test_closing_a_stage_early_ends_its_thread_and_closes_its_input():
    closed = threading.Event()

    def items():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    before = _threads()
    stage = background(background(items(), 1), 1)
    next(stage)
    assert _threads() == before + 2
    stage.close()
    assert closed.is_set()
    assert _threads() == before


def test_results_have_the_order_of_the_items():
    def slow_first(number: int) -> int:
        time.sleep(0.02 if number % 4 == 0 else 0)
        return number * 2

    assert list(ordered_map(slow_first, range(40), 4)) == list(range(0, 80, 2))


def test_a_map_starts_only_a_few_items_ahead():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = ordered_map(lambda number: number, items(), 2)
    next(results)
    assert len(taken) == 4
    results.close()


def test_an_error_of_one_item_is_raised_after_the_results_before_it():
    def refuse_three(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    results = ordered_map(refuse_three, range(10), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
