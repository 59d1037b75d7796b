"""The months on a real Dask cluster of worker processes, one of which is killed."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from parts.taxi_server import TaxiServer

from flowship.etl import etl_parent_flow
from flowship.etl.errors import ParameterError
from support.commands import until

ROWS = 60_000
MONTHS = [1, 2, 3, 4, 5, 6]


@pytest.fixture
def cluster(api, monkeypatch):
    """Three workers, each a process of its own."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("PREFECT_API_URL", api)
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None
    ) as started:
        yield started


def _kill_busy_worker(cluster) -> str:
    """Kill a worker that is loading a month, and return its address."""
    from distributed import Client

    with Client(cluster) as client:
        processes = client.run(os.getpid)
        busy = until(lambda: [w for w, tasks in client.processing().items() if tasks], every=0.02)
        os.kill(processes[busy[0]], signal.SIGKILL)
        return str(busy[0])


@pytest.mark.server
def test_a_killed_worker_neither_loses_nor_duplicates_trips(api, cluster, tmp_path):
    from prefect.client.orchestration import get_client

    killed: list[str] = []
    out = tmp_path / "out"
    with TaxiServer(rows=ROWS) as taxi:
        # Once months have been requested, their workers are loading them.
        killer = threading.Thread(
            target=lambda: (
                until(lambda: taxi.requests) and killed.append(_kill_busy_worker(cluster))
            )
        )
        killer.start()
        where = etl_parent_flow(
            MONTHS,
            2021,
            "green",
            taxi.source,
            str(out),
            task_runner="dask",
            task_runner_address=cluster.scheduler_address,
        )
        killer.join()
    assert len(killed) == 1
    assert [Path(path).name for path in where] == [
        f"green_tripdata_2021-{month:02}.parquet" for month in MONTHS
    ]
    assert [pq.read_metadata(path).num_rows for path in where] == [ROWS] * len(MONTHS)
    shown = [path for path in out.rglob("*.parquet") if not path.name.startswith(".")]
    assert sorted(shown) == sorted(map(Path, where))
    with get_client(sync_client=True) as client:
        runs = client.request("POST", "/task_runs/filter", json={}).json()
        summary = client.request("GET", "/artifacts/green-2021/latest").json()
    assert sorted(run["name"] for run in runs) == [f"green-2021-{m:02}" for m in MONTHS]
    assert {run["state_type"] for run in runs} == {"COMPLETED"}
    assert [row["outcome"] for row in json.loads(summary["data"])] == ["written"] * len(MONTHS)


@pytest.mark.server
@pytest.mark.usefixtures("api")
def test_dask_without_an_address_names_the_missing_parameter(taxi, tmp_path):
    with pytest.raises(ParameterError, match="Set task_runner_address"):
        etl_parent_flow([1], source=taxi.source, destination=str(tmp_path), task_runner="dask")
    assert taxi.requests == []


@pytest.mark.server
@pytest.mark.usefixtures("api")
def test_missing_dask_names_the_package_to_install(taxi, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "prefect_dask.task_runners", None)
    with pytest.raises(ParameterError, match=r"flowship\[dask\]"):
        etl_parent_flow(
            [1],
            source=taxi.source,
            destination=str(tmp_path),
            task_runner="dask",
            task_runner_address="tcp://127.0.0.1:1",
        )
    assert taxi.requests == []
