"""A month from its source to its destination: again, after failures, with rejected rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flowship.etl import clean as clean_module
from flowship.etl import manifest as manifest_module
from flowship.etl import source as source_module
from flowship.etl.convert import Progress
from flowship.etl.destination import FolderDestination
from flowship.etl.errors import SourceError, TooManyRejectsError, UnavailableError
from flowship.etl.manifest import MonthResult
from flowship.etl.month import MonthJob, load_month, load_months
from flowship.etl.schemas import SCHEMAS
from support.paths import ROOT

PATH = "/green/green_tripdata_2021-01.csv.gz"
MONTH = "data/green/green_tripdata_2021-01.parquet"
MANIFEST = "data/green/_green_tripdata_2021-01.json"
REJECTS = "data/green/_green_tripdata_2021-01.rejects.csv"


@pytest.fixture(autouse=True)
def _no_waiting_between_tries(monkeypatch):
    monkeypatch.setattr(source_module, "RETRY_DELAYS", (0, 0, 0))


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out"


def _job(taxi, month: int = 1, **options) -> MonthJob:
    path = PATH.replace("-01.", f"-{month:02}.")
    return MonthJob("green", 2021, month, taxi.url + path, **options)


def _load(taxi, out: Path, **options) -> MonthResult:
    return load_month(_job(taxi, **options), FolderDestination(out))


def _files(out: Path) -> list[str]:
    return sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())


def _publish(taxi, edit) -> None:
    """Serve the month as changed by `edit`, which gets its lines."""
    lines = gzip.decompress(taxi.find(PATH).read_bytes()).splitlines()
    taxi.files[PATH] = gzip.compress(b"\n".join(edit(lines)) + b"\n")


# --- the manifest --------------------------------------------------------------------------------


def test_a_month_is_written_with_its_manifest(taxi, out):
    result = _load(taxi, out)
    assert _files(out) == [MANIFEST, MONTH]
    assert result.outcome == "written"
    assert result.where == str(out / MONTH)
    assert (result.rows_read, result.rows, result.rejected) == (2_000, 2_000, 0)
    table = pq.read_table(out / MONTH)
    assert result.nulls == {name: table[name].null_count for name in table.column_names}
    assert result.nulls["ehail_fee"] == 2_000
    pickups = table["lpep_pickup_datetime"].to_pylist()
    assert result.first_pickup == min(pickups).isoformat()
    assert result.last_pickup == max(pickups).isoformat()
    assert result.size == (out / MONTH).stat().st_size
    assert result.source_bytes == len(taxi.find(PATH).read_bytes())
    assert result.missing == ("cbd_congestion_fee",)


def test_readers_of_the_whole_folder_see_only_trips(taxi, out):
    _load(taxi, out)
    _load(taxi, out, month=2)
    assert pq.read_table(out / "data" / "green").num_rows == 4_000


# --- loading again -------------------------------------------------------------------------------


def test_a_month_that_did_not_change_is_not_downloaded(taxi, out):
    first = _load(taxi, out)
    written = (out / MONTH).stat()
    again = _load(taxi, out)
    assert again.outcome == "unchanged"
    assert "neither the source nor the code" in again.reason
    assert (again.rows, again.where) == (first.rows, first.where)
    assert [r.status for r in taxi.requests] == [200, 304]
    assert (out / MONTH).stat() == written


def test_a_file_that_was_truncated_at_the_destination_is_written_again(taxi, out):
    size = _load(taxi, out).size
    (out / MONTH).write_bytes(b"")
    assert _load(taxi, out).outcome == "written"
    assert (out / MONTH).stat().st_size == size


def test_a_header_alone_does_not_replace_a_month_of_trips(tmp_path, out):
    published = tmp_path / "green_tripdata_2021-01.csv"
    header = ",".join(SCHEMAS["green"].table.names)
    pickup = SCHEMAS["green"].pickup
    row = ",".join("2021-01-02 03:04:05" if n == pickup else "" for n in header.split(","))
    job = MonthJob("green", 2021, 1, str(published))
    published.write_text(f"{header}\n{row}\n")
    assert load_month(job, FolderDestination(out)).rows == 1
    published.write_text(f"{header}\n")
    with pytest.raises(SourceError, match="a header but no trips"):
        load_month(job, FolderDestination(out))
    assert pq.read_metadata(out / MONTH).num_rows == 1


def test_force_loads_an_unchanged_month(taxi, out):
    _load(taxi, out)
    assert _load(taxi, out, force=True).outcome == "written"
    assert [r.status for r in taxi.requests] == [200, 200]


def test_a_month_that_was_published_again_is_loaded(taxi, out):
    _load(taxi, out)
    _publish(taxi, lambda lines: lines[:-500])
    result = _load(taxi, out)
    assert (result.outcome, result.rows) == ("written", 1_500)
    assert pq.read_metadata(out / MONTH).num_rows == 1_500


def test_a_new_version_of_the_code_loads_the_month_again(taxi, out, monkeypatch):
    _load(taxi, out)
    monkeypatch.setattr("flowship.etl.month.code_version", lambda: "another")
    assert _load(taxi, out).outcome == "written"
    assert _load(taxi, out).outcome == "unchanged"


def test_an_edited_module_changes_the_version_of_the_code(tmp_path, monkeypatch):
    package = tmp_path / "etl"
    shutil.copytree(Path(manifest_module.__file__).parent, package)
    monkeypatch.setattr(manifest_module, "__file__", str(package / "manifest.py"))
    version = manifest_module.code_version.__wrapped__
    before = version()
    with (package / "clean.py").open("a") as file:
        file.write("# a custom step\n")
    assert version() != before


@pytest.mark.parametrize("lost", [MONTH, MANIFEST])
def test_a_deleted_month_or_manifest_is_written_again(taxi, out, lost):
    _load(taxi, out)
    (out / lost).unlink()
    assert _load(taxi, out).outcome == "written"
    assert _files(out) == [MANIFEST, MONTH]


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"fingerprint": {"x": 1}}'])
def test_an_unusable_manifest_is_ignored(taxi, out, content):
    _load(taxi, out)
    (out / MANIFEST).write_text(content)
    assert _load(taxi, out).outcome == "written"


def test_the_same_month_from_another_source_is_loaded(taxi, out):
    _load(taxi, out)
    copy = out / "green_tripdata_2021-01.csv.gz"
    copy.write_bytes(taxi.find(PATH).read_bytes())
    job = MonthJob("green", 2021, 1, str(copy))
    assert load_month(job, FolderDestination(out)).outcome == "written"
    assert load_month(job, FolderDestination(out)).outcome == "unchanged"


def test_without_validators_equal_content_is_not_written_again(taxi, out):
    taxi.validators = False
    _load(taxi, out)
    written = (out / MONTH).stat()
    assert _load(taxi, out).outcome == "unchanged"
    assert [r.status for r in taxi.requests] == [200, 200]  # only the content shows a change
    assert (out / MONTH).stat() == written
    _publish(taxi, lambda lines: lines[:-1])
    assert _load(taxi, out).outcome == "written"


# --- custom cleaning steps, as shown in docs/etl.md ----------------------------------------------

DOCS = ROOT / "docs" / "etl.md"


@pytest.mark.parametrize("number", [0, 1])
def test_a_custom_cleaning_step_takes_effect_and_the_dropped_rows_are_counted(
    taxi, out, monkeypatch, number
):
    samples = re.findall(r"```python\n(.*?)```", DOCS.read_text(), flags=re.DOTALL)
    steps = [sample for sample in samples if "def clean(batch, schema)" in sample]
    scope = {"pa": pa}
    exec(steps[number], scope)
    monkeypatch.setattr(clean_module, "clean", scope["clean"])
    result = _load(taxi, out)
    distances = pq.read_table(out / MONTH)["trip_distance"].to_pylist()
    assert min(distances) > 0
    assert (result.rows_read, result.rejected) == (2_000, 0)
    assert result.rows == len(distances) < 2_000


# --- rejected rows -------------------------------------------------------------------------------


def _spoil(*numbers: int):
    def edit(lines: list[bytes]) -> list[bytes]:
        return [b"bad, row" if n in numbers else line for n, line in enumerate(lines, 1)]

    return edit


def test_rejected_rows_are_counted_and_stored_next_to_the_month(taxi, out):
    _publish(taxi, _spoil(10, 999))
    result = _load(taxi, out, max_rejects=2)
    assert (result.rows_read, result.rows, result.rejected) == (2_000, 1_998, 2)
    assert result.rejects == str(out / REJECTS)
    rows = list(csv.DictReader(io.StringIO((out / REJECTS).read_text())))
    assert [row["line"] for row in rows] == ["10", "999"]
    assert {row["row"] for row in rows} == {"bad, row"}
    assert all("Expected 20 columns, got 2" in row["reason"] for row in rows)


def test_too_many_bad_rows_fail_the_month_and_keep_the_earlier_one(taxi, out):
    _load(taxi, out)
    before = (out / MONTH).read_bytes()
    _publish(taxi, _spoil(10, 999))
    with pytest.raises(TooManyRejectsError, match="more than 1 rows"):
        _load(taxi, out, max_rejects=1)
    assert _files(out) == [MANIFEST, MONTH]
    assert (out / MONTH).read_bytes() == before


@pytest.mark.parametrize("there", [False, True])
def test_a_month_of_only_rejected_rows_is_not_written_and_keeps_the_earlier_one(taxi, out, there):
    if there:
        _publish(taxi, _spoil(10))
        _load(taxi, out)
    before = {name: (out / name).read_bytes() for name in _files(out)} if there else {}
    _publish(taxi, lambda lines: [lines[0]] + [line + b"," for line in lines[1:51]])
    with pytest.raises(TooManyRejectsError, match="line 2: Expected 20 columns, got 21"):
        _load(taxi, out)
    assert {name: (out / name).read_bytes() for name in _files(out)} == before


def test_a_corrected_month_has_no_rejected_rows(taxi, out):
    good = taxi.find(PATH).read_bytes()
    _publish(taxi, _spoil(10))
    _load(taxi, out)
    taxi.files[PATH] = good
    assert _load(taxi, out).rejects == ""
    assert (out / REJECTS).read_text() == "line,reason,row\n"


def test_a_stricter_threshold_does_not_skip_a_month_with_more_bad_rows(taxi, out):
    _publish(taxi, _spoil(10))
    _load(taxi, out)
    assert _load(taxi, out).outcome == "unchanged"
    with pytest.raises(TooManyRejectsError):
        _load(taxi, out, max_rejects=0)


# --- failures: what the destination holds afterwards ---------------------------------------------


@pytest.mark.parametrize("faults", [[0], [0, 0], [500], [503, 0, 500]])
def test_temporary_failures_of_the_source_do_not_lose_trips(taxi, out, faults):
    taxi.faults += faults
    assert _load(taxi, out).rows == 2_000
    assert _files(out) == [MANIFEST, MONTH]


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    "fault", ["404", "500 for good", "cut for good", "truncated", "wrong header", "a web page"]
)
def test_a_month_that_fails_leaves_the_destination_as_it_was(taxi, out, fault, there):
    if there:
        _load(taxi, out)
    before = {name: (out / name).read_bytes() for name in _files(out)} if there else {}
    published = taxi.find(PATH).read_bytes()
    if fault == "404":
        taxi.missing.add(PATH)
    elif fault == "500 for good":
        taxi.faults += [500] * 4
    elif fault == "cut for good":
        _publish(taxi, lambda lines: lines[:-1])
        taxi.ranges = False
        taxi.faults += [0] * 4
    elif fault == "truncated":
        taxi.files[PATH] = published[:-1_000]
    elif fault == "wrong header":
        _publish(taxi, lambda lines: [lines[0].replace(b"lpep_pickup", b"pickup"), *lines[1:]])
    else:
        taxi.files[PATH] = b"<html>Sign in</html>"
    with pytest.raises(SourceError) as caught:
        _load(taxi, out)
    assert isinstance(caught.value, UnavailableError) == fault.endswith("for good")
    assert {name: (out / name).read_bytes() for name in _files(out)} == before


def test_a_manifest_has_no_secrets_of_the_address(taxi, out):
    job = _job(taxi)
    address = job.address.replace("//", "//me:hunter2@") + "?sig=abc"
    load_month(MonthJob("green", 2021, 1, address), FolderDestination(out))
    text = (out / MANIFEST).read_text()
    assert "hunter2" not in text
    assert "abc" not in json.loads(text)["result"]["source"]


# --- several months ------------------------------------------------------------------------------


def test_a_month_that_fails_does_not_stop_the_others_and_the_order_is_kept(taxi, out):
    taxi.missing.add(PATH.replace("-01.", "-02."))
    seen: dict[str, str] = {}

    def report(progress: Progress) -> None:
        seen[progress.label] = progress.outcome

    jobs = [_job(taxi, month) for month in (3, 2, 1)]
    results = load_months(jobs, FolderDestination(out), concurrency=3, report=report)
    assert [(r.label, r.outcome) for r in results] == [
        ("green 2021-03", "written"),
        ("green 2021-02", "failed"),
        ("green 2021-01", "written"),
    ]
    assert "returned 404" in results[1].reason
    assert [r.code for r in results] == ["", "month-not-published", ""]
    assert seen == {result.label: result.outcome for result in results}


def test_an_interrupt_ends_every_month_without_a_result(taxi, out):
    def interrupt(_progress: Progress) -> None:
        raise KeyboardInterrupt

    jobs = [_job(taxi, month) for month in range(1, 13)]
    with pytest.raises(KeyboardInterrupt):
        load_months(jobs, FolderDestination(out), concurrency=1, report=interrupt)
    assert _files(out) == []
    assert len(taxi.requests) < 12


@pytest.mark.parametrize("error", [KeyError("trip_distance"), MemoryError(), OverflowError("\x1b")])
def test_a_month_that_fails_unexpectedly_does_not_stop_the_others(taxi, out, monkeypatch, error):
    def step(batch, schema):
        if batch["lpep_pickup_datetime"][0].as_py().month == 2:
            raise error
        return given(batch, schema)

    given = clean_module.clean
    monkeypatch.setattr(clean_module, "clean", step)
    jobs = [_job(taxi, month) for month in (1, 2, 3)]
    results = load_months(jobs, FolderDestination(out), concurrency=3)
    assert [r.outcome for r in results] == ["written", "failed", "written"]
    assert results[1].code == "month-crashed"
    kind = type(error).__name__
    assert re.match(rf"unexpected {kind} \(test_month\.py:\d+\)", results[1].reason)
    assert "\x1b" not in results[1].reason


def test_bytes_of_a_bad_row_do_not_reach_a_message(taxi, out):
    _publish(taxi, lambda lines: [lines[0]] + [b"\x1b[2J\0\x9b,x"] * 300)
    (result,) = load_months([_job(taxi)], FolderDestination(out))
    assert r"\x1b[2J\x00" in result.reason
    assert not set(result.reason) & {"\x1b", "\0", "\x9b"}
    assert "max_rejects" not in result.reason
