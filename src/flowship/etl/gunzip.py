"""From compressed to plain bytes, piece by piece, in bounded memory.

`isal` (Intel's library) inflates two to three times as fast as zlib; where it is not
installed, Python's own zlib does the same work.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from flowship.etl.errors import SourceError

inflater: Any
try:
    from isal import isal_zlib as inflater
except ImportError:
    inflater = zlib

MAGIC = b"\x1f\x8b"
PIECE = 1 << 20  # plain bytes handed on at a time, at most: a zip bomb does not fit in memory

_GZIP_WINDOW = 31  # zlib's code for "a gzip header, the largest window"


def gunzip(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The plain bytes of a gzip file of one or more members.

    Args:
        chunks: The compressed bytes.
        name: What the file is called in an error.

    Raises:
        SourceError: The file ends too early, or is damaged.
    """
    member = inflater.decompressobj(wbits=_GZIP_WINDOW)
    begun = False
    try:
        for chunk in chunks:
            data = chunk
            while data:
                if member.eof:
                    member, begun = inflater.decompressobj(wbits=_GZIP_WINDOW), False
                if not begun:
                    data = data.lstrip(b"\0")  # some writers pad the end with zeros
                    begun = bool(data)
                    continue
                plain = member.decompress(data, PIECE)
                data = member.unused_data if member.eof else member.unconsumed_tail
                if plain:
                    yield plain
            while not member.eof and begun and (plain := member.decompress(b"", PIECE)):
                yield plain
    except (inflater.error, zlib.error) as exc:
        raise SourceError(f"{name} cannot be read: the gzip data is damaged ({exc})") from exc
    if begun and not member.eof:
        raise SourceError(
            f"{name} cannot be read: it is truncated, the gzip data ends too early",
            hint="fetch it again later; the published file itself is incomplete",
        )
