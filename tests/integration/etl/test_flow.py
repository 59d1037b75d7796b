"""The flows on a real Prefect server, from a local web server to a folder and to a bucket."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx
import pyarrow.parquet as pq
import pytest
from parts.gcs import GcsEmulator, save_blocks, save_blocks_at

from flowship.etl import etl_parent_flow, etl_web_to_gcs, read
from flowship.etl import source as source_module
from flowship.etl.convert import Progress
from flowship.etl.destination import open_destination
from flowship.etl.errors import DestinationError, MonthsFailedError, NotPublishedError, SourceError
from flowship.etl.month import MonthJob, load_month, load_months
from flowship.etl.source import COURSE_MIRROR


@pytest.fixture(autouse=True)
def _no_waiting_between_retries(monkeypatch):
    monkeypatch.setattr(source_module, "RETRY_DELAYS", (0, 0, 0))


# --- parameters --------------------------------------------------------------------------------


def _parameters(flow):
    return flow.parameters.model_dump()["properties"]


def test_the_parameters_have_choices_limits_defaults_and_descriptions():
    parameters = _parameters(etl_parent_flow)
    assert {name: p["default"] for name, p in parameters.items()} == {
        "months": [1, 2],
        "year": 2021,
        "colour": "yellow",
        "source": COURSE_MIRROR,
        "destination": ".",
        "force": False,
        "max_rejects": 100,
        "concurrency": 2,
        "task_runner": "threads",
        "task_runner_address": "",
    }
    assert parameters["colour"]["enum"] == ["yellow", "green", "fhv", "fhvhv"]
    assert parameters["months"]["items"] == {"type": "integer", "minimum": 1, "maximum": 12}
    assert parameters["months"]["minItems"] == 1
    assert all(p["description"] for p in parameters.values())
    json.dumps(parameters)  # it is sent to the API


def test_the_flow_for_one_month_takes_the_parameters_of_its_parent():
    parent, child = _parameters(etl_parent_flow), _parameters(etl_web_to_gcs)
    for name in ("year", "colour", "source", "destination", "max_rejects"):
        wanted, found = parent[name], child[name]
        assert {k: v for k, v in wanted.items() if k not in ("position", "default")} == {
            k: v for k, v in found.items() if k not in ("position", "default")
        }
    assert set(child) - {"month"} < set(parent)


@pytest.mark.parametrize(
    "wrong", [{"months": [13]}, {"months": []}, {"colour": "purple"}, {"year": 1999}]
)
def test_values_out_of_range_are_refused_before_the_run_starts(wrong):
    from prefect.exceptions import ParameterTypeError

    with pytest.raises(ParameterTypeError, match=next(iter(wrong))):
        etl_parent_flow.validate_parameters({"months": [1], "year": 2021, **wrong})


# --- runs --------------------------------------------------------------------------------------


@pytest.mark.server
@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("colour", ["yellow", "green", "fhv", "fhvhv"])
def test_months_go_from_the_web_to_a_folder(taxi, tmp_path, colour):
    where = etl_parent_flow(
        [2, 1, 2], 2020, colour, source=taxi.source, destination=str(tmp_path / "out")
    )
    names = [f"{colour}_tripdata_2020-02.parquet", f"{colour}_tripdata_2020-01.parquet"]
    assert [Path(w).relative_to(tmp_path) for w in where] == [
        Path("out/data") / colour / name for name in names
    ]
    assert [pq.read_metadata(w).num_rows for w in where] == [taxi.rows, taxi.rows]
    assert len(taxi.requests) == 2


@pytest.mark.server
@pytest.mark.usefixtures("api")
def test_a_local_month_needs_no_network(real_month, tmp_path):
    where = etl_web_to_gcs(2019, 1, source=real_month.as_uri(), destination=str(tmp_path))
    trips = len(gzip.decompress(real_month.read_bytes()).splitlines()) - 1
    assert pq.read_metadata(where).num_rows == trips


@pytest.mark.server
@pytest.mark.usefixtures("api")
def test_an_unpublished_month_fails_without_retries_and_the_others_are_written(taxi, tmp_path):
    taxi.missing.add("/green/green_tripdata_2021-02.csv.gz")
    with pytest.raises(MonthsFailedError, match=r"1 of 3 months failed:\ngreen 2021-02: .*404"):
        etl_parent_flow([1, 2, 3], 2021, "green", taxi.source, str(tmp_path))
    written = sorted(p.name for p in tmp_path.rglob("*.parquet"))
    assert written == ["green_tripdata_2021-01.parquet", "green_tripdata_2021-03.parquet"]
    assert sorted(r.status for r in taxi.requests) == [200, 200, 404]


@pytest.mark.server
@pytest.mark.usefixtures("api")
def test_temporary_failures_of_the_server_are_retried(taxi, tmp_path):
    taxi.faults += [503, 0]  # refused once, then cut off in the middle
    where = etl_web_to_gcs(2021, 1, source=taxi.source, destination=str(tmp_path))
    assert pq.read_metadata(where).num_rows == taxi.rows
    assert [r.status for r in taxi.requests] == [503, 200, 206]


@pytest.mark.server
@pytest.mark.usefixtures("api")
def test_a_single_month_fails_with_the_reason(taxi, tmp_path):
    taxi.faults.append(404)
    with pytest.raises(NotPublishedError, match="returned 404"):
        etl_web_to_gcs(2021, 1, source=taxi.source, destination=str(tmp_path))


@pytest.mark.server
@pytest.mark.usefixtures("api")
def test_a_destination_that_would_lose_the_data_is_refused_before_any_download(
    taxi, tmp_path, monkeypatch
):
    monkeypatch.delenv("FLOWSHIP_ETL_ALLOW_UNMOUNTED")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setattr("os.path.ismount", lambda path: str(path) == "/")
    with pytest.raises(DestinationError, match="lost when the container is removed"):
        etl_parent_flow([1], source=taxi.source, destination=str(tmp_path))
    assert taxi.requests == []


@pytest.mark.server
@pytest.mark.usefixtures("api")
def test_a_wrong_source_is_refused_before_any_download(taxi, tmp_path):
    source = taxi.source.replace("{month:02}", "01")
    with pytest.raises(SourceError, match="the same file for every month"):
        etl_parent_flow([1, 2], source=source, destination=str(tmp_path))
    assert taxi.requests == []


# --- artifacts in the UI -----------------------------------------------------------------------


def _artifact(key: str) -> dict[str, str]:
    """The latest artifact's table, as its rows by their first cell."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        found = client.request("GET", f"/artifacts/{key}/latest").json()
    rows = json.loads(found["data"])
    return {next(iter(row.values())): row for row in rows}


