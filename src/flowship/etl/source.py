"""Where a month is published: its address, and its bytes as a stream.

A source is one of `SOURCES` by name, an ``https://`` or ``file://`` template, or a folder:

- the placeholders ``{colour}``, ``{year}`` and ``{month:02}`` are filled in;
- without placeholders, it is a file of trips or a folder with files named as the TLC does.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

import httpx

from flowship.etl.errors import NotPublishedError, SourceError, UnavailableError

COURSE_MIRROR = (
    "https://github.com/DataTalksClub/nyc-tlc-data/releases/download/"
    "{colour}/{colour}_tripdata_{year}-{month:02}.csv.gz"
)
"""The Data Engineering Zoomcamp's copy of the TLC's monthly files up to 2021-07."""

OFFICIAL = (
    "https://d37ci6vzurychx.cloudfront.net/trip-data/{colour}_tripdata_{year}-{month:02}.parquet"
)
"""The TLC's own monthly files, Parquet since 2022-05; a month appears about two months later."""

SOURCES = {"mirror": COURSE_MIRROR, "official": OFFICIAL}

FILE_NAME = "{colour}_tripdata_{year}-{month:02}"
SUFFIXES = (".csv.gz", ".parquet", ".csv")  # in the order in which they are searched in a folder

CHUNK = 256 << 10  # bytes read from a local file at a time
TIMEOUT = httpx.Timeout(60, connect=15)  # seconds without data, not for the whole file
RETRY_DELAYS: tuple[float, ...] = (2, 10, 30)
"""Seconds before each retry. When data arrives, the next failure starts with the first again."""

# Status codes of temporary failures.
_WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}

SHOWN = 200  # characters of an address in an error

Notify = Callable[[str], None]


# --- addresses -----------------------------------------------------------------------------------


def month_address(source: str, colour: str, year: int, month: int) -> str:
    """The address of one month.

    Raises:
        SourceError: A placeholder that is not one of colour, year and month; or the result cannot
            be an address.
    """
    source = SOURCES.get(source, source)
    if "{" not in source and not source.endswith(SUFFIXES):
        source = f"{source.rstrip('/')}/{FILE_NAME}{SUFFIXES[0]}"
    try:
        address = source.format(colour=colour, year=year, month=month)
    except (LookupError, ValueError, AttributeError, MemoryError) as exc:  # {month:99999999999}
        raise SourceError(
            f"the source {redacted(source)!r} has invalid placeholders: {str(exc) or 'too long'}",
            hint="the placeholders are {colour}, {year} and {month:02}",
        ) from exc
    try:
        urlsplit(address)
    except ValueError as exc:  # an unclosed bracket, as in http://[::1
        raise SourceError(f"the source {redacted(source)!r} is not a valid address: {exc}") from exc
    return address


def month_addresses(source: str, colour: str, year: int, months: list[int]) -> dict[int, str]:
    """The address of every month.

    Raises:
        SourceError: As for `month_address`; or two months have the same address, so the same
            trips would be stored as two months.
    """
    addresses = {month: month_address(source, colour, year, month) for month in months}
    if len(set(addresses.values())) < len(addresses):
        raise SourceError(
            f"the source {redacted(source)!r} is the same file for every month",
            hint="use {month:02} in place of the month in the address",
        )
    return addresses


def check_address(address: str) -> None:
    """Refuse an address that cannot work for any month, without a request.

    Raises:
        SourceError: The scheme is not https, http or file; or the folder does not exist.
    """
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        return
    folder = _on_this_machine(address).parent
    if not folder.is_dir():
        raise SourceError(
            f"the source folder {folder} does not exist",
            hint="use mirror, official, a folder, or an address with {colour}, {year}"
            " and {month:02}",
        )


def redacted(address: str) -> str:
    """An address for logs: without user, password, query and fragment."""
    try:
        parts = urlsplit(address)
    except ValueError:  # not a valid address, which can contain a password all the same
        return re.sub(r"//[^/]*@", "//", address.partition("?")[0])
    if parts.scheme not in ("http", "https"):
        return address
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


