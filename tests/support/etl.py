"""Fixtures of the ETL tests: a server of trips, real trips, a Prefect server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts.taxi_server import TaxiServer

from flowship.etl.destination import ALLOW_UNMOUNTED
from support.server import start_server, stop


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


@pytest.fixture(scope="module")
def api(tmp_path_factory) -> Iterator[str]:
    """A Prefect server, and Prefect in this process pointed at it."""
    from prefect.logging.handlers import APILogHandler
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    home = tmp_path_factory.mktemp("prefect")
    process, url = start_server(home)
    try:
        with temporary_settings({PREFECT_API_URL: url, PREFECT_HOME: home}):
            yield url
            APILogHandler().flush()  # while there is still a server to take the last lines
    finally:
        stop(process)
