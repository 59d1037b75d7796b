"""Where a month comes from: its address, and bringing it to a local file.

A source is an ``https://`` or ``file://`` template, or a folder:

- with the placeholders ``{colour}``, ``{year}`` and ``{month:02}``, they are filled in;
- without any, and not itself a CSV file, it holds the months under the TLC's file names.
"""

from __future__ import annotations

import shutil
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

FILE_NAME = "{colour}_tripdata_{year}-{month:02}.csv.gz"

CHUNK = 1 << 20  # bytes read from the network at a time
TIMEOUT = httpx.Timeout(60, connect=15)  # seconds without a byte, not for the whole file

# Answers that say "not now" rather than "no".
_WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}


def month_address(source: str, colour: str, year: int, month: int) -> str:
    """The address of one month.

    Raises:
        SourceError: A placeholder that is not one of colour, year and month.
    """
    if "{" not in source and not source.endswith((".csv.gz", ".csv")):
        source = f"{source.rstrip('/')}/{FILE_NAME}"
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


def fetch(address: str, folder: Path) -> Path:
    """Bring the file at `address` to this machine.

    Args:
        address: ``https://``, ``http://``, ``file://`` or a path.
        folder: Where a downloaded file is put; a file that is already local stays where it is.

    Raises:
        NotPublishedError: There is no such file.
        UnavailableError: No or a broken answer, worth another try.
        SourceError: A refusal, or an address that cannot work.
    """
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        return _download(address, folder / Path(parts.path).name)
    if parts.scheme == "file":
        path = Path(url2pathname(parts.path))
    elif "://" in address:
        raise SourceError(
            f"{shown(address)}: {parts.scheme}:// addresses are not read",
            hint="use https://, file:// or a folder",
        )
    else:
        path = Path(address).expanduser()
    if not path.is_file():
        raise NotPublishedError(f"{path} does not exist")
    return path


def _download(address: str, target: Path) -> Path:
    # identity: the file is compressed already, and must arrive as it is stored.
    request = httpx.stream(
        "GET",
        address,
        headers={"Accept-Encoding": "identity"},
        follow_redirects=True,
        timeout=TIMEOUT,
    )
    part = target.with_name(f"{target.name}.part")
    try:
        with request as response:
            _refuse_bad_status(response, address)
            with part.open("wb") as file:
                for chunk in response.iter_raw(CHUNK):
                    file.write(chunk)
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise _explain(exc, address) from exc
    shutil.move(part, target)
    return target


def _refuse_bad_status(response: httpx.Response, address: str) -> None:
    status = response.status_code
    if status == httpx.codes.OK:
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


def shown(address: str) -> str:
    """An address as it may appear in a log: without user, password, query and fragment."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https"):
        return address
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
