"""Tests in parallel (pytest-xdist): how many workers, which tests stay together, the order."""

from __future__ import annotations

import os

import pytest


def pytest_xdist_auto_num_workers() -> int:
    """Return twice the cores for ``-n auto``: much of what these tests do is wait."""
    wanted = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")
    return int(wanted) if wanted else min(2 * _cores(), 8)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of a module together where they share a fixture; the longest come first."""
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        if _shares_a_module_fixture(item) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=_rank)  # stable: within a rank the order stays


def _shares_a_module_fixture(item: pytest.Item) -> bool:
    definitions = getattr(item, "_fixtureinfo").name2fixturedefs.values()  # noqa: B009
    return any(d.scope in ("module", "class") for each in definitions for d in each)


def _rank(item: pytest.Item) -> int:
    if item.get_closest_marker("pythons"):
        return 0
    real = item.get_closest_marker("server") or item.get_closest_marker("engine")
    grouped = item.get_closest_marker("xdist_group")
    return (1 if grouped else 2) if real else (3 if grouped else 4)
