"""Where a month comes from: its address, and its bytes as a stream.

A source is one of `SOURCES` by name, an ``https://`` or ``file://`` template, or a folder:

- with the placeholders ``{colour}``, ``{year}`` and ``{month:02}``, they are filled in;
- without any, and not itself a file of trips, it holds the months under the TLC's file names.
"""

from __future__ import annotations

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
"""The Data Engineering Zoomcamp's copy of the TLC's monthly files as they were until 2021-07."""

OFFICIAL = (
    "https://d37ci6vzurychx.cloudfront.net/trip-data/{colour}_tripdata_{year}-{month:02}.parquet"
)
"""The TLC's own monthly files, Parquet since 2022-05; a month appears about two months later."""

SOURCES = {"mirror": COURSE_MIRROR, "official": OFFICIAL}

FILE_NAME = "{colour}_tripdata_{year}-{month:02}"
SUFFIXES = (".csv.gz", ".parquet", ".csv")  # in the order in which a folder is searched

CHUNK = 256 << 10  # bytes read from a local file at a time
TIMEOUT = httpx.Timeout(60, connect=15)  # seconds without a byte, not for the whole file
RETRY_DELAYS: tuple[float, ...] = (2, 10, 30)
"""Seconds before each further try, counted anew whenever bytes have arrived."""

# Answers that say "not now" rather than "no".
_WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}

Tell = Callable[[str], None]


# --- addresses -----------------------------------------------------------------------------------


def month_address(source: str, colour: str, year: int, month: int) -> str:
    """The address of one month.

    Raises:
        SourceError: A placeholder that is not one of colour, year and month.
    """
    source = SOURCES.get(source, source)
    if "{" not in source and not source.endswith(SUFFIXES):
        source = f"{source.rstrip('/')}/{FILE_NAME}{SUFFIXES[0]}"
    try:
        return source.format(colour=colour, year=year, month=month)
    except (LookupError, ValueError, AttributeError) as exc:
        raise SourceError(
            f"the source {source!r} cannot be filled in: {exc}",
            hint="its placeholders are {colour}, {year} and {month:02}",
        ) from exc


def month_addresses(source: str, colour: str, year: int, months: list[int]) -> dict[int, str]:
    """The address of every month.

    Raises:
        SourceError: As `month_address`; or two months have one address, so that the same
            trips would be written under two names.
    """
    addresses = {month: month_address(source, colour, year, month) for month in months}
    if len(set(addresses.values())) < len(addresses):
        raise SourceError(
            f"the source {shown(source)!r} is the same file for every month",
            hint="put {month:02} where the month stands in the address",
        )
    return addresses


def check_address(address: str) -> None:
    """Refuse an address at which no month can be, whichever it is; nothing is requested.

    Raises:
        SourceError: Another scheme than https, http and file; or a folder that is not there.
    """
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        return
    folder = _on_this_machine(address).parent
    if not folder.is_dir():
        raise SourceError(
            f"there is no folder {folder}",
            hint="the source is mirror, official, a folder, or an address with {colour}, {year}"
            " and {month:02}",
        )


def shown(address: str) -> str:
    """An address as it may appear in a log: without user, password, query and fragment."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https"):
        return address
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


# --- the stream ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fingerprint:
    """What tells one state of a published file from another.

    Attributes:
        etag: The server's ETag.
        modified: The server's Last-Modified, or a local file's time in nanoseconds.
        size: Bytes.
        sha256: Of the whole content; only where the source says neither of the first two.
    """

    etag: str = ""
    modified: str = ""
    size: int | None = None
    sha256: str = ""

    @property
    def tells(self) -> bool:
        """Whether equal fingerprints mean equal files, without reading them."""
        return bool(self.etag or self.modified)


@dataclass
class Stream:
    """A published file, opened.

    Attributes:
        name: The file's name, for messages.
        fingerprint: Its state.
        unchanged: It is as it was known before; there are no chunks then.
        chunks: Its bytes, to be read once.
        path: Where it is, for a file on this machine.
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
    tell: Tell = _ignore,
    stop: threading.Event | None = None,
) -> Iterator[Stream]:
    """Open the file at `address`, unless it is still as `known`.

    One request, in either case. What may work later is tried again after `RETRY_DELAYS`; a
    download that breaks off goes on where it was.

    Args:
        address: ``https://``, ``http://``, ``file://`` or a path.
        known: The state that was read before.
        tell: Takes a line about each further try.
        stop: When set, there are no further tries.

    Raises:
        NotPublishedError: There is no such file.
        UnavailableError: No or a broken answer, however often we tried.
        SourceError: A refusal, or an address that cannot work.
    """
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        with httpx.Client(follow_redirects=True, timeout=TIMEOUT) as client:
            download = _Download(client, address, tell, stop or threading.Event())
            try:
                yield download.open(known)
            finally:
                download.close()
        return
    path = _local_path(address)
    stat = path.stat()
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
            f"{shown(address)}: {parts.scheme}:// addresses are not read",
            hint="use https://, file:// or a folder",
        )
    return Path(address).expanduser()


