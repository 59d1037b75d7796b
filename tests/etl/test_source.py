from __future__ import annotations

import gzip
import socket

import pytest

from flowship.etl.errors import NotPublishedError, SourceError, UnavailableError
from flowship.etl.source import COURSE_MIRROR, fetch, month_address, month_addresses, shown


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
    ],
)
def test_a_months_address_is_its_template_filled_in(source, address):
    assert month_address(source, "green", 2021, 2) == address


@pytest.mark.parametrize("source", ["/d/{color}-{month}", "/d/{}", "/d/{month", "/d/{month.x}"])
def test_a_wrong_placeholder_is_refused_with_the_right_ones(source):
    with pytest.raises(SourceError, match=r"\{colour\}, \{year\} and \{month:02\}"):
        month_address(source, "green", 2021, 2)


def test_one_file_is_not_taken_for_several_months():
    with pytest.raises(SourceError, match="the same file for every month"):
        month_addresses("https://me:pass@example.com/taxi.csv.gz", "green", 2021, [1, 2])
    assert month_addresses("/d/taxi.csv.gz", "green", 2021, [1]) == {1: "/d/taxi.csv.gz"}


def test_a_month_arrives_byte_for_byte(taxi, tmp_path):
    address = month_address(taxi.source, "yellow", 2021, 1)
    path = fetch(address, tmp_path)
    served = taxi.find("/yellow/yellow_tripdata_2021-01.csv.gz")
    assert path.read_bytes() == served.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["yellow_tripdata_2021-01.csv.gz"]


def test_a_plain_folder_of_the_server_works_as_a_source(taxi, tmp_path):
    address = month_address(f"{taxi.url}/fhv", "fhv", 2021, 1)
    published = gzip.decompress(fetch(address, tmp_path).read_bytes())
    assert published.startswith(b"dispatching_base_num")


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_local_file_is_read_where_it_is(tmp_path, prefix):
    (tmp_path / "a month").mkdir()
    file = tmp_path / "a month" / "green_tripdata_2021-02.csv.gz"
    file.write_bytes(b"x")
    source = prefix + str(file.parent).replace(" ", "%20" if prefix else " ")
    assert fetch(month_address(source, "green", 2021, 2), tmp_path / "unused") == file


def test_a_missing_file_is_a_month_not_published(tmp_path):
    with pytest.raises(NotPublishedError, match="does not exist"):
        fetch(str(tmp_path / "nothing.csv.gz"), tmp_path)


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
def test_what_the_server_answers_says_whether_to_try_again(taxi, tmp_path, status, kind):
    taxi.faults.append(status)
    with pytest.raises(SourceError, match=f"answered {status}") as caught:
        fetch(month_address(taxi.source, "yellow", 2021, 1), tmp_path)
    assert type(caught.value) is kind


def test_a_download_that_breaks_off_is_worth_another_try_and_leaves_no_month(taxi, tmp_path):
    address = month_address(taxi.source, "yellow", 2021, 1)
    taxi.faults.append(0)
    with pytest.raises(UnavailableError):
        fetch(address, tmp_path)
    assert not (tmp_path / "yellow_tripdata_2021-01.csv.gz").exists()
    assert fetch(address, tmp_path).stat().st_size > 0


def test_a_server_that_is_gone_is_worth_another_try(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(UnavailableError):
            fetch(f"http://127.0.0.1:{unused.getsockname()[1]}/x.csv.gz", tmp_path)


@pytest.mark.parametrize("address", ["ftp://example.com/x.csv.gz", "gs://bucket/x.csv.gz"])
def test_an_address_of_another_kind_is_refused(tmp_path, address):
    with pytest.raises(SourceError, match="Use https://, file:// or a folder"):
        fetch(address, tmp_path)


def test_no_secret_of_an_address_reaches_a_log():
    assert shown("https://me:pass@example.com:8443/a.csv?sig=abc#x") == (
        "https://example.com:8443/a.csv"
    )
    assert shown("/data/a.csv.gz") == "/data/a.csv.gz"


def test_no_secret_of_an_address_reaches_an_error(taxi, tmp_path):
    address = month_address(taxi.source, "yellow", 2021, 1).replace("//", "//me:pass@")
    taxi.faults += [404, 0]
    for _ in range(2):
        with pytest.raises(SourceError) as caught:
            fetch(f"{address}?sig=abc", tmp_path)
        assert "pass" not in str(caught.value)
        assert "abc" not in str(caught.value)
