from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from flowship.etl.destination import (
    ALLOW_UNMOUNTED,
    BlockDestination,
    FolderDestination,
    in_container,
    is_block,
    is_mounted,
    object_key,
    open_destination,
    sidecar_key,
)
from flowship.etl.errors import DestinationError


@pytest.fixture
def _no_override(monkeypatch):
    monkeypatch.delenv(ALLOW_UNMOUNTED, raising=False)


def _contained(*, mounted: bool):
    return {"contained": lambda: True, "mounted": lambda _folder: mounted}


@pytest.fixture
def parquet(tmp_path) -> Path:
    file = tmp_path / "month.parquet"
    file.write_bytes(b"PAR1")
    return file


def test_a_key_has_the_colour_as_folder_and_two_digits_for_the_month():
    assert object_key("green", 2021, 2) == "data/green/green_tripdata_2021-02.parquet"


@pytest.mark.parametrize("text", ["gcs-bucket/taxi", "local-file-system/My_Data", "s3-bucket/a-b"])
def test_a_slug_is_a_block(text):
    assert is_block(text)


@pytest.mark.parametrize(
    "text", [".", "out", "./out/taxi", "/data", "/data/taxi", "~/taxi", "../a/b", "a/b/c", "a/"]
)
def test_everything_else_is_a_folder(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not is_block(text)
    assert isinstance(open_destination(text, contained=lambda: False), FolderDestination)


def test_a_missing_folder_is_created_and_holds_the_month_under_its_key(tmp_path, parquet):
    folder = tmp_path / "new" / "out"
    where = open_destination(str(folder), contained=lambda: False).write(parquet, "data/m.parquet")
    assert where == str(folder / "data" / "m.parquet")
    assert Path(where).read_bytes() == b"PAR1"
    assert [p.name for p in (folder / "data").iterdir()] == ["m.parquet"]


def test_writing_again_replaces_the_month(tmp_path, parquet):
    destination = FolderDestination(tmp_path / "out")
    destination.write(parquet, "m.parquet")
    parquet.write_bytes(b"PAR1 and more")
    assert Path(destination.write(parquet, "m.parquet")).read_bytes() == b"PAR1 and more"


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path, parquet):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DestinationError, match="cannot be written"):
        FolderDestination(tmp_path / "file").write(parquet, "data/m.parquet")


@pytest.mark.usefixtures("_no_override")
def test_an_unmounted_folder_in_a_container_is_refused_with_both_alternatives(tmp_path):
    with pytest.raises(DestinationError) as caught:
        open_destination(str(tmp_path), **_contained(mounted=False))
    text = str(caught.value)
    assert "lost when the container is removed" in text
    assert "gcs-bucket/" in text
    assert f'[block] volumes = ["/path/on/the/worker:{tmp_path.resolve()}"]' in text