# --- the stream ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fingerprint:
    """Identifies one state of a published file.

    Attributes:
        etag: The server's ETag.
        modified: The server's Last-Modified, or a local file's time in nanoseconds.
        size: Bytes.
        sha256: Hash of the whole content; only if the source reports neither of the first two.
    """

    etag: str = ""
    modified: str = ""
    size: int | None = None
    sha256: str = ""

    @property
    def identifies(self) -> bool:
        """Whether equal fingerprints mean equal files, so that the content need not be read."""
        return bool(self.etag or self.modified)


@dataclass
class Stream:
    """A published file, opened.

    Attributes:
        name: The file's name, for messages.
        fingerprint: Its state.
        unchanged: Whether it is in the state that was known before; then it has no chunks.
        chunks: Its bytes, which can be read once.
        path: Its path, if it is on this machine.
    """

    name: str
    fingerprint: Fingerprint
    unchanged: bool = False
    chunks: Iterator[bytes] = field(default_factory=lambda: iter(()))
    path: Path | None = None


def _ignore(_line: str) -> None:
    pass


@contextmanager
def open_source(
    address: str,
    known: Fingerprint | None = None,
    notify: Notify = _ignore,
    stop: threading.Event | None = None,
) -> Iterator[Stream]:
    """Open the file at `address`, unless it is still in the state `known`.

    Both cases take one request. Temporary failures are retried after `RETRY_DELAYS`; a download
    that breaks off is resumed.

    Args:
        address: ``https://``, ``http://``, ``file://`` or a path.
        known: The state of the file when it was last read.
        notify: Receives a line about each retry.
        stop: When set, there are no more retries.

    Raises:
        NotPublishedError: The file does not exist.
        UnavailableError: All retries failed.
        SourceError: The server refused the request, or the address cannot work.
    """
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        with httpx.Client(follow_redirects=True, timeout=TIMEOUT) as client:
            download = _Download(client, address, notify, stop or threading.Event())
            try:
                yield download.open(known)
            finally:
                download.close()
        return
    try:
        path = _local_path(address)
        stat = path.stat()
    except (OSError, ValueError) as exc:  # a name that is too long, or a folder without permission
        raise SourceError(
            f"{address[:SHOWN]} cannot be read: {getattr(exc, 'strerror', None) or exc}",
            code="source-unreadable",
            hint="check the path and its permissions",
        ) from exc
    state = Fingerprint(modified=str(stat.st_mtime_ns), size=stat.st_size)
    if state == known:
        yield Stream(path.name, state, unchanged=True, path=path)
        return
    yield Stream(path.name, state, chunks=_read_chunks(path), path=path)


def _on_this_machine(address: str) -> Path:
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    if "://" in address:
        raise SourceError(
            f"{redacted(address)}: {parts.scheme}:// addresses are not supported",
            hint="use https://, file:// or a folder",
        )
    try:
        return Path(address).expanduser()
    except RuntimeError as exc:  # ~name of an unknown user
        raise SourceError(
            f"the source folder {address} does not exist: {exc}",
            hint="write the complete path of the folder",
        ) from exc


def _local_path(address: str) -> Path:
    path = _on_this_machine(address)
    if path.is_file():
        return path
    # The folder may have the same month in another format.
    suffix = next((s for s in SUFFIXES if path.name.endswith(s)), "")
    stem = path.name.removesuffix(suffix)
    others = [other for other in SUFFIXES if suffix and other != suffix]
    for other in others:
        if (path.parent / f"{stem}{other}").is_file():
            return path.parent / f"{stem}{other}"
    other = f", nor with {' or '.join(others)}" if others else ""
    raise NotPublishedError(f"{path} does not exist{other}")


def _read_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as exc:
        raise SourceError(
            f"{path} cannot be read: {exc.strerror or exc}", code="source-unreadable"
        ) from exc


