"""httpx, imported without its command line and without HTTP/2.

Both are optional parts that httpx and httpcore import if their packages are installed. In a
flowship environment they are, because rich and Prefect bring them; flowship uses neither, and
they are a third of httpx's import (30 ms of each command that asks a server or a registry).
httpx must therefore be imported from here, except where Prefect's client runs in the same
process: inside the image.

What a server answers is read up to a limit: `LIMITED` are the options of a client for that.
"""

from __future__ import annotations

import sys
import time
import zlib
from typing import Any

_UNUSED = ("httpx._main", "h2")

_hidden = [name for name in _UNUSED if name not in sys.modules]
for _name in _hidden:
    sys.modules[_name] = None  # type: ignore[assignment]  # makes its import an ImportError
try:
    import httpcore
    import httpx
finally:
    for _name in _hidden:
        del sys.modules[_name]

__all__ = ["LIMITED", "httpcore", "httpx"]

LARGEST_ANSWER = 1 << 25
"""Bytes of an answer, after decompression; Prefect and registries send a few megabytes at most."""

LONGEST_ANSWER = 120
"""Seconds for a whole answer; the time-out of a client is for each piece of it."""


def _read_limited(response: httpx.Response) -> None:
    """Read the body of a response here, before httpx reads all of it.

    Raises:
        httpx.DecodingError: It is too large, or its compression is damaged or unknown.
        httpx.ReadTimeout: It takes too long.
    """
    data = b"" if response.is_redirect else _body(response)
    response.stream.close()  # type: ignore[union-attr]  # a client's streams are synchronous
    response.headers.pop("Content-Encoding", None)
    response.stream = httpx.ByteStream(data)


def _body(response: httpx.Response) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip", "deflate"):  # what the client has asked for
        raise _unreadable(response, f"it has an unknown compression: {encoding[:40]}")
    decoder = zlib.decompressobj(wbits=47) if encoding != "identity" else None  # gzip or zlib
    parts, size, until = [], 0, time.monotonic() + LONGEST_ANSWER
    try:
        for piece in response.stream:  # type: ignore[union-attr]  # see above
            part = decoder.decompress(piece, LARGEST_ANSWER + 1) if decoder else piece
            size += len(part)
            if size > LARGEST_ANSWER:
                raise _unreadable(response, f"it is larger than {LARGEST_ANSWER >> 20} MB")
            if time.monotonic() > until:
                raise httpx.ReadTimeout("the answer does not end", request=response.request)
            parts.append(part)
    except zlib.error as exc:
        raise _unreadable(response, "its compression is damaged") from exc
    if decoder and size and not decoder.eof:
        raise _unreadable(response, "its compression is damaged")
    return b"".join(parts)


def _unreadable(response: httpx.Response, why: str) -> httpx.DecodingError:
    return httpx.DecodingError(f"cannot read the answer: {why}", request=response.request)


LIMITED: dict[str, Any] = {
    "event_hooks": {"response": [_read_limited]},
    "max_redirects": 10,
}
