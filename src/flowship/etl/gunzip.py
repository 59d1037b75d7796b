"""Decompresses gzip data piece by piece, in bounded memory.

`isal` (Intel's library) is two to three times as fast as zlib; if it is not installed, Python's
own zlib does the same work.
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

PIECE = 1 << 20  # plain bytes in one piece, at most, so that a zip bomb does not fill the memory

_GZIP_WINDOW = 31  # zlib's code for a gzip header and the largest window


def gunzip(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The plain bytes of a gzip file of one or more members.

    Args:
        chunks: The compressed bytes.
        name: The file's name, for errors.

    Raises:
        SourceError: The file is truncated or damaged.
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
        raise SourceError(
            f"{name} cannot be read: the gzip data is damaged ({exc})", code="source-damaged"
        ) from exc
    if begun and not member.eof:
        raise SourceError(
            f"{name} cannot be read: the gzip data is truncated",
            code="source-damaged",
            hint="try again later: the published file itself is incomplete",
        )
