"""`flowship etl run` as a process, against a real web server."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from parts.taxi_server import TaxiServer

from support.commands import Any_, Maybe, Running, misfits, one_object

MONTH = {
    "colour": str,
    "year": int,
    "month": int,
    "outcome": str,
    "where": str,
    "reason": str,
    "code": str,
    "rows_read": int,
    "rows": int,
    "rejected": int,
    "rejects": str,
    "nulls": Maybe(object),
    "first_pickup": str,
    "last_pickup": str,
    "missing": Any_(str),
    "unknown": Any_(str),
    "source": str,
    "source_bytes": int,
    "size": int,
    "row_groups": int,
    "seconds": float,
}
RESULT = {"months": [MONTH], "written": int, "unchanged": int, "failed": int}


@pytest.fixture
def taxi() -> Iterator[TaxiServer]:
    with TaxiServer(rows=500) as server:
        yield server


def _arguments(taxi: TaxiServer, out: Path, *more: str) -> list[str]:
    given = ["--year", "2021", "--colour", "green", "--source", taxi.source, "--to", str(out)]
    return ["etl", "run", *given, *more]


def test_months_are_loaded_without_a_server_and_stdout_lists_the_files(cli, taxi, tmp_path):
    code, stdout, stderr = cli(*_arguments(taxi, tmp_path / "out", "--months", "1-2"))
    assert code == 0, stderr
    paths = [Path(line) for line in stdout.splitlines()]
    names = [f"green_tripdata_2021-0{month}.parquet" for month in (1, 2)]
    assert [path.name for path in paths] == names
    assert [pq.read_metadata(path).num_rows for path in paths] == [500, 500]
    assert "green 2021-01: written, 500 rows" in stderr


def test_a_second_run_skips_the_months_and_force_loads_them(cli, taxi, tmp_path):
    arguments = _arguments(taxi, tmp_path / "out", "--months", "1-2")
    first = cli(*arguments)
    second = cli(*arguments)
    assert second.stdout == first.stdout
    assert "green 2021-01: unchanged" in second.stderr
    assert sorted(r.status for r in taxi.requests) == [200, 200, 304, 304]
    assert cli(*arguments, "--force").code == 0
    assert [r.status for r in taxi.requests][4:] == [200, 200]


def test_a_failed_month_is_exit_code_8_and_the_others_are_written(cli, taxi, tmp_path):
    taxi.missing.add("/green/green_tripdata_2021-02.csv.gz")
    arguments = _arguments(taxi, tmp_path / "out", "--months", "1-3")
    code, stdout, stderr = cli(*arguments, "--json")
    assert code == 8
    found = one_object(stdout)
    assert misfits(found, RESULT) == []
    assert [m["outcome"] for m in found["months"]] == ["written", "failed", "written"]
    assert (found["written"], found["unchanged"], found["failed"]) == (2, 0, 1)
    assert "error: 1 of 3 months failed" in stderr
    assert "green 2021-02: " in stderr
    assert "not published there" in stderr


def test_a_month_of_rejected_rows_is_exit_code_8_with_the_first_reason(cli, taxi, tmp_path):
    header = "VendorID,lpep_pickup_datetime,lpep_dropoff_datetime\n"
    row = "1.5,2021-01-01 00:00:00,2021-01-01 00:10:00\n"
    taxi.files["/green/green_tripdata_2021-01.csv.gz"] = (header + row * 50).encode()
    code, stdout, stderr = cli(*_arguments(taxi, tmp_path / "out", "--months", "1"))
    assert (code, stdout) == (8, "")
    assert "none of its 50 rows can be read" in stderr
    assert 'VendorID: "1.5" is not a whole number' in stderr
    assert not list(tmp_path.rglob("*.parquet"))


def test_bytes_of_a_file_do_not_reach_the_terminal_and_the_other_months_are_written(
    cli, taxi, tmp_path
):
    header = b"VendorID,lpep_pickup_datetime,lpep_dropoff_datetime"
    trip = b"1,2021-01-01 00:00:00,2021-01-01 00:10:00"
    bad = b"\x1b[2J\x1b]0;owned\x07,\0\x9b,x"
    path = "/green/green_tripdata_2021-0{}.csv.gz"
    taxi.files[path.format(1)] = b"\n".join([header, *[bad] * 300])
    taxi.files[path.format(2)] = b"\n".join([header + b",new\x1b[2J", trip + b",1"])
    taxi.files[path.format(3)] = b"\n".join([b"\x1b[2Ja,b", b"1,2"])
    taxi.files[path.format(4)] = b"\n".join(
        [header, trip.replace(b"2021-01-01 00:00", b"16094592")]
    )
    code, stdout, stderr = cli(*_arguments(taxi, tmp_path / "out", "--months", "1-5"))
    assert code == 8
    assert not set(stdout + stderr) & set("\x1b\0\x07\x9b")
    assert r'VendorID: "\x1b[2J\x1b]0;owned\x07" is not a whole number' in stderr
    assert r"columns dropped: new\x1b[2J" in stderr
    assert [Path(line).stem[-2:] for line in stdout.splitlines()] == ["02", "05"]


def test_high_volume_trips_are_loaded(cli, taxi, tmp_path):
    arguments = ["--colour", "fhvhv", "--months", "1", "--source", taxi.source]
    code, stdout, stderr = cli("etl", "run", *arguments, "--to", str(tmp_path / "out"))
    assert code == 0, stderr
    table = pq.read_table(stdout.strip())
    assert (table.num_rows, table["hvfhs_license_num"].null_count) == (500, 0)
    assert {"request_datetime", "driver_pay", "wav_match_flag"} < set(table.column_names)


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        (["--months", "13"], 2, "invalid months: '13'"),
        (["--colour", "purple"], 2, "unknown colour 'purple'"),
        (["--year", "1999"], 2, "no trips are published for 1999"),
        (["--max-rejects", "-1"], 2, "--max-rejects"),
        (["--colour", "Green"], 2, "did you mean green?"),
        (["--colour", "hvfhv"], 2, "did you mean fhv or fhvhv?"),
        (["--source", "http://[x/{month}.csv"], 3, "is not a valid address"),
        (
            ["--source", "ftp://example.com/{colour}-{month}.csv"],
            3,
            "ftp:// addresses are not supported",
        ),
        (["--source", "nowhere/at/all"], 3, "source folder nowhere/at/all does not exist"),
        (["--to", __file__], 3, "is a file"),
        (["--to", f"{__file__}/below"], 3, "is a file"),
        (["--source", "https://example.com/{color}.csv"], 3, "placeholders are {colour}"),
        (["--source", "https://example.com/one.csv.gz"], 3, "the same file for every month"),
    ],
)
def test_a_wrong_value_is_refused_before_any_request(cli, taxi, tmp_path, wrong, code, message):
    outcome = cli(*_arguments(taxi, tmp_path / "out", *wrong))
    assert (outcome.code, outcome.stdout) == (code, "")
    assert message in outcome.stderr
    assert taxi.requests == []


def test_the_destination_is_required(cli):
    code, _, stderr = cli("etl", "run")
    assert code == 2
    assert "--to" in stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_partial_month(taxi, tmp_path, sent):
    taxi.faults += [503] * 50
    with Running(*_arguments(taxi, tmp_path / "out"), cwd=tmp_path) as running:
        running.until("retrying")
        running.process.send_signal(sent)
        code, stdout, stderr = running.ended()
    assert (code, stdout) == (130, "")
    assert "interrupted" in stderr
    assert not list(tmp_path.rglob("*.p*"))


def test_neither_prefect_nor_pandas_is_imported(cli, taxi, tmp_path):
    code = (
        "import sys\nfrom flowship.cli import app\n"
        "try:\n    app(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('prefect', 'pandas', 'docker') if m in sys.modules])"
    )
    arguments = _arguments(taxi, tmp_path / "out", "--months", "1")
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["--to", "out", "--months", "x"], 2),
        (["--to", "out", "--max-rejects", "-1"], 2),
        (["--to", "out", "--concurrency", "0"], 2),
        (["--to", "out", "--source", "./nowhere"], 3),
    ],
    ids=str,
)
def test_an_invalid_option_is_refused_before_anything_is_written(cli, tmp_path, arguments, code):
    done = cli("etl", "run", *arguments)
    assert (done.code, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
