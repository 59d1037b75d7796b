"""The web server that generates months of trips."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import httpx
import pytest
from parts.taxi_server import TaxiServer, write_month


@pytest.fixture
def taxi() -> Iterator[TaxiServer]:
    with TaxiServer(rows=2_000) as server:
        yield server


PATH = "/yellow/yellow_tripdata_2021-01.csv.gz"


def test_the_same_month_is_the_same_bytes_each_time(tmp_path):
    for name in ("a", "b"):
        write_month(tmp_path / name, "green", 2021, 3, rows=500)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_months_and_colours_differ(tmp_path):
    texts = set()
    for number, (colour, month) in enumerate([("yellow", 1), ("yellow", 2), ("green", 1)]):
        write_month(tmp_path / str(number), colour, 2021, month, rows=50)
        texts.add(gzip.decompress((tmp_path / str(number)).read_bytes()))
    assert len(texts) == 3


@pytest.mark.parametrize("colour", ["yellow", "green", "fhv", "fhvhv"])
def test_a_month_has_the_requested_number_of_rows(tmp_path, colour):
    write_month(tmp_path / "m", colour, 2020, 12, rows=1_234)
    assert len(gzip.decompress((tmp_path / "m").read_bytes()).splitlines()) == 1_235


def test_a_month_is_almost_in_pickup_order_and_has_odd_rows(tmp_path):
    pd = pytest.importorskip("pandas")
    write_month(tmp_path / "m", "yellow", 2021, 1, rows=20_000)
    frame = pd.read_csv(tmp_path / "m", compression="gzip", low_memory=False)
    pickup = pd.to_datetime(frame["tpep_pickup_datetime"])
    assert pickup.dt.year.isin([2021]).mean() > 0.99
    assert (pickup.dt.year == 2009).any()
    assert (frame["fare_amount"] < 0).any()
    assert (frame["trip_distance"] == 0).any()
    assert frame["passenger_count"].isna().any()
    assert (pd.to_datetime(frame["tpep_dropoff_datetime"]) < pickup).any()


def test_the_server_understands_ranges_and_conditions(taxi):
    whole = httpx.get(taxi.url + PATH)
    assert int(whole.headers["Content-Length"]) == len(whole.content)
    part = httpx.get(taxi.url + PATH, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.content)}"
    rest = httpx.get(taxi.url + PATH, headers={"Range": "bytes=100-"})
    assert whole.content[:100] + rest.content == whole.content
    assert httpx.get(taxi.url + PATH, headers={"Range": "bytes=-9"}).content == whole.content[-9:]
    far = httpx.get(taxi.url + PATH, headers={"Range": f"bytes={len(whole.content)}-"})
    assert far.status_code == 416
    changed = httpx.get(taxi.url + PATH, headers={"Range": "bytes=5-", "If-Range": '"old"'})
    assert changed.content == whole.content
    known = httpx.get(taxi.url + PATH, headers={"If-None-Match": whole.headers["ETag"]})
    assert (known.status_code, known.content) == (304, b"")
    head = httpx.head(taxi.url + PATH)
    assert (head.headers["ETag"], head.content) == (whole.headers["ETag"], b"")


def test_the_server_records_requests_and_fails_on_demand():
    with TaxiServer(rows=10, missing={PATH}) as taxi:
        taxi.faults.append(503)
        other = PATH.replace("01", "02")
        statuses = [httpx.get(taxi.url + p).status_code for p in (other, other, PATH, "/nothing")]
        assert statuses == [503, 200, 404, 404]
        assert [r.status for r in taxi.requests] == statuses


def test_there_is_no_thirteenth_month(taxi):
    assert httpx.get(taxi.url + PATH.replace("-01.", "-13.")).status_code == 404
