"""Tests in parallel (pytest-xdist): number of workers, groups and order of tests."""

from __future__ import annotations

import os

import pytest


def pytest_xdist_auto_num_workers() -> int:
    """Return twice the number of cores for ``-n auto``, since tests spend much time waiting."""
    number = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")
    return int(number) if number else min(2 * _cores(), 8)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep tests that share a module fixture on one worker, and run the longest tests first."""
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        if _shares_a_module_fixture(item) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=_rank)  # stable: the order within a rank does not change


def _shares_a_module_fixture(item: pytest.Item) -> bool:
    definitions = getattr(item, "_fixtureinfo").name2fixturedefs.values()  # noqa: B009
    return any(d.scope in ("module", "class") for each in definitions for d in each)


def _rank(item: pytest.Item) -> int:
    if item.get_closest_marker("pythons"):
        return 0
    real = item.get_closest_marker("server") or item.get_closest_marker("engine")
    grouped = item.get_closest_marker("xdist_group")
    return (1 if grouped else 2) if real else (3 if grouped else 4)