def _local_path(address: str) -> Path:
    path = _on_this_machine(address)
    if path.is_file():
        return path
    # The same month in another of the usual forms.
    suffix = next((s for s in SUFFIXES if path.name.endswith(s)), "")
    stem = path.name.removesuffix(suffix)
    others = [other for other in SUFFIXES if suffix and other != suffix]
    for other in others:
        if (path.parent / f"{stem}{other}").is_file():
            return path.parent / f"{stem}{other}"
    nor = f", nor does it with {' or '.join(others)}" if others else ""
    raise NotPublishedError(f"{path} does not exist{nor}")


def _read_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as exc:
        raise SourceError(f"{path} cannot be read: {exc.strerror or exc}") from exc


class _Download:
    """One file over HTTP, across as many connections as it takes."""

    def __init__(
        self, client: httpx.Client, address: str, tell: Tell, stop: threading.Event
    ) -> None:
        self._client = client
        self._address = address
        self._tell = tell
        self._stop = stop
        self._response: httpx.Response | None = None
        self._received = 0
        self._failures = 0

    def open(self, known: Fingerprint | None) -> Stream:
        """Ask for the file."""
        # identity: the file is compressed already, and must arrive as it is stored.
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
        if known and state.tells and state == replace(known, sha256=""):
            return Stream(name, state, unchanged=True)
        return Stream(name, state, chunks=self._chunks(response, state))

    def close(self) -> None:
        """Give the connection up; what was not read is not fetched."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def _chunks(self, response: httpx.Response, state: Fingerprint) -> Iterator[bytes]:
        skip = 0  # bytes we have, from a server that sends everything again
        while True:
            try:
                for chunk in response.iter_raw():  # of a fixed size, it would hold a rest back
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
        # A weak ETag is not allowed here; the answer's own state is compared in any case.
        validator = state.etag if not state.etag.startswith("W/") else state.modified
        if validator:
            headers["If-Range"] = validator
        response = self._ask(headers)
        now = _state(response)
        if response.status_code == httpx.codes.PARTIAL_CONTENT:
            said = response.headers.get("Content-Range", "")
            fits = said.startswith(f"bytes {self._received}-")
            now = replace(now, size=state.size)
        else:
            fits = True
        if not fits or now != state:
            raise UnavailableError(
                f"{shown(self._address)}: the file changed while it was read",
                hint="run the month again",
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

    def _wait_or_raise(self, told: SourceError, cause: Exception) -> None:
        if not isinstance(told, UnavailableError) or self._failures >= len(RETRY_DELAYS):
            raise told from cause
        delay = RETRY_DELAYS[self._failures]
        self._failures += 1
        self._tell(f"{told.message}; trying again in {delay:g} s")
        if self._stop.wait(delay):
            raise told from cause


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
    said = f"{shown(address)}: the server answered {status} {response.reason_phrase}".rstrip()
    if status in (404, 410):
        raise NotPublishedError(said, hint="this month is not published there (yet)")
    if status in _WORTH_RETRYING:
        raise UnavailableError(said)
    if status == 403:
        raise SourceError(said, hint="it refuses the request, or hides that there is no such month")
    raise SourceError(said)


def _explain(exc: Exception, address: str) -> SourceError:
    said = f"{shown(address)}: {str(exc) or type(exc).__name__}"
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return SourceError(
            said, hint="set SSL_CERT_FILE to a bundle with your network's certificate"
        )
    if isinstance(exc, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return SourceError(said)
    if isinstance(exc, httpx.TransportError):
        return UnavailableError(said)
    return SourceError(said)
