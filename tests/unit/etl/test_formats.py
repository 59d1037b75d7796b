"""Files that are not a month of trips, by their first bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

from flowship.etl.errors import SourceError
from flowship.etl.formats import ENOUGH, refuse_other_format

MONTH = b"VendorID,lpep_pickup_datetime\n1,2021-01-01 00:00:00\n" * 20
TABLE = pa.table({"VendorID": [1]})


def _zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("m.csv", MONTH)
    return target.getvalue()


def _tar(how: int) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=how) as archive:
        entry = tarfile.TarInfo("m.csv")
        entry.size = len(MONTH)
        archive.addfile(entry, io.BytesIO(MONTH))
    return target.getvalue()


def _written(write) -> bytes:
    target = io.BytesIO()
    write(TABLE, target)
    return target.getvalue()


def _database() -> bytes:
    database = sqlite3.connect(":memory:")
    database.execute("create table trips (VendorID)")
    return database.serialize() if hasattr(database, "serialize") else b"SQLite format 3\0" + MONTH


REFUSED = {
    "zip": (_zip(), "a zip archive"),
    "tar": (_tar(tarfile.GNU_FORMAT), "a tar archive"),
    "tar, POSIX": (_tar(tarfile.PAX_FORMAT), "a tar archive"),
    "zstd": (pa.compress(MONTH, codec="zstd", asbytes=True), "compressed with zstd"),
    "lz4": (pa.compress(MONTH, codec="lz4", asbytes=True), "compressed with lz4"),
    "bzip2": (bz2.compress(MONTH), "compressed with bzip2"),
    "xz": (lzma.compress(MONTH), "compressed with xz"),
    "Feather": (_written(feather.write_feather), "an Arrow (Feather) file"),
    "ORC": (_written(orc.write_table), "an ORC file"),
    "SQLite": (_database(), "an SQLite database"),
    "HTML": (b"\xef\xbb\xbf\r\n <!DOCTYPE HTML><html>Sign in</html>", "a web page (HTML)"),
    "XML": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "an XML document"),
    "JSON": (b'{"message": "Not Found"}', "JSON"),
    "git-LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
        "a git-LFS pointer, not the file itself",
    ),
    "git-annex": (b"/annex/objects/SHA256E-s12--00.csv.gz\n", "a git-annex pointer"),
    "UTF-16": (MONTH.decode().encode("utf-16"), "text in UTF-16"),
    "UTF-16 without a mark": (MONTH.decode().encode("utf-16-le"), "binary data"),
    "zeros": (bytes(600), "binary data"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "in gzip"])
@pytest.mark.parametrize("name", REFUSED)
def test_another_format_is_named(name, packed):
    content, what = REFUSED[name]
    with pytest.raises(SourceError) as caught:
        refuse_other_format(content[:ENOUGH], "m.csv.gz", packed=packed)
    inside = "inside gzip, it is" if packed else "it is"
    assert caught.value.message.startswith(f"m.csv.gz is not a month of trips: {inside} {what}")
    assert caught.value.code == "source-format-unsupported"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "what"),
    [(gzip.compress(MONTH), "another gzip file"), (_written(pq.write_table), "a Parquet file")],
    ids=["gzip", "parquet"],  # gzip writes the time, and all workers must have the same names
)
def test_a_format_that_is_read_is_refused_inside_gzip(content, what):
    with pytest.raises(SourceError, match=f"inside gzip, it is {what}"):
        refuse_other_format(content[:ENOUGH], "m.csv.gz", packed=True)


@pytest.mark.parametrize(
    "content", [MONTH, b"\xef\xbb\xbf" + MONTH, b'"VendorID"\n\0\n', b"", b"PK,BZ\n"]
)
def test_csv_is_accepted(content):
    refuse_other_format(content[:ENOUGH], "m.csv")
    refuse_other_format(content[:ENOUGH], "m.csv.gz", packed=True)