@pytest.mark.server
@pytest.mark.usefixtures("api")
def test_each_month_creates_an_artifact_and_the_parent_a_summary(taxi, tmp_path):
    taxi.missing.add("/fhv/fhv_tripdata_2018-04.csv.gz")
    with pytest.raises(MonthsFailedError):
        etl_parent_flow([3, 4], 2018, "fhv", taxi.source, str(tmp_path))
    facts = {name: row["value"] for name, row in _artifact("fhv-2018-03").items()}
    assert facts["outcome"] == "written"
    assert facts["rows read"] == facts["rows written"] == "2,000"
    assert facts["nulls in SR_Flag"] == "2,000"
    assert facts["nulls in pickup_datetime"] == "0"
    assert facts["last pickup"].startswith("2018-03-31")
    months = _artifact("fhv-2018")
    assert months["fhv 2018-03"]["rows"] == "2,000"
    assert months["fhv 2018-03"]["outcome"] == "written"
    assert months["fhv 2018-04"]["outcome"] == "failed"
    assert "returned 404" in months["fhv 2018-04"]["location or reason"]


@pytest.mark.server
@pytest.mark.usefixtures("api")
def test_a_second_run_skips_the_months_unless_forced(taxi, tmp_path):
    given = {"months": [1, 2], "colour": "green", "source": taxi.source}
    first = etl_parent_flow(**given, destination=str(tmp_path))
    assert etl_parent_flow(**given, destination=str(tmp_path)) == first
    assert sorted(r.status for r in taxi.requests) == [200, 200, 304, 304]
    assert _artifact("green-2021")["green 2021-01"]["outcome"] == "unchanged"
    etl_parent_flow(**given, destination=str(tmp_path), force=True)
    assert [r.status for r in taxi.requests][4:] == [200, 200]


# --- blocks ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gcs(api) -> Iterator[GcsEmulator]:
    with GcsEmulator(bucket="taxi-bucket") as emulator:
        save_blocks_at(api, "taxi", emulator)
        yield emulator


@pytest.mark.server
def test_months_go_to_a_bucket_through_its_block(taxi, gcs, monkeypatch):
    for name, value in gcs.env.items():
        monkeypatch.setenv(name, value)
    etl_parent_flow([1, 2], 2021, "green", taxi.source, "gcs-bucket/taxi")
    keys = [f"data/green/green_tripdata_2021-0{month}.parquet" for month in (1, 2)]
    assert [name for name in gcs.objects() if name.endswith(".parquet")] == keys
    assert [gcs.rows(key) for key in keys] == [taxi.rows, taxi.rows]
    assert [r.status for r in taxi.requests] == [200, 200]
    before = {name: gcs.generation(name) for name in gcs.objects()}
    etl_parent_flow([1, 2], 2021, "green", taxi.source, "gcs-bucket/taxi")
    assert [r.status for r in taxi.requests][2:] == [304, 304]  # not modified: nothing was sent
    assert {name: gcs.generation(name) for name in gcs.objects()} == before


@pytest.mark.server
def test_saving_the_blocks_again_updates_them(gcs):
    from prefect.client.orchestration import get_client

    def documents():
        with get_client(sync_client=True) as client:
            found = client.request("POST", "/block_documents/filter", json={}).json()
        return {(d["block_type_name"], d["name"]): d["id"] for d in found if d["name"] == "taxi"}

    before = documents()
    save_blocks("taxi", gcs.bucket, gcs.key)
    assert set(before) == {("GCP Credentials", "taxi"), ("GCS Bucket", "taxi")}
    assert documents() == before