@pytest.mark.usefixtures("_no_override")
def test_the_suggested_mount_never_hides_the_flow(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for destination in (".", str(tmp_path), str(tmp_path.parent)):
        with pytest.raises(DestinationError, match=r'worker:/data"\] and destination /data;'):
            open_destination(destination, **_contained(mounted=False))
    with pytest.raises(DestinationError, match=f'worker:{tmp_path}/out"'):
        open_destination("./out", **_contained(mounted=False))


@pytest.mark.usefixtures("_no_override")
def test_a_mounted_folder_in_a_container_is_accepted(tmp_path):
    assert open_destination(str(tmp_path), **_contained(mounted=True))


def test_the_environment_variable_allows_an_unmounted_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(ALLOW_UNMOUNTED, "1")
    assert open_destination(str(tmp_path), **_contained(mounted=False))


@pytest.mark.usefixtures("_no_override")
def test_a_kubernetes_pod_is_a_container(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert in_container()
    with pytest.raises(DestinationError):
        open_destination(str(tmp_path), mounted=lambda _folder: False)


@pytest.mark.parametrize("folder", ["/dev/shm/taxi", "/proc", "/run/taxi"])
def test_a_mount_that_every_container_has_does_not_count(folder):
    assert not is_mounted(Path(folder))


def test_the_root_of_the_file_system_does_not_count_as_a_mount():
    assert not is_mounted(Path("/"))


class _AsyncFileSystem:
    """A block as Prefect's guide to writing one shows it: ``write_path`` is a coroutine."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def write_path(self, path: str, content: bytes) -> None:
        self.files[path] = content


def test_a_block_whose_methods_are_async_is_written_to(parquet):
    block = _AsyncFileSystem()
    where = BlockDestination("my-files/x", block).write(parquet, "data/m.parquet")
    assert block.files == {"data/m.parquet": b"PAR1"}
    assert where == "my-files/x: data/m.parquet"


def test_a_block_that_cannot_be_read_has_no_content_and_is_assumed_to_hold_keys():
    destination = BlockDestination("my-files/x", _AsyncFileSystem())
    assert destination.read("data/m.parquet") is None
    assert destination.holds("data/m.parquet", 1)


class _Bucket:
    """A bucket as S3's block is one, in a folder of its own; every client error is its own."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def list_objects(self, folder: str) -> list[dict[str, str]]:
        return [{"Key": name} for name in self.objects if name.startswith(f"mine/{folder}")]

    def read_path(self, path: str) -> bytes:
        return self.objects[f"mine/{path}"]

    def upload_from_path(self, _path: Path, to_path: str) -> str:
        raise RuntimeError(f"AccessDenied: {to_path}")


def test_a_bucket_is_listed_before_it_is_read():
    destination = BlockDestination("s3-bucket/x", _Bucket({"mine/data/a.json": b"{}"}))
    assert destination.read("data/a.json") == b"{}"
    assert destination.read("data/b.json") is None
    assert (destination.holds("data/a.json", 2), destination.holds("a.json.gz", 2)) == (True, False)


def test_an_exception_of_a_vendors_client_becomes_an_error_of_the_destination(parquet):
    destination = BlockDestination("s3-bucket/x", _Bucket({}))
    with pytest.raises(DestinationError, match=r"s3-bucket/x .*AccessDenied: data/m"):
        destination.write(parquet, "data/m.parquet")


def test_an_interrupted_write_leaves_no_file(tmp_path):
    destination = FolderDestination(tmp_path / "out")

    def break_off() -> None:
        with destination.staging("data/m.parquet") as part:
            part.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert not list((tmp_path / "out").rglob("*m.parquet*"))


def test_the_file_of_a_killed_run_is_removed_after_a_day(tmp_path):
    for name, age in (("old", 25 * 3600), ("young", 60)):
        part = tmp_path / f".m.parquet.{name}.part"
        part.write_bytes(b"half")
        os.utime(part, (time.time() - age,) * 2)
    (tmp_path / ".other.parquet.old.part").touch()
    with FolderDestination(tmp_path).staging("m.parquet"):
        pass
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left == [".m.parquet.young.part", ".other.parquet.old.part"]


def test_two_runs_of_one_month_use_separate_files(tmp_path):
    destination = FolderDestination(tmp_path)
    with destination.staging("m.parquet") as one, destination.staging("m.parquet") as other:
        one.write_bytes(b"one")
        other.write_bytes(b"other")
        destination.write(one, "m.parquet")
        assert (tmp_path / "m.parquet").read_bytes() == b"one"
        destination.write(other, "m.parquet")
    assert [p.name for p in tmp_path.iterdir()] == ["m.parquet"]
    assert (tmp_path / "m.parquet").read_bytes() == b"other"


def test_a_sidecar_is_in_the_same_folder_with_an_underscore():
    assert sidecar_key("data/green/m.parquet", "json") == "data/green/_m.json"


@pytest.mark.parametrize("address", ["gs://taxi/lake", "s3://taxi", "https://example.com/taxi"])
def test_the_url_of_a_bucket_is_refused(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DestinationError, match="is a URL") as caught:
        open_destination(address)
    assert "gcs-bucket/" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["gcs-bucket", "gcs-bucket/taxi/lake", "s3-bucket/"])
def test_an_incomplete_block_name_is_refused(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DestinationError, match="not the name of a block") as caught:
        open_destination(text)
    assert f"./{text}" in str(caught.value)
    assert open_destination(f"./{text}") == FolderDestination(Path(text))


def test_an_empty_destination_is_refused():
    with pytest.raises(DestinationError, match="is empty"):
        open_destination("")


def test_a_prefect_api_that_does_not_answer_is_reported(tmp_path):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        pytest.raises(DestinationError, match="is not responding"),
    ):
        open_destination("gcs-bucket/taxi")
