"""What is stored about a month, next to it."""

from __future__ import annotations

import json

import pytest

from flowship.etl.destination import FolderDestination
from flowship.etl.manifest import (
    Manifest,
    MonthResult,
    code_version,
    read_manifest,
    write_manifest,
    write_text,
)
from flowship.etl.source import Fingerprint

KEY = "data/green/green_tripdata_2021-01.parquet"
STORED = "data/green/_green_tripdata_2021-01.json"
RESULT = MonthResult("green", 2021, 1, "written", missing=("airport_fee",), nulls={"fee": 3})
MANIFEST = Manifest(Fingerprint(etag='"a"', size=7), "abc", RESULT)


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    destination = FolderDestination(tmp_path)
    assert read_manifest(destination, KEY) is None
    write_manifest(destination, KEY, MANIFEST)
    assert read_manifest(destination, KEY) == MANIFEST


def test_a_manifest_of_a_newer_version_is_read_without_its_new_fields(tmp_path):
    destination = FolderDestination(tmp_path)
    write_manifest(destination, KEY, MANIFEST)
    stored = json.loads((tmp_path / STORED).read_text())
    stored["result"]["new"] = 1
    write_text(destination, STORED, json.dumps(stored))
    assert read_manifest(destination, KEY) == MANIFEST


@pytest.mark.parametrize("lost", ["fingerprint", "code", "result"])
def test_a_manifest_that_lacks_a_part_is_ignored(tmp_path, lost):
    destination = FolderDestination(tmp_path)
    write_manifest(destination, KEY, MANIFEST)
    stored = json.loads((tmp_path / STORED).read_text())
    del stored[lost]
    write_text(destination, STORED, json.dumps(stored))
    assert read_manifest(destination, KEY) is None


def test_the_version_of_the_code_is_a_short_hash():
    assert len(code_version()) == 16
    assert code_version() == code_version()


def test_a_month_is_labelled_by_colour_and_date():
    assert RESULT.label == "green 2021-01"