@pytest.mark.server
@pytest.mark.usefixtures("api")
def test_a_local_file_system_block_is_a_folder(taxi, tmp_path, monkeypatch):
    from prefect.filesystems import LocalFileSystem

    LocalFileSystem(basepath=str(tmp_path)).save("taxi-files", overwrite=True)
    etl_web_to_gcs(2021, 1, source=taxi.source, destination="local-file-system/taxi-files")
    where = tmp_path / "data" / "yellow" / "yellow_tripdata_2021-01.parquet"
    assert pq.read_metadata(where).num_rows == taxi.rows

    monkeypatch.delenv("FLOWSHIP_ETL_ALLOW_UNMOUNTED")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setattr("os.path.ismount", lambda path: str(path) == "/")
    with pytest.raises(DestinationError, match="lost when the container is removed"):
        etl_web_to_gcs(2021, 1, source=taxi.source, destination="local-file-system/taxi-files")


@pytest.mark.server
@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("slug", ["gcs-bucket/nothing-here", "no-such-type/nothing-here"])
def test_a_missing_block_is_reported_before_any_download(taxi, slug):
    with pytest.raises(DestinationError, match=f"block {slug} not found"):
        etl_parent_flow([1], source=taxi.source, destination=slug)
    assert taxi.requests == []


@pytest.mark.server
@pytest.mark.usefixtures("api")
def test_a_block_that_cannot_store_files_is_refused(taxi):
    from prefect.blocks.system import Secret

    Secret(value="x").save("no-file-system", overwrite=True)
    with pytest.raises(DestinationError, match="cannot store files"):
        etl_parent_flow([1], source=taxi.source, destination="secret/no-file-system")


# --- a bucket that is down ---------------------------------------------------------------------

GREEN = "data/green/green_tripdata_2021-01"
GREEN_FILES = ["data/green/_green_tripdata_2021-01.json", f"{GREEN}.parquet"]


@pytest.fixture(scope="module")
def unsteady(api, tmp_path_factory) -> Iterator[GcsEmulator]:
    """A bucket on a disk, that can go down and come back."""
    folder = tmp_path_factory.mktemp("gcs")
    with GcsEmulator(bucket="taxi-bucket", folder=folder) as emulator:
        save_blocks_at(api, "unsteady", emulator)
        yield emulator


@pytest.fixture
def bucket(unsteady, monkeypatch) -> GcsEmulator:
    """That bucket, up and empty."""
    for name, value in unsteady.env.items():
        monkeypatch.setenv(name, value)
    if unsteady.pid is None:
        unsteady.start_emulator()
    for name in unsteady.objects():
        httpx.delete(f"{unsteady.url}/storage/v1/b/{unsteady.bucket}/o/{quote(name, safe='')}")
    assert unsteady.objects() == []
    return unsteady


def _job(taxi) -> MonthJob:
    return MonthJob("green", 2021, 1, f"{taxi.url}/green/green_tripdata_2021-01.csv.gz")


@pytest.mark.server
def test_a_bucket_that_recovers_receives_the_month(taxi, bucket):
    destination = open_destination("gcs-bucket/unsteady")
    coming_back = threading.Timer(2, bucket.start_emulator)

    def go_down(_progress: Progress) -> None:
        if bucket.pid is not None and not coming_back.is_alive():
            bucket.stop_emulator()
            coming_back.start()

    result = load_month(_job(taxi), destination, go_down)
    coming_back.join()
    assert result.where == f"gcs-bucket/unsteady: {GREEN}.parquet"
    assert bucket.objects() == GREEN_FILES
    assert bucket.rows(f"{GREEN}.parquet") == taxi.rows
    assert load_month(_job(taxi), destination).outcome == "unchanged"


@pytest.mark.server
def test_a_bucket_that_stays_down_fails_the_month_and_does_not_change(taxi, bucket, monkeypatch):
    from google.cloud.storage.retry import DEFAULT_RETRY

    destination = open_destination("gcs-bucket/unsteady")
    load_month(_job(taxi), destination)
    before = {name: bucket.read(name) for name in bucket.objects()}
    monkeypatch.setattr(DEFAULT_RETRY, "_timeout", 2)  # two minutes otherwise
    again = replace(_job(taxi), force=True)
    (result,) = load_months([again], destination, report=lambda _: bucket.stop_emulator())
    assert result.outcome == "failed"
    assert "gcs-bucket/unsteady failed" in result.reason
    bucket.start_emulator()
    assert {name: bucket.read(name) for name in bucket.objects()} == before


@pytest.mark.server
def test_a_deleted_object_is_written_again(taxi, bucket):
    destination = open_destination("gcs-bucket/unsteady")
    load_month(_job(taxi), destination)
    assert load_month(_job(taxi), destination).outcome == "unchanged"
    destination.block.get_bucket().blob(f"{GREEN}.parquet").delete()
    assert load_month(_job(taxi), destination).outcome == "written"
    assert bucket.objects() == GREEN_FILES
    assert len(read(1, 2021, "green", "gcs-bucket/unsteady")) == taxi.rows