class _Download:
    """One file over HTTP, with as many connections as it takes."""

    def __init__(
        self, client: httpx.Client, address: str, notify: Notify, stop: threading.Event
    ) -> None:
        self._client = client
        self._address = address
        self._notify = notify
        self._stop = stop
        self._response: httpx.Response | None = None
        self._received = 0
        self._failures = 0

    def open(self, known: Fingerprint | None) -> Stream:
        """Request the file."""
        # "identity", because the file is already compressed and must arrive as it is stored.
        headers = {"Accept-Encoding": "identity"}
        if known and known.etag:
            headers["If-None-Match"] = known.etag
        elif known and known.modified:
            headers["If-Modified-Since"] = known.modified
        response = self._ask(headers)
        name = Path(urlsplit(self._address).path).name
        if response.status_code == httpx.codes.NOT_MODIFIED and known:
            return Stream(name, known, unchanged=True)
        state = _state(response)
        if known and state.identifies and state == replace(known, sha256=""):
            return Stream(name, state, unchanged=True)
        return Stream(name, state, chunks=self._chunks(response, state))

    def close(self) -> None:
        """Close the connection, without downloading the rest."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def _chunks(self, response: httpx.Response, state: Fingerprint) -> Iterator[bytes]:
        skip = 0  # bytes that a server without range requests sends again
        while True:
            try:
                for chunk in response.iter_raw():  # no fixed size, which would delay the last bytes
                    fresh = chunk[skip:]
                    skip -= len(chunk) - len(fresh)
                    if fresh:
                        self._received += len(fresh)
                        self._failures = 0
                        yield fresh
                return
            except httpx.HTTPError as exc:
                self._wait_or_raise(_explain(exc, self._address), exc)
            response = self._resume(state)
            skip = 0 if response.status_code == httpx.codes.PARTIAL_CONTENT else self._received

    def _resume(self, state: Fingerprint) -> httpx.Response:
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={self._received}-"}
        # If-Range does not allow a weak ETag; the state of the response is compared in any case.
        validator = state.etag if not state.etag.startswith("W/") else state.modified
        if validator:
            headers["If-Range"] = validator
        response = self._ask(headers)
        now = _state(response)
        if response.status_code == httpx.codes.PARTIAL_CONTENT:
            content_range = response.headers.get("Content-Range", "")
            fits = content_range.startswith(f"bytes {self._received}-")
            now = replace(now, size=state.size)
        else:
            fits = True
        if not fits or now != state:
            raise UnavailableError(
                f"{redacted(self._address)}: the file changed while it was read",
                code="source-changed",
                hint="load the month again",
            )
        return response

    def _ask(self, headers: dict[str, str]) -> httpx.Response:
        while True:
            self.close()
            try:
                request = self._client.build_request("GET", self._address, headers=headers)
                self._response = self._client.send(request, stream=True)
                _refuse_bad_status(self._response, self._address)
                return self._response
            except UnavailableError as exc:
                self._wait_or_raise(exc, exc)
            except (httpx.HTTPError, httpx.InvalidURL) as exc:
                self._wait_or_raise(_explain(exc, self._address), exc)

    def _wait_or_raise(self, error: SourceError, cause: Exception) -> None:
        if not isinstance(error, UnavailableError) or self._failures >= len(RETRY_DELAYS):
            raise error from cause
        delay = RETRY_DELAYS[self._failures]
        self._failures += 1
        self._notify(f"{error.message}; retrying in {delay:g} s")
        if self._stop.wait(delay):
            raise error from cause


def _state(response: httpx.Response) -> Fingerprint:
    length = response.headers.get("Content-Length", "")
    return Fingerprint(
        etag=response.headers.get("ETag", ""),
        modified=response.headers.get("Last-Modified", ""),
        size=int(length) if length.isdigit() else None,
    )


def _refuse_bad_status(response: httpx.Response, address: str) -> None:
    status = response.status_code
    if status in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT, httpx.codes.NOT_MODIFIED):
        return
    phrase = f"{status} {response.reason_phrase}".rstrip()
    message = f"{redacted(address)}: the server returned {phrase}"
    if status in (404, 410):
        raise NotPublishedError(message, hint="this month is not published there (yet)")
    if status in _WORTH_RETRYING:
        raise UnavailableError(message)
    hint = "some servers also return 403 if the month does not exist" if status == 403 else ""
    raise SourceError(message, code="source-refused", hint=hint)


def _explain(exc: Exception, address: str) -> SourceError:
    message = f"{redacted(address)}: {str(exc) or type(exc).__name__}"
    if "CERTIFICATE_VERIFY_FAILED" in message:
        return SourceError(
            message,
            code="source-untrusted",
            hint="set SSL_CERT_FILE to a bundle with your network's certificate",
        )
    if isinstance(exc, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return SourceError(message)
    if isinstance(exc, httpx.TransportError):
        return UnavailableError(message)
    return SourceError(message)
