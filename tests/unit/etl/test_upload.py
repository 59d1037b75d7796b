"""Uploads while a file is written, with Google's real client and an emulator of the bucket."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from parts.gcs import GcsEmulator
from prefect_gcp import GcpCredentials, GcsBucket

from flowship.etl.destination import BlockDestination
from flowship.etl.upload import PIECE, AbandonedError, GrowingFile, Upload

KEY = "data/green/green_tripdata_2021-01.parquet"


def soon(happened: Callable[[], object]) -> None:
    """Wait for it, a minute at most."""
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.02)


# --- a file that grows -----------------------------------------------------------------------


def test_fewer_bytes_are_returned_only_at_the_end(tmp_path):
    path = tmp_path / "part"
    path.write_bytes(b"abc")
    file = GrowingFile(path)

    def write_the_rest() -> None:
        with path.open("ab") as more:
            more.write(b"defg")
        file.complete()

    threading.Timer(0.2, write_the_rest).start()
    assert file.read(5) == b"abcde"
    assert file.read(5) == b"fg"
    assert file.read(5) == b""
    file.close()


def test_a_growing_file_can_seek_back_but_not_to_its_end(tmp_path):
    path = tmp_path / "part"
    path.write_bytes(b"abcdef")
    with GrowingFile(path) as file:
        assert (file.read(4), file.tell()) == (b"abcd", 4)
        file.seek(2)
        assert (file.read(2), file.tell()) == (b"cd", 4)
        for ask in (lambda: file.seek(0, io.SEEK_END), file.fileno, file.read):
            with pytest.raises(io.UnsupportedOperation):
                ask()
        assert not file.seekable()


def test_waiting_for_an_abandoned_file_is_an_error(tmp_path):
    file = GrowingFile(tmp_path / "never-made")
    threading.Timer(0.2, file.abandon).start()
    with pytest.raises(AbandonedError):
        file.reaches(1)


# --- its upload --------------------------------------------------------------------------------


def test_a_small_file_is_not_sent_in_advance(tmp_path):
    path, sent = tmp_path / "part", []
    with Upload(path, sent.append) as upload:
        path.write_bytes(b"small")
        assert not upload.finish()
    assert sent == []


def test_a_failed_upload_is_reported_as_not_stored(tmp_path):
    path = tmp_path / "part"

    def send(file: io.RawIOBase) -> None:
        file.read(1)
        raise ConnectionError("the bucket is down")

    with Upload(path, send) as upload:
        path.write_bytes(bytes(PIECE))
        assert not upload.finish()


def test_an_abandoned_upload_never_sees_the_end_of_the_file(tmp_path):
    path, begun, ended = tmp_path / "part", threading.Event(), []

    def send(file: io.RawIOBase) -> None:
        begun.set()
        try:
            while file.read(PIECE):
                pass
        except AbandonedError:
            ended.append("abandoned")
            raise
        ended.append("whole")

    with Upload(path, send):
        path.write_bytes(bytes(PIECE))
        assert begun.wait(60)
    soon(lambda: ended)
    assert ended == ["abandoned"]


# --- into a bucket -----------------------------------------------------------------------------


@pytest.fixture
def bucket(tmp_path, monkeypatch) -> Iterator[GcsEmulator]:
    with GcsEmulator(folder=tmp_path / "bucket") as emulator:
        for name, value in emulator.env.items():
            monkeypatch.setenv(name, value)
        yield emulator


@pytest.fixture
def destination(bucket: GcsEmulator) -> BlockDestination:
    credentials = GcpCredentials(service_account_info=bucket.key)
    block = GcsBucket(bucket=bucket.bucket, bucket_folder="lake", gcp_credentials=credentials)
    return BlockDestination("gcs-bucket/taxi", block)


def received(bucket: GcsEmulator) -> int:
    """Bytes of uploads that are under way."""
    assert bucket.folder is not None
    waiting = [p for p in bucket.folder.rglob("_resumable/*") if p.is_file()]
    return sum(path.stat().st_size for path in waiting)


def write(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_a_bucket_receives_the_beginning_before_the_end_is_written(bucket, destination):
    content = bytes(range(256)) * (2 * PIECE // 256 + 100)
    with destination.staging(KEY) as part, destination.uploading(part, KEY) as finish:
        write(part, content[: PIECE + 5])
        soon(lambda: received(bucket) == PIECE)
        assert bucket.objects() == []
        write(part, content[PIECE + 5 :])
        assert finish() == f"gcs-bucket/taxi: lake/{KEY}"
    assert bucket.objects() == [f"lake/{KEY}"]
    assert bucket.read(f"lake/{KEY}") == content


def test_a_failed_month_does_not_change_the_bucket(bucket, destination):
    with destination.staging(KEY) as part, destination.uploading(part, KEY):
        write(part, bytes(PIECE))
        soon(lambda: received(bucket) == PIECE)
    time.sleep(0.5)  # the upload's thread notices and ends
    assert bucket.objects() == []


def test_after_a_failed_upload_the_complete_file_is_sent(bucket, destination, monkeypatch):
    def broken(*_args: object) -> None:
        raise ConnectionError("down")

    with destination.staging(KEY) as part, destination.uploading(part, KEY) as finish:
        monkeypatch.setattr(GrowingFile, "read", broken)
        write(part, b"x" * (PIECE + 1))
        assert finish() == f"gcs-bucket/taxi: lake/{KEY}"
    assert bucket.read(f"lake/{KEY}") == b"x" * (PIECE + 1)
