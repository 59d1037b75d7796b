"""Recognizes what a file is by its first bytes, if it is not a month of trips."""

from __future__ import annotations

from flowship.etl.errors import SourceError

ENOUGH = 512
"""Bytes from which every format here is recognized."""

GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"

_UNPACK = "unpack it, and use the file of the month in it"
_CONVERT = "use CSV (plain or in gzip) or Parquet"

# First bytes, what they are, and what to do.
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook", _UNPACK),
    (b"PK\x05\x06", "an empty zip archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", f"decompress it first: {_CONVERT}"),
    (b"BZh", "compressed with bzip2", f"decompress it first: {_CONVERT}"),
    (b"\xfd7zXZ\x00", "compressed with xz", f"decompress it first: {_CONVERT}"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", f"decompress it first: {_CONVERT}"),
    (b"\xff\x06\x00\x00sNaPpY", "compressed with snappy", f"decompress it first: {_CONVERT}"),
    (b"\x1f\x9d", "compressed with compress (.Z)", f"decompress it first: {_CONVERT}"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a rar archive", _UNPACK),
    (b"ARROW1", "an Arrow (Feather) file", _CONVERT),
    (b"ORC", "an ORC file", _CONVERT),
    (b"Obj\x01", "an Avro file", _CONVERT),
    (b"PARE", "an encrypted Parquet file", "decrypt it first"),
    (b"SQLite format 3\x00", "an SQLite database", _CONVERT),
    (b"\x89HDF", "an HDF5 file", _CONVERT),
    (b"%PDF-", "a PDF document", "check the address of the source"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", _CONVERT),
    (b"\xff\xfe", "text in UTF-16", "convert it to UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "convert it to UTF-8"),
)

_ADDRESS = "open the address in a browser: the server did not send a month of trips"

# Beginnings of a text, in lower case.
_TEXTS: tuple[tuple[bytes, str, str], ...] = (
    (
        b"version https://git-lfs.github.com/spec/",
        "a git-LFS pointer, not the file itself",
        "run git lfs pull in the repository with the file",
    ),
    (
        b"/annex/objects/",
        "a git-annex pointer, not the file itself",
        "run git annex get in the repository with the file",
    ),
    (b"<!doctype html", "a web page (HTML)", _ADDRESS),
    (b"<html", "a web page (HTML)", _ADDRESS),
    (b"<head", "a web page (HTML)", _ADDRESS),
    (b"<?xml", "an XML document, perhaps the error of a storage service", _ADDRESS),
    (b"<", "a document with markup (HTML or XML)", _ADDRESS),
    (b"{", "JSON, perhaps the error of a service", _ADDRESS),
    (b"[", "JSON", _CONVERT),
)


def refuse_other_format(begin: bytes, name: str, *, packed: bool = False) -> None:
    """Refuse a file that is neither CSV nor Parquet.

    Args:
        begin: Its first bytes, `ENOUGH` of them unless it is shorter; not those of a gzip or
            Parquet file, unless `packed`.
        name: Its name, for the error.
        packed: These are the bytes inside a gzip file.

    Raises:
        SourceError: It has another format; the message names it.
    """
    found = _recognized(begin, packed=packed)
    if found is None:
        return
    what, hint = found
    inside = "inside gzip, it is" if packed else "it is"
    raise SourceError(
        f"{name} is not a month of trips: {inside} {what}",
        code="source-format-unsupported",
        hint=hint,
    )


def _recognized(begin: bytes, *, packed: bool) -> tuple[str, str] | None:
    if packed and begin.startswith(GZIP):
        return "another gzip file", "decompress it once"
    if packed and begin.startswith(PARQUET):
        return "a Parquet file", "decompress it: Parquet has a compression of its own"
    for magic, what, hint in _MAGIC:
        if begin.startswith(magic):
            return what, hint
    if begin[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    text = begin.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, what, hint in _TEXTS:
        if text.startswith(start):
            return what, hint
    if b"\0" in begin.partition(b"\n")[0]:
        return "binary data in an unknown format", _CONVERT
    return None
