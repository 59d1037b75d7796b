"""A web server that generates months of taxi trips, in place of the TLC's mirror.

    python -m parts.taxi_server --port 8765 --rows 100000

serves ``/{colour}/{colour}_tripdata_{year}-{month:02}.csv.gz`` for every colour, year and
month. The files have the columns and the peculiarities of the real ones (almost in pickup order,
empty values, trips with negative fares, without distance or from another year), and are always
the same bytes.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import re
import tempfile
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from parts.part import Part

CHUNK_ROWS = 200_000  # generated and written at a time, to limit memory
PATH = re.compile(r"/(?P<colour>\w+)/(?P=colour)_tripdata_(?P<year>\d{4})-(?P<month>\d\d)\.csv\.gz")

Array = npt.NDArray[Any]
Columns = dict[str, Any]  # NumPy and Arrow arrays


# --- the data --------------------------------------------------------------------------------


def write_month(path: Path, colour: str, year: int, month: int, rows: int) -> None:
    """Write a month of `rows` generated trips of `colour` to `path` as CSV in gzip."""
    random = np.random.default_rng([year, month, list(COLUMNS).index(colour)])
    # The gzip header has no name and no time, so that the same month gives the same bytes.
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=3, fileobj=raw, mtime=0) as file,
    ):
        for start in range(0, max(rows, 1), CHUNK_ROWS):
            count = min(CHUNK_ROWS, rows - start)
            pickup = _pickup_times(random, year, month, start, count, rows)
            table = pa.table(COLUMNS[colour](random, pickup))
            if start == 0:
                file.write(",".join(table.column_names).encode() + b"\n")
            options = pa_csv.WriteOptions(include_header=False, quoting_style="none")
            pa_csv.write_csv(table, file, options)


def _pickup_times(
    random: np.random.Generator, year: int, month: int, start: int, count: int, rows: int
) -> Array:
    """Times in the month, almost in order, with a few from another year."""
    first = np.datetime64(f"{year}-{month:02}", "M")
    begin = first.astype("datetime64[s]")
    seconds = int(((first + 1).astype("datetime64[s]") - begin).astype(int))
    position = (start + np.arange(count) + 0.5) / max(rows, 1)
    jitter = random.normal(0, 1800, count)
    offset = np.clip(position * seconds + jitter, 0, seconds - 1).astype("timedelta64[s]")
    times: Array = begin + offset
    strays = random.random(count) < 0.0005
    times[strays] = np.datetime64("2009-01-01T00:00:00") + offset[strays] // 1000
    return times


def _dropoff(random: np.random.Generator, pickup: Array) -> Array:
    minutes = np.clip(random.lognormal(2.3, 0.7, len(pickup)), 0.1, 1440)
    times: Array = pickup + (minutes * 60).astype("timedelta64[s]")
    backwards = random.random(len(pickup)) < 0.0002
    times[backwards] = pickup[backwards] - np.timedelta64(40, "s")
    return times


def _some(random: np.random.Generator, values: Array, missing: float) -> pa.Array:
    """An Arrow array in which a fraction `missing` of the values is empty."""
    return pa.array(values, mask=random.random(len(values)) < missing)


def _pick(random: np.random.Generator, choices: list[Any], weights: list[float], n: int) -> Array:
    return random.choice(np.array(choices), n, p=np.array(weights) / sum(weights))


def _zones(random: np.random.Generator, n: int) -> Array:
    # A few zones have most trips; 37 is coprime to 265, so these zones are spread out.
    popularity = 1 / (np.arange(265) * 37 % 265 + 8)
    return random.choice(np.arange(1, 266), n, p=popularity / popularity.sum())


def _amounts(random: np.random.Generator, n: int, distance: Array) -> Columns:
    refund = np.where(random.random(n) < 0.004, -1.0, 1.0)
    fare = np.round((2.5 + 2.5 * distance + random.gamma(2, 1.5, n)) * 2) / 2
    extra = _pick(random, [0.0, 0.5, 1.0, 2.5, 3.0], [40, 25, 10, 20, 5], n)
    tip = np.round(fare * _pick(random, [0.0, 0.1, 0.2, 0.25], [35, 10, 45, 10], n), 2)
    tolls = _pick(random, [0.0, 5.76, 6.12], [95, 3, 2], n)
    surcharge = _pick(random, [0.0, 2.5], [25, 75], n)
    parts = {"fare_amount": fare, "extra": extra, "mta_tax": np.full(n, 0.5)}
    parts |= {"tip_amount": tip, "tolls_amount": tolls}
    parts |= {"improvement_surcharge": np.full(n, 0.3), "congestion_surcharge": surcharge}
    total = np.round(sum(parts.values()), 2)
    return {name: value * refund for name, value in (parts | {"total_amount": total}).items()}


def _ride(random: np.random.Generator, n: int) -> Columns:
    distance = np.round(np.where(random.random(n) < 0.01, 0.0, random.lognormal(0.6, 0.9, n)), 2)
    # Trips without a meter lack the values that only the meter records.
    unmetered = random.random(n) < 0.03
    flag = _pick(random, ["N", "Y"], [99, 1], n)
    return {
        "VendorID": pa.array(_pick(random, [1, 2], [1, 2], n), mask=unmetered),
        "store_and_fwd_flag": pa.array(flag, mask=unmetered),
        "RatecodeID": pa.array(
            _pick(random, [1, 2, 3, 4, 5, 99], [960, 20, 5, 4, 10, 1], n), mask=unmetered
        ),
        "PULocationID": _zones(random, n),
        "DOLocationID": _zones(random, n),
        "passenger_count": pa.array(
            _pick(random, [0, 1, 2, 3, 4, 5, 6], [2, 72, 14, 4, 2, 4, 2], n), mask=unmetered
        ),
        "trip_distance": distance,
        "payment_type": pa.array(_pick(random, [1, 2, 3, 4], [70, 28, 1, 1], n), mask=unmetered),
        **_amounts(random, n, distance),
    }


def _yellow(random: np.random.Generator, pickup: Array) -> Columns:
    times = {
        "tpep_pickup_datetime": pickup,
        "tpep_dropoff_datetime": _dropoff(random, pickup),
    }
    ride = _ride(random, len(pickup)) | times
    names = (
        "VendorID tpep_pickup_datetime tpep_dropoff_datetime passenger_count trip_distance"
        " RatecodeID store_and_fwd_flag PULocationID DOLocationID payment_type fare_amount extra"
        " mta_tax tip_amount tolls_amount improvement_surcharge total_amount congestion_surcharge"
    )
    return {name: ride[name] for name in names.split()}


def _green(random: np.random.Generator, pickup: Array) -> Columns:
    n = len(pickup)
    ride = _ride(random, n) | {
        "lpep_pickup_datetime": pickup,
        "lpep_dropoff_datetime": _dropoff(random, pickup),
        "ehail_fee": pa.nulls(n, pa.float64()),
        "trip_type": _some(random, _pick(random, [1, 2], [97, 3], n), 0.03),
    }
    names = (
        "VendorID lpep_pickup_datetime lpep_dropoff_datetime store_and_fwd_flag RatecodeID"
        " PULocationID DOLocationID passenger_count trip_distance fare_amount extra mta_tax"
        " tip_amount tolls_amount ehail_fee improvement_surcharge total_amount payment_type"
        " trip_type congestion_surcharge"
    )
    return {name: ride[name] for name in names.split()}


def _fhv(random: np.random.Generator, pickup: Array) -> Columns:
    n = len(pickup)
    bases = [f"B{number:05}" for number in range(1, 400)]
    return {
        "dispatching_base_num": random.choice(bases, n),
        "pickup_datetime": pickup,
        "dropOff_datetime": _dropoff(random, pickup),
        "PUlocationID": _some(random, _zones(random, n), 0.8),
        "DOlocationID": _some(random, _zones(random, n), 0.15),
        "SR_Flag": pa.nulls(n, pa.int64()),
        "Affiliated_base_number": _some(random, random.choice(bases, n), 0.01),
    }


def _fhvhv(random: np.random.Generator, pickup: Array) -> Columns:
    n = len(pickup)
    company = _pick(random, ["HV0003", "HV0005"], [73, 27], n)
    uber = company == "HV0003"
    base = np.where(uber, "B03404", "B03406")
    miles = np.round(random.lognormal(1.1, 0.9, n), 2)
    dropoff = pickup + (random.lognormal(6.8, 0.6, n)).astype("timedelta64[s]")
    waited = random.integers(30, 600, n).astype("timedelta64[s]")
    fare = np.round(3 + 2.2 * miles + random.gamma(2, 3, n), 2)
    on_scene = pickup - random.integers(5, 120, n).astype("timedelta64[s]")
    return {
        "hvfhs_license_num": company,
        "dispatching_base_num": base,
        "originating_base_num": pa.array(base, mask=~uber),
        "request_datetime": pickup - waited,
        "on_scene_datetime": pa.array(on_scene, mask=~uber),  # only Uber reports it
        "pickup_datetime": pickup,
        "dropoff_datetime": dropoff,
        "PULocationID": _zones(random, n),
        "DOLocationID": _zones(random, n),
        "trip_miles": miles,
        "trip_time": (dropoff - pickup).astype("timedelta64[s]").astype(int),
        "base_passenger_fare": fare,
        "tolls": _pick(random, [0.0, 6.55], [94, 6], n),
        "bcf": np.round(fare * 0.03, 2),
        "sales_tax": np.round(fare * 0.08875, 2),
        "congestion_surcharge": _pick(random, [0.0, 2.75], [60, 40], n),
        "airport_fee": _pick(random, [0.0, 2.5], [93, 7], n),
        "tips": _pick(random, [0.0, 1.0, 3.0], [83, 8, 9], n),
        "driver_pay": np.round(fare * 0.8, 2),
        "shared_request_flag": _pick(random, ["N", "Y"], [98, 2], n),
        "shared_match_flag": _pick(random, ["N", "Y"], [99, 1], n),
        "access_a_ride_flag": np.where(uber, " ", "N"),
        "wav_request_flag": _pick(random, ["N", "Y"], [999, 1], n),
        "wav_match_flag": _pick(random, ["N", "Y"], [93, 7], n),
    }


COLUMNS = {"yellow": _yellow, "green": _green, "fhv": _fhv, "fhvhv": _fhvhv}


# --- the server ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """A request to the server: its method, path, Range header and the status of the response."""

    method: str
    path: str
    range: str
    status: int


@dataclass
class TaxiServer(Part):
    """The server as a context manager; it answers while the context is open.

    Attributes:
        rows: Trips in each month.
        port: The port on loopback; 0 picks a free one.
        missing: Paths that answer 404, such as ``/yellow/yellow_tripdata_2021-02.csv.gz``.
        faults: Status codes for the next requests, in order; 0 closes the connection in the
            middle of the body.
        requests: All requests so far.
        files: Contents for paths, instead of generated months.
        validators: Whether responses have an ETag and a date.
        ranges: Whether the server supports range requests.
    """

    rows: int = 10_000
    port: int = 0
    missing: set[str] = field(default_factory=set)
    faults: deque[int] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    validators: bool = True
    ranges: bool = True

    def start(self) -> None:
        """Start serving."""
        self._folder = tempfile.TemporaryDirectory(prefix="taxi-server-")
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _Handler)
        self._server.daemon_threads = True
        self._server.taxi = self  # type: ignore[attr-defined]
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving, and delete the generated months."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def source(self) -> str:
        """The template that the ETL flow's ``source`` parameter takes."""
        return self.url + "/{colour}/{colour}_tripdata_{year}-{month:02}.csv.gz"

    def find(self, path: str) -> Path | None:
        """The file for a path, generated on its first request; None if there is none."""
        found = PATH.fullmatch(path)
        local = Path(self._folder.name) / path.strip("/").replace("/", "-")
        with self._lock:
            if path in self.files:
                local.write_bytes(self.files[path])
                return local
            if path in self.missing or not found or found["colour"] not in COLUMNS:
                return None
            year, month = int(found["year"]), int(found["month"])
            if not 1 <= month <= 12:
                return None
            if not local.exists():
                write_month(local, found["colour"], year, month, self.rows)
        return local


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        # A client may close the connection early.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._serve()

    do_HEAD = do_GET

    def _serve(self) -> None:
        taxi: TaxiServer = self.server.taxi  # type: ignore[attr-defined]
        fault = taxi.faults.popleft() if taxi.faults else None
        path = self.path.partition("?")[0]
        local = None if fault else taxi.find(path)
        if local is None:
            self._answer(fault or HTTPStatus.NOT_FOUND, {"Content-Length": "0"})
            return
        body = local.read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"Content-Type": "application/gzip"}
        if taxi.validators:
            # All files have the same date; a file from `files` differs only in its ETag.
            date = format_datetime(datetime(2021, 1, 1, tzinfo=timezone.utc), True)
            headers |= {"ETag": etag, "Last-Modified": date}
        if taxi.validators and etag in self.headers.get("If-None-Match", ""):
            self._answer(HTTPStatus.NOT_MODIFIED, headers)
            return
        status: int = HTTPStatus.OK
        more: dict[str, str] = {}
        if taxi.ranges:
            headers["Accept-Ranges"] = "bytes"
            status, body, more = self._ranged(body, etag)
        self._answer(status, headers | more | {"Content-Length": str(len(body))})
        if self.command == "HEAD":
            return
        if fault == 0:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)

    def _ranged(self, body: bytes, etag: str) -> tuple[int, bytes, dict[str, str]]:
        """The part of the body that a single Range header requests; otherwise all of it."""
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not found or not any(found.groups()) or self.headers.get("If-Range", etag) != etag:
            return HTTPStatus.OK, body, {}
        size = len(body)
        if not found[1]:
            first, last = max(size - int(found[2]), 0), size - 1
        else:
            first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
        if first > last:
            nothing = {"Content-Range": f"bytes */{size}"}
            return HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", nothing
        more = {"Content-Range": f"bytes {first}-{last}/{size}"}
        return HTTPStatus.PARTIAL_CONTENT, body[first : last + 1], more

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        taxi: TaxiServer = self.server.taxi  # type: ignore[attr-defined]
        asked = self.headers.get("Range", "")
        taxi.requests.append(Request(self.command, self.path, asked, int(status)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: `TaxiServer.requests` has the requests."""


def main() -> None:
    """Serve until interrupted; the first line printed is the source template."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--rows", type=int, default=10_000, help="trips in each month")
    options = parser.parse_args()
    with TaxiServer(rows=options.rows, port=options.port) as server:
        print(server.source, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
