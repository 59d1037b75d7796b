from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts.taxi_server import TaxiServer

from flowship.etl.destination import ALLOW_UNMOUNTED


@pytest.fixture
def taxi() -> Iterator[TaxiServer]:
    with TaxiServer(rows=2_000) as server:
        yield server


@pytest.fixture(autouse=True)
def _folders_are_kept(monkeypatch):
    # The suite itself may run in a container; the tests of the refusal inject their own answers.
    monkeypatch.setenv(ALLOW_UNMOUNTED, "1")


@pytest.fixture
def real_month() -> Path:
    """Ten thousand real trips of yellow taxis, January 2019."""
    sample = os.environ.get("FLOWSHIP_TAXI_SAMPLE")
    if not sample:
        pytest.skip("FLOWSHIP_TAXI_SAMPLE names no file with real trips")
    return Path(sample)
