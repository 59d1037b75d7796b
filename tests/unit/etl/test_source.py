from __future__ import annotations

import gzip
import os
import socket

import pytest

from flowship.etl import source as module
from flowship.etl.errors import NotPublishedError, SourceError, UnavailableError
from flowship.etl.source import (
    COURSE_MIRROR,
    Fingerprint,
    check_address,
    month_address,
    month_addresses,
    open_source,
    redacted,
)


@pytest.fixture(autouse=True)
def _no_waiting_between_tries(monkeypatch):
    monkeypatch.setattr(module, "RETRY_DELAYS", (0, 0, 0))


def _read(address: str, **options) -> bytes:
    with open_source(address, **options) as stream:
        return b"".join(stream.chunks)


def _state(address: str) -> Fingerprint:
    with open_source(address) as stream:
        return stream.fingerprint


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "address"),
    [
        (
            COURSE_MIRROR,
            "https://github.com/DataTalksClub/nyc-tlc-data/releases/download/"
            "green/green_tripdata_2021-02.csv.gz",
        ),
        ("/data/trips", "/data/trips/green_tripdata_2021-02.csv.gz"),
        ("file:///data/trips/", "file:///data/trips/green_tripdata_2021-02.csv.gz"),
        ("https://example.com/t", "https://example.com/t/green_tripdata_2021-02.csv.gz"),
        ("https://example.com/{year}/{month}.csv", "https://example.com/2021/2.csv"),
        ("/data/one.csv.gz", "/data/one.csv.gz"),
        ("/data/one.parquet", "/data/one.parquet"),
        ("mirror", COURSE_MIRROR.format(colour="green", year=2021, month=2)),
        (
            "official",
            "https://d37ci6vzurychx.cloudfront.net/trip-data/green_tripdata_2021-02.parquet",
        ),
    ],
)
def test_a_months_address_is_its_template_filled_in(source, address):
    assert month_address(source, "green", 2021, 2) == address


@pytest.mark.parametrize("source", ["/d/{color}-{month}", "/d/{}", "/d/{month", "/d/{month.x}"])
def test_a_wrong_placeholder_is_refused_with_the_right_ones(source):
    with pytest.raises(SourceError, match=r"\{colour\}, \{year\} and \{month:02\}"):
        month_address(source, "green", 2021, 2)


@pytest.mark.parametrize("source", ["http://[x/{month}", "https://\x1b[2J/{month}.csv"])
def test_text_that_cannot_be_an_address_is_refused(source):
    with pytest.raises(SourceError, match="is not a valid address: Invalid IPv6 URL") as caught:
        month_address(source, "green", 2021, 2)
    assert "\x1b" not in str(caught.value)


def test_a_width_that_no_address_can_have_is_refused():
    with pytest.raises(SourceError, match="invalid placeholders"):
        month_address("/d/{month:99999999999}.csv", "green", 2021, 2)


def test_the_home_of_an_unknown_user_is_refused():
    with pytest.raises(SourceError, match=r"the source folder ~no-such-user/m\.csv does not exist"):
        check_address("~no-such-user/m.csv")


def test_one_file_for_several_months_is_refused():
    with pytest.raises(SourceError, match="the same file for every month"):
        month_addresses("https://me:pass@example.com/taxi.csv.gz", "green", 2021, [1, 2])
    assert month_addresses("/d/taxi.csv.gz", "green", 2021, [1]) == {1: "/d/taxi.csv.gz"}


# --- files on this machine -----------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_local_file_is_read_in_place(tmp_path, prefix):
    (tmp_path / "a month").mkdir()
    file = tmp_path / "a month" / "green_tripdata_2021-02.csv.gz"
    file.write_bytes(b"x")
    source = prefix + str(file.parent).replace(" ", "%20" if prefix else " ")
    with open_source(month_address(source, "green", 2021, 2)) as stream:
        assert (stream.path, list(stream.chunks)) == (file, [b"x"])


@pytest.mark.parametrize("suffix", [".csv.gz", ".parquet", ".csv"])
def test_a_folder_may_have_its_months_in_each_of_the_formats(tmp_path, suffix):
    file = tmp_path / f"green_tripdata_2021-02{suffix}"
    file.write_bytes(b"x")
    assert _read(month_address(str(tmp_path), "green", 2021, 2)) == b"x"


def test_a_missing_file_is_a_month_that_is_not_published(tmp_path):
    with pytest.raises(NotPublishedError, match="does not exist"):
        _read(str(tmp_path / "nothing.csv.gz"))


@pytest.mark.parametrize("name", ["m" * 300, "m\0"])
def test_a_name_that_no_file_can_have_cannot_be_read(tmp_path, name):
    with pytest.raises(SourceError) as caught:
        _read(f"{tmp_path}/{name}.csv")
    assert caught.value.code in ("source-unreadable", "month-not-published")


def test_a_local_file_is_unchanged_until_it_is_written(tmp_path):
    file = tmp_path / "m.csv"
    file.write_bytes(b"x")
    known = _state(str(file))
    with open_source(str(file), known) as stream:
        assert stream.unchanged
    file.write_bytes(b"y")
    os.utime(file, ns=(1, 1))
    with open_source(str(file), known) as stream:
        assert not stream.unchanged
        assert list(stream.chunks) == [b"y"]


