from __future__ import annotations

import gzip
import random
import zlib

import pytest

from flowship.etl import gunzip as module
from flowship.etl.errors import SourceError
from flowship.etl.gunzip import PIECE, gunzip

TEXT = random.Random(7).randbytes(300_000) + b"a,b,c\n" * 50_000


@pytest.fixture(params=["isal", "zlib"], autouse=True)
def _inflater(request, monkeypatch):
    """Both libraries: if isal is missing, zlib must give the same result."""
    if request.param == "zlib":
        monkeypatch.setattr(module, "inflater", zlib)
    else:
        pytest.importorskip("isal")


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("size", [7, 1_000, 1 << 20])
def test_the_plain_bytes_are_those_that_were_compressed(size):
    assert b"".join(gunzip(_pieces(gzip.compress(TEXT), size), "m")) == TEXT


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
@pytest.mark.parametrize("padding", [b"", b"\0\0\0\0"])
def test_several_members_are_one_file_and_zeros_at_the_end_are_ignored(size, padding):
    zipped = gzip.compress(b"one\n") + gzip.compress(b"") + gzip.compress(b"two\n") + padding
    assert b"".join(gunzip(_pieces(zipped, size), "m")) == b"one\ntwo\n"


@pytest.mark.parametrize("missing", [1, 8, 9, 1_000])
def test_a_truncated_file_is_refused(missing):
    with pytest.raises(
        SourceError, match=r"month\.csv\.gz cannot be read: the gzip data is truncated"
    ):
        list(gunzip([gzip.compress(TEXT)[:-missing]], "month.csv.gz"))


def test_damaged_data_is_refused():
    zipped = bytearray(gzip.compress(TEXT))
    zipped[1_000:1_100] = bytes(100)
    zipped[-8:-4] = b"\1\2\3\4"  # the checksum
    with pytest.raises(SourceError, match="damaged"):
        list(gunzip([bytes(zipped)], "m"))


def test_a_zip_bomb_comes_in_small_pieces():
    bomb = gzip.compress(bytes(50 << 20))
    assert max(map(len, gunzip([bomb], "m"))) <= PIECE