# --- downloads -----------------------------------------------------------------------------------


def test_a_month_arrives_byte_for_byte(taxi):
    content = _read(month_address(taxi.source, "yellow", 2021, 1))
    assert content == taxi.find("/yellow/yellow_tripdata_2021-01.csv.gz").read_bytes()


def test_a_plain_folder_of_the_server_works_as_a_source(taxi):
    content = _read(month_address(f"{taxi.url}/fhv", "fhv", 2021, 1))
    assert gzip.decompress(content).startswith(b"dispatching_base_num")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, NotPublishedError),
        (410, NotPublishedError),
        (503, UnavailableError),
        (500, UnavailableError),
        (429, UnavailableError),
        (403, SourceError),
        (401, SourceError),
    ],
)
def test_only_temporary_failures_are_retried(taxi, status, kind):
    taxi.faults += [status] * 9
    with pytest.raises(SourceError, match=f"returned {status}") as caught:
        _read(month_address(taxi.source, "yellow", 2021, 1))
    assert type(caught.value) is kind
    assert len(taxi.requests) == (4 if kind is UnavailableError else 1)


def test_a_retry_is_reported(taxi):
    taxi.faults += [500, 503]
    lines: list[str] = []
    address = month_address(taxi.source, "yellow", 2021, 1)
    with open_source(address, notify=lines.append) as stream:
        assert b"".join(stream.chunks)
    assert [r.status for r in taxi.requests] == [500, 503, 200]
    assert len(lines) == 2
    assert "returned 500" in lines[0]
    assert "retrying in 0 s" in lines[0]


def _broken_twice(taxi) -> tuple[bytes, bytes]:
    path = "/yellow/yellow_tripdata_2021-01.csv.gz"
    taxi.faults += [0, 0]  # each time half of what it would send
    return _read(taxi.url + path), taxi.find(path).read_bytes()


def test_a_download_that_breaks_off_is_resumed(taxi):
    received, published = _broken_twice(taxi)
    assert received == published
    assert [r.status for r in taxi.requests] == [200, 206, 206]
    half = len(published) // 2
    assert taxi.requests[1].range == f"bytes={half}-"


@pytest.mark.parametrize("validators", [True, False])
def test_without_range_requests_the_bytes_already_received_are_skipped(taxi, validators):
    taxi.ranges, taxi.validators = False, validators
    received, published = _broken_twice(taxi)
    assert received == published
    assert [r.status for r in taxi.requests] == [200, 200, 200]


def test_a_file_that_changes_while_it_is_read_is_an_error(taxi):
    path = "/yellow/yellow_tripdata_2021-01.csv.gz"
    taxi.faults.append(0)
    with open_source(taxi.url + path) as stream:
        next(stream.chunks)
        taxi.files[path] = b"another month altogether"
        with pytest.raises(UnavailableError, match="changed while it was read"):
            list(stream.chunks)


def test_a_server_that_does_not_answer_is_unavailable():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(UnavailableError):
            _read(f"http://127.0.0.1:{unused.getsockname()[1]}/x.csv.gz")


def test_an_unchanged_month_is_not_sent_again(taxi):
    address = month_address(taxi.source, "yellow", 2021, 1)
    known = _state(address)
    with open_source(address, known) as stream:
        assert stream.unchanged
        assert list(stream.chunks) == []
    assert [r.status for r in taxi.requests] == [200, 304]


def test_a_server_that_ignores_conditions_is_compared_by_its_headers(taxi):
    address = month_address(taxi.source, "yellow", 2021, 1)
    known = _state(address)
    weaker = Fingerprint(modified=known.modified, size=known.size)
    with open_source(address, weaker) as stream:
        assert not stream.unchanged  # it has an ETag now, so it is not the known state
    taxi.validators = False
    with open_source(address, _state(address)) as stream:
        assert not stream.unchanged  # a length alone does not identify a state


def test_a_changed_month_is_sent(taxi):
    address = month_address(taxi.source, "yellow", 2021, 1)
    known = _state(address)
    taxi.files["/yellow/yellow_tripdata_2021-01.csv.gz"] = b"new"
    assert _read(address, known=known) == b"new"


@pytest.mark.parametrize("address", ["ftp://example.com/x.csv.gz", "gs://bucket/x.csv.gz"])
def test_an_address_with_another_scheme_is_refused(address):
    with pytest.raises(SourceError, match="Use https://, file:// or a folder"):
        _read(address)


# --- secrets -------------------------------------------------------------------------------------


def test_secrets_in_an_address_do_not_reach_a_log():
    assert redacted("https://me:pass@example.com:8443/a.csv?sig=abc#x") == (
        "https://example.com:8443/a.csv"
    )
    assert redacted("/data/a.csv.gz") == "/data/a.csv.gz"
    assert redacted("https://me:pass@[x/a.csv?sig=abc") == "https://[x/a.csv"


@pytest.mark.parametrize("fault", [404, 503])
def test_secrets_in_an_address_do_not_reach_an_error(taxi, fault):
    address = month_address(taxi.source, "yellow", 2021, 1).replace("//", "//me:pass@")
    taxi.faults += [fault] * 4
    with pytest.raises(SourceError) as caught:
        _read(f"{address}?sig=abc")
    assert "pass" not in str(caught.value)
    assert "abc" not in str(caught.value)
